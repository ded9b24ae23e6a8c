//! A service of one's own: a third one beside NXCLOUD and QXT, here a platform that lives in this process and says whether the last digit
//! of a number is even. It is asked one by one and answers at once.
//!
//! `cargo test -p numcheck-bulk --example own_service` holds it against the suite that every service must pass.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use numcheck_bulk::store::Source;
use numcheck_bulk::store::reading::{Facts, ReadResults};
use numcheck_bulk::{
    Cancel, CheckService, Delivery, Drive, Grouping, JobName, JobSpec, Outcome, Planner, Row, Scope,
    ServiceInfo, Sqlite, Store, Submission, Submitted, SystemWallClock, WallClock,
};
use numcheck_protocol::PhoneNumber;

/// The platform: it counts what it is asked, because each answer costs.
#[derive(Debug, Default)]
struct Platform {
    asked: AtomicU64,
    loses_answer: AtomicBool,
    refuses: AtomicBool,
}

impl Platform {
    fn ask(&self, number: &PhoneNumber) -> Result<String, &'static str> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.refuses.load(Ordering::SeqCst) {
            return Err("wrong key");
        }
        let even = number.digits().ends_with(['0', '2', '4', '6', '8']);
        let answer = format!("{} {even}", number.digits());
        if self.loses_answer.swap(false, Ordering::SeqCst) { Err("lost") } else { Ok(answer) }
    }
}

/// The service, as a job sees it.
#[derive(Debug)]
struct Parity(Arc<Platform>);

const PARITY: &str = "parity";
/// A figure that no other service of the store uses: prices are kept by it.
const LEVEL: i64 = 1000;

impl CheckService for Parity {
    fn info(&self) -> ServiceInfo {
        ServiceInfo::synchronous(PARITY)
    }

    async fn submit(&self, submission: Submission) -> Submitted {
        let [number] = submission.numbers[..] else {
            return Submitted::NotSent { message: "one number at a time".to_owned() };
        };
        // Whatever is sent is confirmed first, with the time of the request.
        if !submission.claim.confirm(SystemWallClock.now_ms()).await {
            return Submitted::NotSent { message: "the claim does not hold".to_owned() };
        }
        match self.0.ask(&number) {
            Ok(answer) => Submitted::Accepted {
                message_id: None,
                results: vec![Row::reply(answer.into_bytes())],
                drift: Vec::new(),
            },
            Err("wrong key") => {
                Submitted::Refused { code: None, message: "wrong key".to_owned(), for_all: true }
            }
            Err(why) => {
                let kept = Vec::new();
                Submitted::InDoubt {
                    code: None,
                    message: why.to_owned(),
                    from_reply: false,
                    for_all: false,
                    kept,
                }
            }
        }
    }
}

/// How its answers are read.
#[derive(Debug)]
struct ParityReader;

impl ReadResults for ParityReader {
    fn read(&self, service: &str, _: Source, body: &[u8]) -> Option<Facts> {
        let (number, even) = std::str::from_utf8(body).ok()?.split_once(' ')?;
        let _: bool = even.parse().ok().filter(|_| service == PARITY)?;
        let mut facts = Facts::new(Outcome::Done);
        facts.number = Some(PhoneNumber::new(number).ok()?);
        facts.cost = Some(("USD".parse().ok()?, "0.01".parse().ok()?));
        Some(facts)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("own-service-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let platform = Arc::new(Platform::default());
    let store = Arc::new(Sqlite::open(&folder.join("jobs.db"), Arc::new(ParityReader))?);
    for job in 1..=2 {
        check(&store, &platform, job).await?;
    }
    // The second job's numbers were paid for already.
    println!("asked {} times", platform.asked.load(Ordering::SeqCst));
    drop(store);
    std::fs::remove_dir_all(Path::new(&folder))?;
    Ok(())
}

async fn check(
    store: &Arc<Sqlite>,
    platform: &Arc<Platform>,
    job: u8,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut planner = Planner::<&str>::default();
    for row in 0..100 {
        planner.add(row, PhoneNumber::new(&format!("86138{row:08}"))?, |_| "CN")?;
    }
    let scope = Scope::new("account", PARITY, LEVEL);
    let spec = JobSpec::new(scope, format!("set {job}"), Delivery::Poll, serde_json::Value::Null);
    let job = store.create_job(&JobName::from_random([job; 8]), &spec, 1).await?;
    let plan = planner.finish(Grouping::Apart, 50);
    store.add_batches(job.id, plan.cut(&job.name).collect::<Result<_, _>>()?).await?;
    let job = store.finish_plan(job.id, 100).await?;
    let (service, clock) = (Arc::new(Parity(Arc::clone(platform))), Arc::new(SystemWallClock));
    let drive = Drive::new(Arc::clone(store), service, clock, "example".to_owned());
    drive.run(&job, &Cancel::new()).await?;
    while store.fold(1000).await?.seen > 0 {}
    let ledger = store.ledger(job.id).await?;
    println!("{} checked, {} reused, {:?}", ledger.settled, ledger.reused.done, ledger.total());
    Ok(())
}

#[cfg(test)]
mod suite {
    use numcheck_bulk::conformance::service::ServicePlace;
    use numcheck_bulk::store::reading::SharedReader;

    use super::*;

    struct Place(Parity);

    impl ServicePlace for Place {
        type Service = Parity;

        fn service(&self) -> &Parity {
            &self.0
        }

        fn reader(&self) -> SharedReader {
            Arc::new(ParityReader)
        }

        fn level(&self) -> i64 {
            LEVEL
        }

        fn number(&self) -> PhoneNumber {
            PhoneNumber::new("8613800138000").unwrap()
        }

        fn requests(&self) -> u64 {
            self.0.0.asked.load(Ordering::SeqCst)
        }

        fn lose_next_answer(&self) {
            self.0.0.loses_answer.store(true, Ordering::SeqCst);
        }

        fn refuse_account(&self) {
            self.0.0.refuses.store(true, Ordering::SeqCst);
        }
    }

    numcheck_bulk::service_conformance!(Place(Parity(Arc::default())));
}
