//! A running sandbox, and how one is started.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use numcheck_protocol::Platform;
use numcheck_signing::Algorithm;
use tokio::task::JoinSet;

use crate::acceptances::{DuplicateCheck, Tally};
use crate::account::Account;
use crate::assumptions::Assumptions;
use crate::clock::Clock;
use crate::error::StartError;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::ledger::{LedgerSnapshot, Service};
use crate::privacy_ledger::{PrivacyAnswer, PrivacyCount};
use crate::register::InboxMessage;
use crate::settings::{PushPolicy, Settings};
use crate::state::Shared;
use crate::{push, server};

/// Both platforms, listening on this machine. Dropping it stops it at once.
///
/// Every request and every push stands in the [`journal`](Self::journal), every charge in the [`ledger`](Self::ledger).
/// Nothing here costs money or leaves this machine.
///
/// ```
/// # async fn example() -> Result<(), numcheck_sandbox::StartError> {
/// use numcheck_sandbox::Sandbox;
///
/// let sandbox = Sandbox::start().await?;
/// println!("number check and WhatsApp: {}", sandbox.nxcloud_url());
/// println!("QXT: {}", sandbox.qxt_url());
/// println!("access key: {}", sandbox.account().access_key);
/// # Ok(())
/// # }
/// ```
pub struct Sandbox {
    shared: Arc<Shared>,
    nxcloud: SocketAddr,
    qxt: SocketAddr,
    tasks: JoinSet<()>,
}

impl Sandbox {
    /// A sandbox with the built-in accounts on two free ports of `127.0.0.1`. Needs a tokio runtime with its timer and I/O on.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// A sandbox to be set up first.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// Base URL of NXCLOUD's endpoints, without a slash at the end. In a browser it shows what happens.
    pub fn nxcloud_url(&self) -> String {
        format!("http://{}", self.nxcloud)
    }

    /// Base URL of QXT's endpoint, without a slash at the end.
    pub fn qxt_url(&self) -> String {
        format!("http://{}", self.qxt)
    }

    /// Where NXCLOUD listens.
    pub fn nxcloud_addr(&self) -> SocketAddr {
        self.nxcloud
    }

    /// Where QXT listens.
    pub fn qxt_addr(&self) -> SocketAddr {
        self.qxt
    }

    /// The first account: the built-in one, or the one that was set in its place.
    #[expect(clippy::indexing_slicing, reason = "the builder always puts an account there")]
    pub fn account(&self) -> &Account {
        &self.shared.accounts[0]
    }

    /// All accounts.
    pub fn accounts(&self) -> &[Account] {
        &self.shared.accounts
    }

    /// The first account's QXT key.
    pub fn qxt_api_key(&self) -> &str {
        self.account().qxt_api_key.expose()
    }

    /// The sandbox's clock.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Puts the sandbox's time forward: results become due, signatures become stale. To wait for what became due, see
    /// [`settled`](Self::settled).
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// Sets the sandbox's clock forward or, with a negative number, back by so many milliseconds; `Date` follows. Delays that are running
    /// stay as long as they are.
    pub fn step_clock(&self, ms: i64) {
        self.shared.clock.step(ms);
    }

    /// Waits until every push that is due has been tried, its retries that are due included. Those due later do not count.
    ///
    /// It waits for the receivers' answers, so a receiver that only runs between two awaits of the same task is never heard.
    pub async fn settled(&self) {
        self.shared.queue.settled(&self.shared.clock).await;
    }

    /// How many results wait for their time, and how many are being pushed now.
    pub fn pushes_left(&self) -> (usize, usize) {
        self.shared.queue.waiting()
    }

    /// What happened until now.
    pub fn journal(&self) -> Journal {
        self.shared.log.read()
    }

    /// Waits until the journal fulfils a condition, and returns it.
    pub async fn journal_when(&self, mut condition: impl FnMut(&Journal) -> bool) -> Journal {
        let mut changes = self.shared.log.watch();
        loop {
            changes.mark_unchanged();
            let journal = self.journal();
            if condition(&journal) || changes.changed().await.is_err() {
                return journal;
            }
        }
    }

    /// How often numbers were accepted since the start, to prove that none was paid for twice. Exact; costs some 100 ms and 16 MB for a
    /// million numbers.
    pub fn tally(&self) -> Tally {
        self.shared.count_acceptances().0
    }

