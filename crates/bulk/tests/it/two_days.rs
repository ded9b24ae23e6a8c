//! A batch whose rows stand under two of the platform's days.

use numcheck_bulk::conformance::reader::reader;
use std::collections::BTreeSet;
use std::sync::Arc;

use numcheck_bulk::conformance::made::{Push, T0, accepted, enter, of_numbers, shared};
use numcheck_bulk::proof::ProofRules;
use numcheck_bulk::{
    Cancel, CheckService, Found, Inbox, Reconcile, Row, Sqlite, Store, Submission, Submitted, Times,
    WallClock,
};
use numcheck_protocol::{BatchNo, Date, PhoneNumber};

/// Two hours later: everything that was pushed came, and the platform had its time.
#[derive(Debug)]
struct Later;

impl WallClock for Later {
    fn now_ms(&self) -> u64 {
        T0 + 2 * 60 * 60_000
    }
}

/// Shows the last phone number under the last day that it is asked for, and all others under the first, as the command's platform does.
struct TwoDays(Vec<PhoneNumber>);

impl CheckService for TwoDays {
    fn info(&self) -> numcheck_bulk::ServiceInfo {
        numcheck_bulk::ServiceInfo::new(numcheck_bulk::Scope::NUMBER_CHECK, 10_000)
    }

    async fn submit(&self, _: Submission) -> Submitted {
        panic!("nothing is left to send")
    }

    async fn query(&self, batch_no: &BatchNo, days: &[Date], enough: u64) -> Found {
        let (last, others) = self.0.split_last().unwrap();
        let mut shown = BTreeSet::new();
        let mut found =
            Found { clean: true, form: Some("list".into()), asked_ms: Later.now_ms(), ..Found::default() };
        for (at, day) in days.iter().enumerate() {
            let of_day: &[PhoneNumber] = match at {
                0 => others,
                _ if at + 1 == days.len() => std::slice::from_ref(last),
                _ => &[],
            };
            for number in of_day {
                shown.insert(*number);
                found.rows.push(Row::fetched(Push::of(batch_no, *number).row()));
                found.days.push(*day);
            }
            if shown.len() as u64 >= enough {
                break;
            }
        }
        (found.known, found.shown) = (true, shown.len() as u64);
        found
    }
}

#[tokio::test]
async fn what_stands_under_the_second_day_is_found_although_the_first_shows_as_many_as_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Sqlite::open(&folder.path().join("jobs.db"), reader()).unwrap());
    let numbers = shared(0..10);
    let job = of_numbers(&*store, 1, &numbers).await;
    let claimed = accepted(&*store, &job).await;
    // Nine were settled before; the tenth is missing, and the first day shows the nine.
    let pushes = numbers[..9].iter().map(|number| Push::of(&claimed.batch_no, *number).pushed());
    enter(&*store, pushes.collect()).await;
    let inbox = Inbox::new(Arc::clone(&store), Arc::new(Later));
    let platform = Arc::new(TwoDays(numbers));
    let reconcile = Reconcile::new(
        Arc::clone(&store),
        platform,
        inbox,
        Arc::new(Later),
        Times::default(),
        ProofRules::new(),
    );
    let round = reconcile.round(&job, &Cancel::new()).await.unwrap();
    let ledger = store.ledger(job.id).await.unwrap();
    assert_eq!((round.missing, ledger.settled, ledger.missing), (0, 10, 0));
}
