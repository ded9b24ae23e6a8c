//! Many queries, a few under way at a time.
//!
//! It keeps the input's order and a bound on what is under way. It must not ask ahead of what its owner takes, nor ask twice.

use std::fmt;
use std::iter::Fuse;
use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use numcheck_protocol::qxt::Mobile;
use numcheck_transport::CallError;

use crate::{Answer, Client};

/// Many queries under way. Made by [`Client::check_many`].
///
/// Nothing is asked before the first [`next`](Self::next). Each call of `next` keeps as many queries under way as were allowed; an
/// answer that came early waits for those before it, and counts as under way until then.
///
/// Dropping it stops the asking. Answers that were taken stay yours; queries that are under way then are in doubt: they may have
/// been charged.
///
/// ```no_run
/// # use numcheck_qxt::protocol::qxt::Mobile;
/// # async fn example(client: numcheck_qxt::Client, mobiles: Vec<Mobile>) {
/// let mut answers = client.check_many(mobiles, 8);
/// while let Some((mobile, answer)) = answers.next().await {
///     match answer {
///         Ok(answer) => println!("{mobile}: {:?}", answer.is_privacy()),
///         Err(error) => eprintln!("{mobile}: {error}"),
///     }
/// }
/// # }
/// ```
#[must_use = "nothing is asked until `next`"]
pub struct CheckMany<I> {
    client: Client,
    mobiles: Fuse<I>,
    at_once: usize,
    under_way: FuturesOrdered<Query>,
}

type Query = Pin<Box<dyn Future<Output = (Mobile, Result<Answer, CallError>)> + Send>>;

impl<I: Iterator<Item = Mobile>> CheckMany<I> {
    pub(crate) fn new(client: Client, mobiles: I, at_once: usize) -> Self {
        Self { client, mobiles: mobiles.fuse(), at_once: at_once.max(1), under_way: FuturesOrdered::new() }
    }

    /// The next number and its answer, in the input's order; `None` after the last. Costs money for each number that it asks about.
    ///
    /// Dropping the future of `next` loses nothing: the next one goes on.
    pub async fn next(&mut self) -> Option<(Mobile, Result<Answer, CallError>)> {
        while self.under_way.len() < self.at_once
            && let Some(mobile) = self.mobiles.next()
        {
            let query = self.client.check(mobile);
            self.under_way.push_back(Box::pin(async move { (mobile, query.await) }));
        }
        self.under_way.next().await
    }

    /// All that are left, in the input's order. Dropping the future half-way loses the answers that it has got so far, which were
    /// paid for: use [`next`](Self::next) where that can happen.
    pub async fn all(mut self) -> Vec<(Mobile, Result<Answer, CallError>)> {
        let mut all = Vec::with_capacity(self.mobiles.size_hint().0.min(1 << 16));
        while let Some(one) = self.next().await {
            all.push(one);
        }
        all
    }
}

impl<I> fmt::Debug for CheckMany<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckMany")
            .field("at_once", &self.at_once)
            .field("under_way", &self.under_way.len())
            .finish_non_exhaustive()
    }
}
