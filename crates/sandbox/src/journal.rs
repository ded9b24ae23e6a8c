//! The journal: every request with its verdict, every push with its answer.
//!
//! It holds phone numbers and bodies in full, so that a test can assert on them; `Debug` masks both. It is bounded: the oldest entries go
//! first.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use numcheck_protocol::number_check::CallbackCode;
use numcheck_protocol::{PhoneText, Platform};
use tokio::sync::watch;

/// The journal as it was at one moment, oldest entry first.
///
/// ```
/// use numcheck_sandbox::Sandbox;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), numcheck_sandbox::StartError> {
/// let sandbox = Sandbox::start().await?;
/// // … the client under test calls it here …
/// let journal = sandbox.journal();
/// for request in journal.requests() {
///     println!("{:?}: {}", request.code, request.why);
/// }
/// assert_eq!(journal.counts().requests, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Journal {
    entries: Vec<Arc<Entry>>,
    counts: JournalCounts,
}

impl Journal {
    /// All entries that are still kept.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter().map(AsRef::as_ref)
    }

    /// The requests that arrived, whatever became of them.
    pub fn requests(&self) -> impl DoubleEndedIterator<Item = &RequestRecord> {
        self.entries().filter_map(|entry| match &entry.what {
            What::Request(request) => Some(request),
            _ => None,
        })
    }

    /// The pushes that were attempted, one for every attempt.
    pub fn pushes(&self) -> impl DoubleEndedIterator<Item = &PushRecord> {
        self.entries().filter_map(|entry| match &entry.what {
            What::Push(push) => Some(push),
            _ => None,
        })
    }

    /// What else there is to know, such as why results are not pushed.
    pub fn notes(&self) -> impl DoubleEndedIterator<Item = &NoteRecord> {
        self.entries().filter_map(|entry| match &entry.what {
            What::Note(note) => Some(note),
            _ => None,
        })
    }

    /// How many of each there were since the start, those no longer kept included.
    pub fn counts(&self) -> JournalCounts {
        self.counts
    }
}

/// How many entries of each kind there were since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct JournalCounts {
    /// Requests that arrived.
    pub requests: u64,
    /// Attempts to push.
    pub pushes: u64,
    /// Results that were answered with 200.
    pub accepted: u64,
    /// Results that nobody accepted in an hour.
    pub given_up: u64,
    /// Notes.
    pub notes: u64,
    /// Entries that are no longer kept.
    pub forgotten: u64,
}

/// One entry.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Counts from 1 without gaps.
    pub sequence: u64,
    /// When, in the sandbox's time: Unix time in milliseconds.
    pub at_ms: u64,
    /// What.
    pub what: What,
}

/// What an entry is about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum What {
    /// A request arrived.
    Request(RequestRecord),
    /// A push was attempted.
    Push(PushRecord),
    /// Something worth knowing.
    Note(NoteRecord),
}

/// A request that arrived, and its verdict.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestRecord {
    /// On whose port.
    pub platform: Platform,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query, which may hold a key.
    pub path: String,
    /// The endpoint's id, such as `number_check.submit`; `None` where no endpoint lives.
    pub endpoint: Option<&'static str>,
    /// Who called: the `accessKey` as sent, whether anybody knows it or not.
    pub access_key: Option<String>,
    /// The HTTP status of the answer; `None` when the connection was closed instead.
    pub status: Option<u16>,
    /// The result code of the answer.
    pub code: Option<i64>,
    /// Why, for people: what exactly was wrong, which the platform does not say.
    pub why: String,
    /// How many numbers it asked about.
    pub numbers: usize,
    /// The batch number, the request's or the one that was made.
    pub batch_no: Option<String>,
    /// The message id that was given.
    pub message_id: Option<String>,
    /// The fault that struck.
    pub fault: Option<String>,
    /// The body exactly as it came (of a GET: the query); empty where it was longer than 64 KiB. May hold personal data and keys.
    pub body: HiddenBytes,
}

/// One attempt to push one result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PushRecord {
    /// The check's id, as pushed.
    pub message_id: String,
    /// The batch number, as pushed.
    pub batch_no: Arc<str>,
    /// The number, as submitted.
    pub phone: PhoneText<'static>,
    /// The callback code.
    pub code: CallbackCode,
    /// 1 for the first attempt; at most 61.
    pub attempt: u32,
    /// To which host and port.
    pub to: Arc<str>,
    /// What the receiver said.
    pub answer: PushAnswer,
    /// What follows from it.
    pub next: PushNext,
}

/// What a receiver said to a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushAnswer {
    /// An HTTP status. Only 200 counts as accepted.
    Status(u16),
    /// No connection came about.
    NotConnected,
    /// The connection broke, or what came was no HTTP.
    Broken,
    /// Nothing came in time.
    TimedOut,
    /// It was not sent at all, as a fault or a magic number wanted.
    Withheld,
}

/// What follows from an attempt to push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushNext {
    /// Nothing: it was accepted.
    Done,
    /// Another attempt, at this time (the sandbox's Unix time in milliseconds).
    RetryAt(u64),
    /// Nothing: nobody accepted it in an hour.
    GivenUp,
    /// Nothing: it was withheld.
    Dropped,
}

/// Something worth knowing that is neither a request nor a push.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoteRecord {
    /// Which batch it is about.
    pub batch_no: Option<Arc<str>>,
    /// What there is to know.
    pub text: String,
}