    /// The numbers that were accepted more than once at one level by one account, whatever that cost, and those that were charged more
    /// than once; by number check, the instant check and QXT.
    pub fn accepted_twice(&self) -> Vec<DuplicateCheck> {
        self.shared.count_acceptances().1
    }

    /// The numbers that were charged more than once at one level by one account.
    pub fn paid_twice(&self) -> Vec<DuplicateCheck> {
        let mut repeats = self.accepted_twice();
        repeats.retain(|repeat| repeat.charged > 1);
        repeats
    }

    /// How often a number was accepted for an account at a level, however it was spelled; 0 for an account that nobody has.
    pub fn times_accepted(&self, access_key: &str, level: impl Into<Service>, phone: &str) -> u64 {
        let account = self.accounts().iter().position(|account| account.access_key == access_key);
        account.map_or(0, |account| self.shared.acceptances.times(account, level.into(), phone))
    }

    /// How often each number was asked about at QXT and charged since the start, by account and number.
    pub fn privacy_ledger(&self) -> Vec<PrivacyCount> {
        let names: Vec<&str> = self.accounts().iter().map(|account| account.access_key.as_str()).collect();
        self.shared.privacy.read(&names)
    }

    /// Has QXT answer so about a number of 11 digits, whoever asks; `None`: by its digits again. [`MAGIC`](crate::MAGIC) numbers do the same
    /// for a sandbox in another process.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), numcheck_sandbox::StartError> {
    /// use numcheck_sandbox::{PrivacyAnswer, Sandbox};
    ///
    /// let sandbox = Sandbox::start().await?;
    /// sandbox.set_privacy_answer("18819079212", PrivacyAnswer::Code(-8));
    /// assert!(sandbox.privacy_ledger().is_empty(), "nothing was asked yet");
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_privacy_answer(&self, mobile: &str, answer: impl Into<Option<PrivacyAnswer>>) {
        self.shared.privacy.set(mobile, answer.into());
    }

    /// The verification codes that were sent, oldest first, as the phones that got them would show them; the last 200.
    pub fn inbox(&self) -> Vec<InboxMessage> {
        self.shared.register.inbox()
    }

    /// Who paid what until now.
    pub fn ledger(&self) -> LedgerSnapshot {
        self.shared.books.read()
    }

    /// Makes things go wrong, or right again with [`Faults::none`]. Replaces all former faults.
    pub fn set_faults(&self, faults: Faults) {
        self.shared.set_faults(faults);
    }

    /// Stops listening and pushing, and waits until every connection is closed. What was not yet pushed is lost.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("nxcloud", &self.nxcloud)
            .field("qxt", &self.qxt)
            .finish_non_exhaustive()
    }
}

/// A sandbox to be set up. Every setting has a default.
///
/// ```
/// use numcheck_sandbox::{Account, Clock, Sandbox};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), numcheck_sandbox::StartError> {
/// let sandbox = Sandbox::builder()
///     .account(Account::second_dialect())
///     .clock(Clock::manual(1_700_000_000_000))
///     .seed(7)
///     .start()
///     .await?;
/// assert!(sandbox.nxcloud_addr().ip().is_loopback());
/// sandbox.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing runs before `start`"]
pub struct SandboxBuilder {
    nxcloud: SocketAddr,
    qxt: SocketAddr,
    settings: Settings,
    clock: Clock,
    account: Account,
    more_accounts: Vec<Account>,
    faults: Faults,
}

impl Default for SandboxBuilder {
    fn default() -> Self {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            nxcloud: any_port,
            qxt: any_port,
            settings: Settings::default(),
            clock: Clock::system(),
            account: Account::default(),
            more_accounts: vec![Account::other(), Account::second_dialect()],
            faults: Faults::none(),
        }
    }
}

impl SandboxBuilder {
    /// Where NXCLOUD's endpoints listen. Default: a free port of `127.0.0.1`.
    pub fn nxcloud_addr(mut self, address: SocketAddr) -> Self {
        self.nxcloud = address;
        self
    }

    /// Where QXT's endpoint listens. Default: a free port of `127.0.0.1`.
    pub fn qxt_addr(mut self, address: SocketAddr) -> Self {
        self.qxt = address;
        self
    }

    /// Serves QXT's endpoint at this path, in this spelling alone. Default: at the documented path, in any case.
    pub fn qxt_path(mut self, path: impl Into<Arc<str>>) -> Self {
        self.settings.qxt_path = Some(path.into());
        self
    }

