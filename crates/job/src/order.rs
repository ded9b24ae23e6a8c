//! What a program asks an engine for: phone numbers, at a level, for an account.

use std::collections::BTreeMap;

use numcheck_bulk::book::MAX_CLOCK_SKEW_MS;
use numcheck_bulk::{
    BookState, Delivery, Estimate, Grouping, Job, JobName, JobSpec, JobState, Plan, Planner, PriceTable,
    Reuse, Scope, Store, StoreError,
};
use numcheck_protocol::number_check::CheckLevel;
use numcheck_protocol::qxt::Mobile;
use numcheck_protocol::{PhoneList, PhoneNumber};
use numcheck_transport::{BuildError, canonical_base_url};
use sha2::{Digest, Sha256};

use crate::engine::Engine;
use crate::privacy::PrivacyService;

/// How many phone numbers are looked up at a time.
const LOOKED_UP: usize = 10_000;
const PLAN: &str = "plan the job";

/// Phone numbers to check. Making one costs nothing and sends nothing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Order {
    /// What is paid for: an account, a service, a level.
    pub scope: Scope,
    /// The phone numbers, in the order in which rows come out. One that stands there twice is checked once.
    pub numbers: Vec<PhoneNumber>,
    /// Which results of the book are taken instead of paying again.
    pub reuse: Reuse,
    /// How results come back.
    pub delivery: Delivery,
    /// The most phone numbers in a batch.
    pub batch_size: usize,
}

impl Order {
    /// Checks phone numbers by NXCLOUD for the account with this [name](account_name), and takes every result of the book, however old, unless
    /// [`with_reuse`](Self::with_reuse) says otherwise. Results are pushed and fetched; without a receiver, set [`Delivery::Poll`].
    pub fn number_check(account: impl Into<String>, level: CheckLevel, numbers: Vec<PhoneNumber>) -> Self {
        let scope = Scope::new(account, Scope::NUMBER_CHECK, level.get());
        Self { scope, numbers, reuse: Reuse::ALL, delivery: Delivery::Both, batch_size: PhoneList::MAX_LEN }
    }

    /// Asks QXT about mobile numbers for the account with this [name](account_name). `reuse` has no default: QXT promises live answers, so an old
    /// one may be wrong by now, and a new one is paid for.
    pub fn privacy(account: impl Into<String>, mobiles: &[Mobile], reuse: Reuse) -> Self {
        let scope = Scope::new(account, Scope::PRIVACY, PrivacyService::LEVEL);
        let numbers = mobiles.iter().filter_map(|mobile| mobile.to_number().ok()).collect();
        Self { scope, numbers, reuse, delivery: Delivery::Poll, batch_size: 500 }
    }

    /// Takes other results of the book.
    #[must_use]
    pub fn with_reuse(self, reuse: Reuse) -> Self {
        Self { reuse, ..self }
    }

    /// Has results come back in another way.
    #[must_use]
    pub fn with_delivery(self, delivery: Delivery) -> Self {
        Self { delivery, ..self }
    }

    fn plan(&self) -> Result<Plan, StoreError> {
        let mut planner = Planner::default();
        for (row, number) in (0..).zip(&self.numbers) {
            planner
                .add(row, *number, calling_code_group)
                .map_err(|error| StoreError::database(PLAN, error))?;
        }
        Ok(planner.finish(Grouping::Apart, self.batch_size))
    }

    fn spec(&self, plan: &Plan) -> JobSpec {
        let spec = JobSpec::new(self.scope.clone(), plan.set(), self.delivery, serde_json::Value::Null);
        spec.with_reuse(self.reuse)
    }
}

/// What an order would do now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preview {
    /// Phone numbers that would be sent, and paid for.
    pub to_send: u64,
    /// Those with a result in the book that [`Order::reuse`] takes.
    pub known: u64,
    /// Those that are under way already: their result is waited for. What a run had claimed that died is among them; of a service that is
    /// asked one by one, some of those were never sent, and will be.
    pub under_way: u64,
    /// Those in doubt: they are never sent again by themselves.
    pub in_doubt: u64,
    /// Repetitions of a phone number.
    pub duplicates: u64,
    /// What sending would cost, as far as prices were given or seen.
    pub cost: Estimate,
}

