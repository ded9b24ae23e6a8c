//! Many calls, a few under way at a time, answers in the order in which they come.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::iter::Fuse;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures_util::stream::{FuturesUnordered, Stream};

use crate::BoxFuture;

/// One call for each item of an iterator, a few under way at a time. Facades make it, such as `check_many` of `numcheck-qxt`.
///
/// [`next`](Self::next) hands over each answer as soon as it is there, whatever is still under way; it is a [`Stream`], too. Nothing is sent before
/// the first `next`, and one failure does not stop the others.
///
/// # Stopping
///
/// [`stop_asking`](Self::stop_asking), then `next` until `None`: nothing more is sent, and no answer is lost. Dropping it instead drops the calls that are
/// under way; they may have been carried out and paid for. [`under_way`](Self::under_way) lists them, also after the drop.
///
/// ```
/// use numcheck_transport::ManyCalls;
///
/// # futures_util::FutureExt::now_or_never(async {
/// let mut squares = ManyCalls::new(1..=3, 2, |n: u32| Box::pin(async move { n * n }));
/// let under_way = squares.under_way();
/// let first = squares.next().await;
/// assert_eq!(first, Some((1, 1)));
/// squares.stop_asking();
/// while let Some((n, square)) = squares.next().await {
///     println!("{n}: {square}");
/// }
/// assert!(under_way.list().is_empty());
/// # });
/// ```
#[must_use = "nothing is sent until `next`"]
pub struct ManyCalls<I: Iterator, T> {
    items: Fuse<I>,
    call: Box<dyn FnMut(I::Item) -> BoxFuture<'static, T> + Send>,
    at_once: usize,
    stopped: bool,
    begun: u64,
    calls: FuturesUnordered<BoxFuture<'static, (u64, T)>>,
    under_way: UnderWay<I::Item>,
}

impl<I: Iterator, T: 'static> ManyCalls<I, T>
where
    I::Item: Clone + Send + 'static,
{
    /// Calls `call` for each item, `at_once` (0 counts as 1) under way at a time.
    pub fn new(
        items: I,
        at_once: usize,
        call: impl FnMut(I::Item) -> BoxFuture<'static, T> + Send + 'static,
    ) -> Self {
        Self {
            items: items.fuse(),
            call: Box::new(call),
            at_once: at_once.max(1),
            stopped: false,
            begun: 0,
            calls: FuturesUnordered::new(),
            under_way: UnderWay::default(),
        }
    }

    /// The next item that has its answer, and that answer; `None` after the last. Begins as many calls as there is room for.
    ///
    /// Dropping the future of `next` loses nothing: the next one goes on.
    pub async fn next(&mut self) -> Option<(I::Item, T)> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Begins no more calls. Those that are under way go on: `next` hands over their answers, and is `None` after the last of them.
    pub fn stop_asking(&mut self) {
        self.stopped = true;
    }

    /// Which items were sent and have no answer that was handed over; still to be read when this is dropped.
    pub fn under_way(&self) -> UnderWay<I::Item> {
        self.under_way.clone()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<(I::Item, T)>> {
        loop {
            while !self.stopped
                && self.calls.len() < self.at_once
                && let Some(item) = self.items.next()
            {
                let (id, under_way) = (self.begun, self.under_way.clone());
                self.begun += 1;
                let call = (self.call)(item.clone());
                self.calls.push(Box::pin(async move {
                    // A call that is dropped before it is polled has sent nothing.
                    under_way.items().insert(id, item);
                    (id, call.await)
                }));
            }
            let Some((id, answer)) = ready!(Pin::new(&mut self.calls).poll_next(cx)) else {
                return Poll::Ready(None);
            };
            let item = self.under_way.items().remove(&id);
            if let Some(item) = item {
                return Poll::Ready(Some((item, answer)));
            }
        }
    }
}

impl<I: Iterator + Unpin, T: 'static> Stream for ManyCalls<I, T>
where
    I::Item: Clone + Send + 'static,
{
    type Item = (I::Item, T);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}

impl<I: Iterator, T> fmt::Debug for ManyCalls<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManyCalls")
            .field("at_once", &self.at_once)
            .field("under_way", &self.calls.len())
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}

/// Items of [`ManyCalls`] that were sent and have no answer yet. Cheap to clone; clones see the same. `Debug` shows how many.
#[derive(Clone)]
pub struct UnderWay<K>(Arc<Mutex<BTreeMap<u64, K>>>);

impl<K: Clone> UnderWay<K> {
    /// The items, in the order in which they were begun. Once the [`ManyCalls`] was dropped: those that may have been carried out and
    /// whose answers nobody has.
    pub fn list(&self) -> Vec<K> {
        self.items().values().cloned().collect()
    }
}

impl<K> UnderWay<K> {
    fn items(&self) -> MutexGuard<'_, BTreeMap<u64, K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Default for UnderWay<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K> fmt::Debug for UnderWay<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnderWay").field("items", &self.items().len()).finish()
    }
}
