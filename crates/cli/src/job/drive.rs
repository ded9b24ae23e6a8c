//! Drives a job: submits its batches, then waits for the results.
//!
//! It never submits a batch twice: what was sent and not answered is in doubt, and stays so until a result says otherwise.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use numcheck_protocol::{BatchNo, PhoneNumber};

use super::book::Book;

/// What submits a batch. It may wait for its turn, and may repeat what surely did not leave; nothing else.
pub(crate) trait Submitter: Send + Sync {
    /// Submits, and says how it ended.
    fn submit(&self, batch_no: BatchNo, numbers: Vec<PhoneNumber>) -> impl Future<Output = Outcome> + Send;
}

/// How submitting a batch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The platform took it: results will come, and cost.
    Accepted,
    /// The platform refused it.
    Refused {
        /// Its code, if it gave one.
        code: Option<i64>,
        /// Its text.
        message: String,
        /// Whether the next batch would fare no better: wrong keys, no balance.
        for_all: bool,
    },
    /// It never left.
    NotSent {
        /// Why.
        message: String,
    },
    /// It may have been carried out: its answer was lost, or does not say.
    InDoubt {
        /// The platform's code, if it gave one.
        code: Option<i64>,
        /// Why nobody knows.
        message: String,
    },
}

impl Outcome {
    pub(crate) fn results_may_come(&self) -> bool {
        matches!(self, Self::Accepted | Self::InDoubt { .. })
    }
}

/// How many requests are under way at once. The platform's rate limits are kept by what submits.
const AT_ONCE: usize = 8;
/// After so many batches in a row that never left, the rest is not tried.
const GIVE_UP_AFTER: usize = 3;

/// Submits every batch once. Stops early when a refusal would meet every batch, when nothing leaves this machine, or when
/// `stop` says so; what was not submitted by then stays planned.
pub(crate) async fn submit_all<S: Submitter>(book: &Book, submitter: &S, stop: &(dyn Fn() -> bool + Sync)) {
    let batches = book.batches();
    let next = AtomicUsize::new(0);
    let unsent = AtomicUsize::new(0);
    let halt = |why: &str| {
        next.store(batches, Ordering::SeqCst);
        book.halt(why.to_owned());
    };
    let worker = || async {
        while !stop() {
            let at = next.fetch_add(1, Ordering::SeqCst);
            if at >= batches {
                return;
            }
            let Some((batch_no, numbers)) = book.begin(at) else { return };
            let outcome = submitter.submit(batch_no, numbers).await;
            match &outcome {
                Outcome::Refused { message, for_all: true, .. } => halt(message),
                Outcome::NotSent { message } => {
                    if unsent.fetch_add(1, Ordering::SeqCst) + 1 >= GIVE_UP_AFTER {
                        halt(message);
                    }
                }
                _ => unsent.store(0, Ordering::SeqCst),
            }
            book.end(at, outcome);
        }
    };
    // On this task: no request can outlive the call.
    join_all((0..AT_ONCE).map(|_| worker())).await;
}