    /// How long QXT takes to answer, in real time. Default: no time. The document states about 100 ms.
    pub fn qxt_delay(mut self, delay: Duration) -> Self {
        self.settings.qxt_delay = delay;
        self
    }

    /// How long after the submit its results are pushed, in the sandbox's time. Default: 200 ms. The platform takes 10 s to 5 min.
    pub fn callback_delay(mut self, delay: Duration) -> Self {
        self.settings.callback_delay = delay;
        self
    }

    /// How far a request's `ts` may be from the sandbox's time, either way. Default: 60 s, as the platform's. A short one lets a test
    /// reach the moment at which a request on its way can no longer be accepted.
    pub fn freshness(mut self, freshness: Duration) -> Self {
        self.settings.freshness = freshness;
        self
    }

    /// How long the minute is after which a refused push is tried again, sixty times. Default: a minute.
    pub fn minute(mut self, minute: Duration) -> Self {
        self.settings.minute = minute;
        self
    }

    /// How long a receiver may take to answer a push, in real time. Default: 10 s. The documents name no limit.
    pub fn push_timeout(mut self, timeout: Duration) -> Self {
        self.settings.push_timeout = timeout;
        self
    }

    /// How many connections to one receiver there are at most. Default: 64.
    pub fn push_connections(mut self, most: usize) -> Self {
        self.settings.push_connections = most.max(1);
        self
    }

    /// Where results may be pushed. Default: to this machine only.
    pub fn allow_push_to(mut self, policy: PushPolicy) -> Self {
        self.settings.push_policy = policy;
        self
    }

    /// Signs every push with the account's secret, as the vendor signs its WhatsApp and DID pushes: the headers of the calling convention over
    /// the exact body, anew in every attempt, with `bizType` 1 and `action` numbercheck (assumed). Default: pushes are not signed, as the
    /// number check documents have it.
    pub fn sign_pushes(mut self, algorithm: Algorithm) -> Self {
        self.settings.sign_pushes = Some(algorithm);
        self
    }

    /// The sandbox's clock. Default: the machine's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// What message ids, batch numbers and chosen faults follow from. Default: 1.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Replaces the first built-in account.
    pub fn account(mut self, account: Account) -> Self {
        self.account = account;
        self
    }

    /// Adds an account to the three built-in ones.
    pub fn another_account(mut self, account: Account) -> Self {
        self.more_accounts.push(account);
        self
    }

    /// Replaces the choices where the documents are silent.
    pub fn assumptions(mut self, assumptions: Assumptions) -> Self {
        self.settings.assumptions = assumptions;
        self
    }

    /// Faults from the start.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// The longest request body, in bytes; a longer one is answered with HTTP 413. All that arrive or are held at once have room
    /// for four such bodies, and what has no room is answered with HTTP 503. Default: 16 MiB, some 1.2 million numbers.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.settings.body_limit = bytes;
        self
    }

    /// How many entries the journal keeps. Default: 10 000. Older ones stay counted.
    pub fn journal_entries(mut self, most: usize) -> Self {
        self.settings.journal_entries = most.max(1);
        self
    }

    /// Starts it. Needs a tokio runtime with its timer and I/O on.
    ///
    /// # Errors
    /// When an address cannot be listened on. Nothing was started then.
    pub async fn start(self) -> Result<Sandbox, StartError> {
        let listen = |platform, address| {
            let listening = server::bind(address).and_then(|open| Ok((open.local_addr()?, open)));
            listening.map_err(|source| StartError::new(platform, address, source))
        };
        let (nxcloud, nxcloud_listener) = listen(Platform::Nxcloud, self.nxcloud)?;
        let (qxt, qxt_listener) = listen(Platform::Qxt, self.qxt)?;
        let accounts = std::iter::once(self.account).chain(self.more_accounts).collect();
        let shared = Arc::new(Shared::new(self.settings, accounts, self.clock));
        shared.set_faults(self.faults);
        let mut tasks = JoinSet::new();
        tasks.spawn(server::run(Arc::clone(&shared), Platform::Nxcloud, nxcloud_listener, nxcloud));
        tasks.spawn(server::run(Arc::clone(&shared), Platform::Qxt, qxt_listener, qxt));
        tasks.spawn(push::run(Arc::clone(&shared)));
        tracing::info!(%nxcloud, %qxt, "sandbox listening");
        Ok(Sandbox { shared, nxcloud, qxt, tasks })
    }
}
