//! The QXT privacy check as a service: each phone number is a paid request of its own, answered at once, and nobody can be asked afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use numcheck_bulk::{CheckService, Row, Scope, ServiceInfo, Submission, Submitted};
use numcheck_protocol::qxt::{Mobile, QxtCode};
use numcheck_protocol::{Currency, PhoneNumber, Price, qxt};
use numcheck_qxt::Client;
use numcheck_transport::CallError;

use crate::reading::Kept;
use crate::sending::{ConfirmAttempt, not_carried_out, warn_of_doubt, with_causes};

/// QXT, as a job sees it.
///
/// | reply | what becomes of the phone number |
/// |---|---|
/// | 0, -4 | settled: an answer, and paid for |
/// | 1, -2, -3 | failed; three 1 in a row from a key that has had no other answer mean the key, and end the run |
/// | -8 | failed, and it passes with time |
/// | -1, -5, -9 | not checked; the run ends, and the rest stays planned |
/// | none, another code, another phone number | in doubt; what was said is quarantined, and a release that reads it [can enter it](numcheck_bulk::Store::reread) |
/// | of a server on the way that has not passed the request on | not checked; the third in a row ends the run |
#[derive(Debug)]
pub struct PrivacyService {
    client: Client,
    price: Option<(Currency, Price)>,
    /// The platform has answered for this key: a refusal of parameters is about a phone number, then.
    is_key_known: AtomicBool,
    /// Refusals of parameters in a row.
    bad_parameters: AtomicU32,
}

/// `BAD_PARAMETER` means the phone number or the key. From a key that has had no other answer, so many in a row mean the key.
const MAX_BAD_PARAMETERS: u32 = 3;

impl PrivacyService {
    /// The level in the book: there is only one.
    pub const LEVEL: i64 = 0;

    /// Asks by `client`.
    pub fn new(client: Client) -> Self {
        Self { client, price: None, is_key_known: AtomicBool::new(false), bad_parameters: AtomicU32::new(0) }
    }

    /// What a query costs: no reply tells. It stands beside each answer in the store, where sums count it, and caps what was spent. What is yet to
    /// be spent a cap reckons by the prices of [`RunOptions::limits`](crate::RunOptions::limits).
    #[must_use]
    pub fn with_price(self, price: Option<(Currency, Price)>) -> Self {
        Self { price, ..self }
    }

    fn row(&self, number: PhoneNumber, reply: &[u8]) -> Row {
        Row::reply(Kept { asked: Some(number), price: self.price, reply }.write())
    }

    /// Whether this refusal of parameters says that the key is wrong.
    fn is_bad_key(&self, code: Option<QxtCode>) -> bool {
        match code {
            Some(QxtCode::BAD_PARAMETER) => {
                let in_a_row = self.bad_parameters.fetch_add(1, Ordering::SeqCst) + 1;
                in_a_row >= MAX_BAD_PARAMETERS && !self.is_key_known.load(Ordering::SeqCst)
            }
            Some(code) if !code.class().is_about_account() => {
                self.is_key_known.store(true, Ordering::SeqCst);
                false
            }
            _ => false,
        }
    }

    fn submitted(&self, number: &PhoneNumber, error: &CallError) -> Submitted {
        let code = error.code::<qxt::Privacy>();
        let is_bad_key = self.is_bad_key(code);
        let row = error.reply().map(|reply| self.row(*number, &reply.body));
        let message = with_causes(error);
        match code {
            Some(code) if is_bad_key || code.class().is_about_account() => {
                Submitted::Refused { code: Some(code.get()), message, for_all: true }
            }
            Some(code) if code.is_about_number() && row.is_some() => Submitted::Accepted {
                message_id: None,
                results: row.into_iter().collect(),
                drift: Vec::new(),
            },
            _ if error.may_have_happened() => Submitted::InDoubt {
                code: code.map(QxtCode::get),
                message,
                from_reply: error.has_reply(),
                for_all: false,
                kept: row.into_iter().collect(),
            },
            Some(code) => Submitted::Refused { code: Some(code.get()), message, for_all: false },
            None => not_carried_out(error, message),
        }
    }
}

impl CheckService for PrivacyService {
    fn info(&self) -> ServiceInfo {
        ServiceInfo::synchronous(Scope::PRIVACY)
    }

    /// Asks about one phone number. Costs money.
    async fn submit(&self, submission: Submission) -> Submitted {
        let not_sent = |message: String| Submitted::NotSent { message };
        let [number] = submission.numbers[..] else {
            return not_sent("QXT is asked about one phone number at a time".to_owned());
        };
        let Ok(mobile) = Mobile::from_number(&number) else {
            return not_sent("it is no Chinese mobile number".to_owned());
        };
        match self.client.check_confirmed(mobile, Arc::new(ConfirmAttempt(submission.claim))).await {
            Ok(answer) => {
                self.is_key_known.store(true, Ordering::SeqCst);
                let row = self.row(number, answer.body());
                Submitted::Accepted { message_id: None, results: vec![row], drift: Vec::new() }
            }
            Err(error) => warn_of_doubt(self.submitted(&number, &error)),
        }
    }
}