/// Waits until no result is pending, or none has come for `quiet`.
pub(crate) async fn wait_for_results(book: &Book, quiet: Duration) {
    loop {
        let changed = book.changed();
        if book.progress().pending == 0 || tokio::time::timeout(quiet, changed).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::{Fate, Journal, Plan};
    use super::*;

    /// Answers batch by batch from a script, and writes down what it was asked to submit.
    struct Script {
        outcomes: Mutex<Vec<Outcome>>,
        asked: Mutex<Vec<String>>,
    }

    impl Script {
        fn new(outcomes: impl IntoIterator<Item = Outcome>) -> Self {
            let mut outcomes: Vec<_> = outcomes.into_iter().collect();
            outcomes.reverse();
            Self { outcomes: Mutex::new(outcomes), asked: Mutex::default() }
        }

        fn asked(&self) -> Vec<String> {
            self.asked.lock().unwrap().clone()
        }
    }

    impl Submitter for Script {
        async fn submit(&self, batch_no: BatchNo, _: Vec<PhoneNumber>) -> Outcome {
            self.asked.lock().unwrap().push(batch_no.to_string());
            self.outcomes.lock().unwrap().pop().unwrap_or(Outcome::Accepted)
        }
    }

    fn number(at: u32) -> PhoneNumber {
        PhoneNumber::new(&format!("8521{at:07}")).unwrap()
    }

    /// A job of `count` numbers, one a batch.
    fn book(count: u32) -> Book {
        let mut plan = Plan::new();
        for at in 0..count {
            plan.add(number(at), |_| ()).unwrap();
        }
        let (numbers, batches) = plan.cut(1, "t").unwrap();
        Book::new(numbers, batches, Journal::new(tempfile::tempfile().unwrap()).unwrap())
    }

    fn push(at: u32) -> Vec<u8> {
        format!(r#"{{"messageId":"x","code":0,"phone":"{}","data":{{}}}}"#, number(at).digits()).into_bytes()
    }

    #[tokio::test]
    async fn a_batch_is_submitted_once_whatever_became_of_it() {
        let book = book(40);
        let doubt = |_| Outcome::InDoubt { code: None, message: "the answer was lost".into() };
        let script = Script::new((0..40).map(doubt));
        submit_all(&book, &script, &|| false).await;
        let mut asked = script.asked();
        asked.sort();
        asked.dedup();
        assert_eq!((asked.len(), script.asked().len()), (40, 40));
        assert!(matches!(book.fate(&number(7)).unwrap(), Some(Fate::InDoubt { .. })));
    }

    #[tokio::test]
    async fn a_result_settles_what_was_in_doubt() {
        let book = book(1);
        submit_all(&book, &Script::new([Outcome::InDoubt { code: None, message: "?".into() }]), &|| false)
            .await;
        assert_eq!(book.progress().pending, 1);
        book.receive("t-1", &push(0)).await.unwrap();
        assert_eq!(book.progress().pending, 0);
        assert!(matches!(book.fate(&number(0)).unwrap(), Some(Fate::Result(body)) if body == push(0)));
    }

    #[tokio::test]
    async fn a_refusal_that_would_meet_every_batch_ends_the_submitting() {
        let book = book(100);
        let refused = Outcome::Refused { code: Some(211), message: "balance too low".into(), for_all: true };
        let script = Script::new([refused]);
        submit_all(&book, &script, &|| false).await;
        assert!(script.asked().len() <= AT_ONCE, "{}", script.asked().len());
        assert!(
            matches!(book.fate(&number(99)).unwrap(), Some(Fate::Refused { message, .. }) if message == "not sent: balance too low")
        );
    }

    #[tokio::test]
    async fn repeats_in_any_order_also_before_the_answer_change_nothing() {
        let book = book(2);
        book.receive("t-2", &push(1)).await.unwrap();
        submit_all(&book, &Script::new([]), &|| false).await;
        for _ in 0..50 {
            book.receive("t-2", &push(1)).await.unwrap();
            book.receive("t-1", &push(0)).await.unwrap();
        }
        let progress = book.progress();
        assert_eq!((progress.settled, progress.pending), (2, 0));
        assert_eq!((book.seen().repeats, book.seen().conflicts), (99, 0));
    }

    #[tokio::test]
    async fn a_second_result_with_other_content_keeps_the_first_and_is_counted() {
        let book = book(1);
        book.receive("t-1", &push(0)).await.unwrap();
        let other = format!(r#"{{"code":103,"phone":"{}"}}"#, number(0).digits());
        book.receive("t-1", other.as_bytes()).await.unwrap();
        assert_eq!(book.seen().conflicts, 1);
        assert!(matches!(book.fate(&number(0)).unwrap(), Some(Fate::Result(body)) if body == push(0)));
    }

    #[tokio::test]
    async fn what_cannot_be_read_or_matched_is_stored_and_counted() {
        let book = book(2);
        for (batch_no, body) in [("t-1", &b"not json"[..]), ("unknown", &push(0)), ("t-1", &push(1))] {
            book.receive(batch_no, body).await.unwrap();
        }
        // `t-1` holds one number, so a push of that batch which names another number of this job is not taken for it.
        assert_eq!((book.seen().unmatched, book.progress().settled), (3, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_when_nothing_has_come_for_the_quiet_time() {
        let book = book(1);
        submit_all(&book, &Script::new([]), &|| false).await;
        wait_for_results(&book, Duration::from_secs(3660)).await;
        assert!(matches!(book.fate(&number(0)).unwrap(), Some(Fate::Missing)));
    }
}