/// Bytes that may hold personal data or a key. `Debug` shows how many there are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HiddenBytes(pub(crate) Bytes);

impl HiddenBytes {
    /// The bytes themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for HiddenBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HiddenBytes({} bytes)", self.0.len())
    }
}

/// The journal as it is being written.
pub(crate) struct Log {
    open: Mutex<Open>,
    /// The last sequence, for those who wait for something to happen.
    written: watch::Sender<u64>,
    most: usize,
}

#[derive(Default)]
struct Open {
    entries: VecDeque<Arc<Entry>>,
    counts: JournalCounts,
    last: u64,
    body_bytes: usize,
}

/// The longest body that is kept.
const LONGEST_BODY: usize = 64 * 1024;
/// How many bytes of bodies are kept in all.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

impl Log {
    /// A journal that keeps the last `most` entries.
    pub(crate) fn new(most: usize) -> Self {
        Self { open: Mutex::default(), written: watch::Sender::new(0), most }
    }

    pub(crate) fn write(&self, at_ms: u64, mut what: What) {
        let mut open = self.open();
        open.last += 1;
        let sequence = open.last;
        match &mut what {
            What::Request(request) => {
                open.counts.requests += 1;
                let bytes = request.body.0.len();
                if bytes > LONGEST_BODY {
                    request.why.push_str(&format!("; its body of {bytes} bytes is not kept"));
                    request.body = HiddenBytes::default();
                }
                open.body_bytes += request.body.0.len();
            }
            What::Push(push) => {
                open.counts.pushes += 1;
                open.counts.accepted += u64::from(push.next == PushNext::Done);
                open.counts.given_up += u64::from(push.next == PushNext::GivenUp);
            }
            What::Note(_) => open.counts.notes += 1,
        }
        open.entries.push_back(Arc::new(Entry { sequence, at_ms, what }));
        while open.entries.len() > self.most || open.body_bytes > MAX_BODY_BYTES {
            let Some(oldest) = open.entries.pop_front() else { break };
            open.counts.forgotten += 1;
            if let What::Request(request) = &oldest.what {
                open.body_bytes = open.body_bytes.saturating_sub(request.body.0.len());
            }
        }
        drop(open);
        self.written.send_replace(sequence);
    }

    pub(crate) fn note(&self, at_ms: u64, batch_no: Option<Arc<str>>, text: impl Into<String>) {
        self.write(at_ms, What::Note(NoteRecord { batch_no, text: text.into() }));
    }

    pub(crate) fn read(&self) -> Journal {
        let open = self.open();
        Journal { entries: open.entries.iter().cloned().collect(), counts: open.counts }
    }

    /// The last `most` entries.
    pub(crate) fn tail(&self, most: usize) -> Journal {
        let open = self.open();
        let skip = open.entries.len().saturating_sub(most);
        Journal { entries: open.entries.iter().skip(skip).cloned().collect(), counts: open.counts }
    }

    /// Changes whenever something is written.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    /// Nothing in here is left half done when a thread ends, so a poisoned lock is as good as any.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use numcheck_protocol::number_check::CallbackCode;
    use numcheck_protocol::{PhoneText, Platform};

    use super::{HiddenBytes, LONGEST_BODY, Log, PushAnswer, PushNext, PushRecord, RequestRecord, What};

    fn request(body: usize) -> What {
        What::Request(RequestRecord {
            platform: Platform::Nxcloud,
            method: "POST".into(),
            path: "/".into(),
            endpoint: None,
            access_key: None,
            status: Some(404),
            code: None,
            why: String::new(),
            numbers: 0,
            batch_no: None,
            message_id: None,
            fault: None,
            body: HiddenBytes(Bytes::from(vec![b'7'; body])),
        })
    }

    #[test]
    fn the_oldest_entries_go_first_and_stay_counted() {
        let log = Log::new(3);
        for _ in 0..5 {
            log.note(1, None, "x");
        }
        let journal = log.read();
        assert_eq!(journal.entries().map(|entry| entry.sequence).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!((journal.counts().notes, journal.counts().forgotten), (5, 2));
        assert_eq!(log.tail(1).entries().count(), 1);
    }

    #[test]
    fn bodies_are_bounded_one_by_one_and_in_all() {
        let log = Log::new(10_000);
        log.write(1, request(LONGEST_BODY + 1));
        let journal = log.read();
        let cut = journal.requests().next().unwrap();
        assert_eq!((cut.body.expose().len(), cut.why.as_str()), (0, "; its body of 65537 bytes is not kept"));
        for _ in 0..300 {
            log.write(1, request(LONGEST_BODY));
        }
        let kept: usize = log.read().requests().map(|request| request.body.expose().len()).sum();
        assert_eq!(kept, 16 * 1024 * 1024);
    }

    #[test]
    fn debug_shows_no_number_and_no_body() {
        let log = Log::new(10);
        log.write(1, request(20));
        let push = PushRecord {
            message_id: "id".into(),
            batch_no: "b".into(),
            phone: PhoneText::new("8613800138000"),
            code: CallbackCode::SUCCESS,
            attempt: 1,
            to: "127.0.0.1:1".into(),
            answer: PushAnswer::Status(200),
            next: PushNext::Done,
        };
        log.write(2, What::Push(push));
        let shown = format!("{:?}", log.read());
        assert!(!shown.contains("13800138000") && !shown.contains("7777"), "{shown}");
        assert!(shown.contains("861********00"), "{shown}");
        assert_eq!(log.read().counts().accepted, 1);
    }
}