impl Preview {
    fn expect(&mut self, order: &Order, prices: &PriceTable, groups: BTreeMap<String, u64>) {
        for (group, count) in groups {
            self.to_send += count;
            self.cost.add(prices, order.scope.level, &group, count);
        }
    }
}

impl Engine {
    /// What an order would do now. Sends nothing and writes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn preview(&self, order: &Order, prices: &PriceTable) -> Result<Preview, StoreError> {
        let plan = order.plan()?;
        let mut known_prices = self.store().prices().await?;
        known_prices.merge(prices);
        let mut preview = Preview { duplicates: plan.duplicates().count() as u64, ..Preview::default() };
        // An interrupted job goes on as it was begun.
        let unfinished = self.store().unfinished(&order.spec(&plan)).await?;
        let reuse = unfinished.as_ref().map_or(order.reuse, |job| job.spec.reuse);
        if let Some(job) = unfinished.filter(|_| reuse.is_override()) {
            // What it has planned is sent whatever the book had before.
            let ledger = self.store().ledger(job.id).await?;
            preview.known = ledger.settled;
            preview.under_way = ledger.pending + ledger.waiting;
            preview.in_doubt = ledger.in_doubt + ledger.waiting_in_doubt;
            preview.expect(order, &known_prices, self.store().planned_groups(job.id).await?);
            return Ok(preview);
        }
        let latest_ms = self.now_ms().saturating_add(MAX_CLOCK_SKEW_MS);
        let mut groups: BTreeMap<String, u64> = BTreeMap::new();
        let entries: Vec<_> = plan.entries().collect();
        for some in entries.chunks(LOOKED_UP) {
            let numbers = some.iter().map(|(number, ..)| *number).collect();
            let known = self.store().look_up(&order.scope, numbers).await?;
            for ((_, _, group), known) in some.iter().zip(known) {
                match known.map(|known| (known.state, known.at_ms)) {
                    Some((BookState::UnderWay, _)) => preview.under_way += 1,
                    Some((BookState::InDoubt, _)) => preview.in_doubt += 1,
                    Some((BookState::Settled(outcome), at_ms)) if reuse.takes(outcome, at_ms, latest_ms) => {
                        preview.known += 1;
                    }
                    Some(_) | None => *groups.entry((*group).to_owned()).or_default() += 1,
                }
            }
        }
        preview.expect(order, &known_prices, groups);
        Ok(preview)
    }

    /// Makes a durable job of an order, or goes on with the unfinished one about the same phone numbers. Sends nothing: [`run_to_end`](Self::run_to_end)
    /// does.
    ///
    /// # Errors
    /// When the store fails. A job whose plan was not finished is begun anew the next time.
    pub async fn begin(&self, order: &Order) -> Result<Job, StoreError> {
        let plan = order.plan()?;
        let name = new_job_name()?;
        let store: &dyn Store = &**self.store();
        let job = store.create_job(&name, &order.spec(&plan), self.now_ms()).await?;
        if job.state != JobState::Planning {
            return Ok(job);
        }
        plan.write(store, &job, order.numbers.len() as u64).await
    }
}

/// A name that no other job has.
///
/// # Errors
/// When this machine gives no random numbers.
pub fn new_job_name() -> Result<JobName, StoreError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random)
        .map_err(|_| StoreError::database(PLAN, "this machine gives no random numbers"))?;
    Ok(JobName::from_random(random))
}

/// Names an account in the book without showing its key: by the key, and the platform's address in whatever spelling.
///
/// ```
/// let one = numcheck_job::account_name("key", "https://api2.nxcloud.com")?;
/// assert_eq!(numcheck_job::account_name("key", "api2.nxcloud.com/")?, one);
/// assert_ne!(numcheck_job::account_name("other", "api2.nxcloud.com")?, one);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the address is none.
pub fn account_name(key: &str, base_url: &str) -> Result<String, BuildError> {
    let address = canonical_base_url(base_url)?;
    Ok(Sha256::digest(format!("{key}@{address}")).iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

/// Numbers of one country code travel together; behind +1, of one area code, because each lies in one country.
fn calling_code_group(number: &PhoneNumber) -> String {
    let Some(code) = number.calling_code() else { return "unknown".to_owned() };
    let area = number.digits().get(1..4).filter(|_| code.get() == 1).unwrap_or_default();
    format!("+{}{area}", code.get())
}
