//! What every service must do, whatever it asks: one suite, generic over [`CheckService`].

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use numcheck_bulk::store::reading::{self, SharedReader};
use numcheck_bulk::{CheckService, ConfirmClaim, Submission, Submitted};
use numcheck_protocol::PhoneNumber;

use super::made::batch_no;

/// A service and the platform behind it, as a test has them.
pub trait ServicePlace {
    type Service: CheckService;
    fn service(&self) -> &Self::Service;
    /// By what a store reads its results.
    fn reader(&self) -> SharedReader;
    /// A level of the service.
    fn level(&self) -> i64;
    /// A phone number that the platform checks.
    fn number(&self) -> PhoneNumber;
    /// How many requests have reached the platform.
    fn requests(&self) -> u64;
    /// The platform carries out the next request, and its answer is lost.
    fn lose_next_answer(&self);
    /// The platform refuses the account from now on.
    fn refuse_account(&self);
}

/// A claim that holds, or does not, and counts how often it was asked.
#[derive(Debug)]
struct Claim {
    holds: bool,
    asked: AtomicU64,
}

impl ConfirmClaim for Claim {
    fn confirm(&self, ts_ms: u64) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        assert!(ts_ms > 0, "with the timestamp that is about to be signed");
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { self.holds })
    }
}

async fn submit<P: ServicePlace>(place: &P, holds: bool) -> (Submitted, u64) {
    let claim = Arc::new(Claim { holds, asked: AtomicU64::new(0) });
    let numbers = vec![place.number()];
    let confirm = Arc::clone(&claim) as Arc<dyn ConfirmClaim>;
    let submission = Submission::new(batch_no("suite-1"), place.level(), numbers, confirm);
    let submitted = place.service().submit(submission).await;
    (submitted, claim.asked.load(Ordering::SeqCst))
}

pub async fn nothing_is_sent_without_a_claim_that_holds<P: ServicePlace>(place: &P) {
    let (submitted, asked) = submit(place, false).await;
    assert!(matches!(submitted, Submitted::NotSent { .. }), "{submitted:?}");
    assert_eq!((place.requests(), asked), (0, 1));
}

pub async fn a_claim_is_confirmed_before_each_request<P: ServicePlace>(place: &P) {
    let (submitted, asked) = submit(place, true).await;
    assert!(matches!(submitted, Submitted::Accepted { .. }), "{submitted:?}");
    assert!(place.requests() >= 1 && asked >= place.requests(), "{asked} of {}", place.requests());
}

pub async fn what_a_reply_brings_can_be_read_and_is_about_its_number<P: ServicePlace>(place: &P) {
    let info = place.service().info();
    let (Submitted::Accepted { results, .. }, _) = submit(place, true).await else {
        panic!("the platform did not take it");
    };
    assert!(info.comes_later || !results.is_empty(), "nothing else will ever say what became of it");
    for row in &results {
        let facts = reading::read(&*place.reader(), info.name, row.source, &row.body);
        let facts = facts.expect("what is stored can be read");
        assert!(facts.number.is_none_or(|number| number == place.number()));
    }
}

pub async fn a_lost_answer_is_a_doubt_and_the_request_is_not_repeated<P: ServicePlace>(place: &P) {
    place.lose_next_answer();
    let (submitted, _) = submit(place, true).await;
    assert!(matches!(submitted, Submitted::InDoubt { .. }), "{submitted:?}");
    assert_eq!(place.requests(), 1);
}

pub async fn a_refusal_of_the_account_is_one_for_every_number<P: ServicePlace>(place: &P) {
    place.refuse_account();
    let (submitted, _) = submit(place, true).await;
    assert!(matches!(submitted, Submitted::Refused { for_all: true, .. }), "{submitted:?}");
}

/// The suite for a service as tests of the crate that calls it, which needs tokio's features `macros` and `rt-multi-thread`. The argument
/// makes a [`ServicePlace`](crate::conformance::service::ServicePlace) for each case.
///
/// ```text
/// numcheck_bulk::service_conformance!(MyPlace::new().await);
/// ```
#[macro_export]
macro_rules! service_conformance {
    ($place:expr) => {
        $crate::service_conformance!($place;
            nothing_is_sent_without_a_claim_that_holds
            a_claim_is_confirmed_before_each_request
            what_a_reply_brings_can_be_read_and_is_about_its_number
            a_lost_answer_is_a_doubt_and_the_request_is_not_repeated
            a_refusal_of_the_account_is_one_for_every_number
        );
    };
    ($place:expr; $($case:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            $crate::conformance::service::$case(&$place).await;
        }
    )*};
}
