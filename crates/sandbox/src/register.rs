//! The register itself: applications, phone numbers, codes and clients, and what may follow from what.

mod assumptions;
mod inbox;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use numcheck_protocol::whatsapp::{
    CodeMethod, CodeVerification, MessagingLimit, NameStatus, Phone, PhoneStatus, QualityRating,
    RegisterStatus,
};
use numcheck_protocol::{Field, HiddenText, PhoneText, Text};

pub use assumptions::{RegisterAssumptions, SecondClient, SecondCode};
pub use inbox::InboxMessage;

use crate::account::Account;
use crate::clock::millis;
use crate::rule::{hash, mix};

/// How many applications an account can create. [vendor]
pub(crate) const MOST_APPS: usize = 1000;
/// How many phone numbers an account can have here.
const MOST_NUMBERS: usize = 10_000;
/// How many messages the inbox keeps.
const MOST_MESSAGES: usize = 200;
/// The number of the first application, as in the document's sample.
const FIRST_APP: u64 = 1000;

/// Who asks, and when.
pub(crate) struct Scene<'a> {
    pub(crate) account: usize,
    pub(crate) now_ms: u64,
    pub(crate) assumptions: &'a RegisterAssumptions,
}

/// Why something was refused with -1, for people. It quotes nothing of the request.
pub(crate) struct Refused(pub(crate) &'static str);

/// An application that was created.
pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) key: String,
}

/// Everything that was registered.
pub(crate) struct Register {
    seed: u64,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    /// How many applications each account has created.
    created: HashMap<usize, usize>,
    /// Whose application each key is.
    keys: HashMap<String, usize>,
    numbers: BTreeMap<(usize, String), Number>,
    inbox: VecDeque<InboxMessage>,
    /// How many codes and tokens were made.
    made: u64,
}

#[derive(Default)]
struct Number {
    /// Those that are still good.
    codes: Vec<Code>,
    /// Whether one was ever asked for.
    asked: bool,
    verified: bool,
    client: Client,
}

struct Code {
    digits: String,
    until_ms: u64,
    guesses_left: u32,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Client {
    #[default]
    None,
    Failed,
    Registered,
}

impl Register {
    /// A register with the phone numbers that the accounts have from the start.
    pub(crate) fn new(seed: u64, accounts: &[Account]) -> Self {
        let mut open = Open::default();
        for (place, account) in accounts.iter().enumerate() {
            for phone in &account.phones {
                open.numbers.insert((place, phone.digits().to_owned()), Number::default());
            }
        }
        Self { seed: mix(seed ^ 0x7265_6769_7374_6572), open: Mutex::new(open) }
    }

    /// Another token. Nothing takes one.
    pub(crate) fn token(&self, account: usize) -> String {
        let made = self.open().next();
        let word = |which: u64| mix(self.seed ^ mix(made.wrapping_mul(4) + which) ^ account as u64);
        format!("{:016x}{:016x}", word(0), word(1))
    }

    /// Creates an application; `None` where there are too many.
    pub(crate) fn create_app(&self, account: usize) -> Option<App> {
        let mut open = self.open();
        let created = open.created.entry(account).or_default();
        if *created >= MOST_APPS {
            return None;
        }
        let id = FIRST_APP + *created as u64;
        *created += 1;
        let key = app_key(mix(self.seed ^ hash(&id.to_string(), "app") ^ mix(account as u64)));
        open.keys.insert(key.clone(), account);
        Some(App { id, key })
    }

    /// Whose application a key is, of those that were created.
    pub(crate) fn owner_of(&self, appkey: &str) -> Option<usize> {
        self.open().keys.get(appkey).copied()
    }

    /// The account's phone numbers, as phoneList shows them.
    pub(crate) fn phones(&self, account: usize) -> Vec<Phone<'static>> {
        let open = self.open();
        let own = open.numbers.range((account, String::new())..(account + 1, String::new()));
        own.map(|((_, digits), number)| number.show(digits)).collect()
    }

    /// Sends a code to the inbox.
    pub(crate) fn send_code(
        &self,
        scene: &Scene<'_>,
        digits: &str,
        method: &CodeMethod,
    ) -> Result<(), Refused> {
        let mut open = self.open();
        let made = open.next();
        let key = (scene.account, digits.to_owned());
        if !open.numbers.contains_key(&key) && open.count(scene.account) >= MOST_NUMBERS {
            return Err(Refused("the account has as many phone numbers as this sandbox keeps"));
        }
        let code = format!("{:06}", mix(self.seed ^ hash(digits, "code") ^ mix(made)) % 1_000_000);
        let number = open.numbers.entry(key).or_default();
        if scene.assumptions.second_code == SecondCode::Replaces {
            number.codes.clear();
        }
        number.asked = true;
        number.codes.push(Code {
            digits: code.clone(),
            until_ms: scene.now_ms.saturating_add(millis(scene.assumptions.code_lifetime)),
            guesses_left: scene.assumptions.guesses,
        });
        if open.inbox.len() == MOST_MESSAGES {
            open.inbox.pop_front();
        }
        open.inbox.push_back(InboxMessage {
            at_ms: scene.now_ms,
            phone: PhoneText::new(digits.to_owned()),
            method: method.clone(),
            code: HiddenText::new(code),
        });
        Ok(())
    }

    /// Whether a code is right. One that was sent is taken once.
    pub(crate) fn check_code(&self, scene: &Scene<'_>, digits: &str, code: &str) -> Result<(), Refused> {
        let mut open = self.open();
        let key = (scene.account, digits.to_owned());
        let room = open.count(scene.account) < MOST_NUMBERS;
        match open.numbers.get_mut(&key) {
            Some(number) if number.asked => number.check(scene.now_ms, code),
            known => {
                if !(scene.assumptions.magic_code && is_magic(digits, code)) {
                    return Err(Refused(if scene.assumptions.magic_code {
                        "wrong code: no code was asked for, so the right one is the last four digits of the phone number"
                    } else {
                        "no code was asked for: send one with getCode"
                    }));
                }
                match known {
                    Some(number) => number.verified = true,
                    None if room => {
                        open.numbers.insert(key, Number { verified: true, ..Number::default() });
                    }
                    None => {}
                }
                Ok(())
            }
        }
    }

    /// Registers a client.
    pub(crate) fn create_client(&self, scene: &Scene<'_>, digits: &str) -> Result<(), Refused> {
        let mut open = self.open();
        let Some(number) = open.numbers.get_mut(&(scene.account, digits.to_owned())) else {
            return Err(Refused(
                "the account has no such phone number: verify it with getCode and checkCode first",
            ));
        };
        if number.client == Client::Registered && scene.assumptions.second_client == SecondClient::Fails {
            return Err(Refused("the number has a client already"));
        }
        if !number.verified && scene.assumptions.client_needs_verified_number {
            number.client = Client::Failed;
            return Err(Refused("the number's code was not verified: use getCode and checkCode first"));
        }
        number.client = Client::Registered;
        Ok(())
    }

    /// The messages that are still kept, oldest first.
    pub(crate) fn inbox(&self) -> Vec<InboxMessage> {
        self.open().inbox.iter().cloned().collect()
    }

    /// Nothing in here is left half done when a thread ends, so a poisoned lock is as good as any.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn next(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn count(&self, account: usize) -> usize {
        self.numbers.range((account, String::new())..(account + 1, String::new())).count()
    }
}

impl Number {
    fn check(&mut self, now_ms: u64, code: &str) -> Result<(), Refused> {
        self.codes.retain(|sent| now_ms < sent.until_ms);
        if self.codes.is_empty() {
            return Err(Refused(
                "no code is good any more: it was used, guessed too often, replaced or too old; send another with getCode",
            ));
        }
        if self.codes.iter().any(|sent| sent.digits == code) {
            self.codes.clear();
            self.verified = true;
            return Ok(());
        }
        for sent in &mut self.codes {
            sent.guesses_left = sent.guesses_left.saturating_sub(1);
        }
        self.codes.retain(|sent| sent.guesses_left > 0);
        Err(Refused("wrong code: the right one stands in the sandbox's inbox"))
    }

    fn show(&self, digits: &str) -> Phone<'static> {
        let is_registered = self.client == Client::Registered;
        let status = match (self.client, self.verified) {
            (Client::Registered, _) => RegisterStatus::REGISTERED,
            (_, true) => RegisterStatus::CREATED,
            (Client::Failed, false) => RegisterStatus::LOCAL_REGISTRATION_FAILED,
            (Client::None, false) => RegisterStatus::CREATING,
        };
        Phone::default()
            .with_display_phone_number(Field::Known(PhoneText::new(format!("+{digits}"))))
            .with_quality_rating(Field::Known(if is_registered {
                QualityRating::GREEN
            } else {
                QualityRating::UNKNOWN
            }))
            .with_verified_name(Field::Known(Text::new("Sandbox")))
            .with_name_status(Field::Known(if is_registered {
                NameStatus::APPROVED
            } else {
                NameStatus::PENDING_REVIEW
            }))
            .with_register_status(Field::Known(status))
            .with_status(Field::Known(if is_registered {
                PhoneStatus::CONNECTED
            } else {
                PhoneStatus::PENDING
            }))
            .with_current_limit(if is_registered {
                Field::Known(MessagingLimit::TIER250)
            } else {
                Field::Empty
            })
            .with_code_verification_status(Field::Known(if self.verified {
                CodeVerification::VERIFIED
            } else {
                CodeVerification::NOT_VERIFIED
            }))
            .with_waba_id(Field::Known(Text::new("1")))
            .with_waba_name(Field::Known(Text::new("Sandbox")))
    }
}

/// The code of a number for which none was asked: its last four digits.
fn is_magic(digits: &str, code: &str) -> bool {
    let right = digits.len().checked_sub(4).and_then(|start| digits.get(start..)).unwrap_or(digits);
    !right.is_empty() && right == code
}

/// Eight letters and digits, as in the document's sample.
fn app_key(mut number: u64) -> String {
    const SIGNS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut key = String::with_capacity(8);
    for _ in 0..8 {
        let sign = SIGNS.get((number % 32) as usize).copied().unwrap_or(b'A');
        key.push(char::from(sign));
        number /= 32;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::{Register, is_magic};

    #[test]
    fn the_right_code_is_the_last_four_digits_where_none_was_asked_for() {
        assert!(is_magic("8613800138000", "8000"));
        assert!(!is_magic("8613800138000", "0000"));
        assert!(!is_magic("8613800138000", "8613800138000"));
        assert!(is_magic("123", "123"));
        assert!(!is_magic("", ""));
    }

    #[test]
    fn every_application_has_a_key_of_its_own_and_the_same_seed_the_same_keys() {
        let keys = |seed| {
            let register = Register::new(seed, &[]);
            let apps = (0..2).flat_map(|account| (0..1000).map(move |_| account));
            apps.map(|account| register.create_app(account).unwrap().key).collect::<Vec<_>>()
        };
        let distinct: std::collections::HashSet<_> = keys(1).into_iter().collect();
        assert_eq!(distinct.len(), 2000);
        assert!(distinct.iter().all(|key| key.len() == 8));
        assert_eq!(keys(1), keys(1));
        assert_ne!(keys(1), keys(2));
    }
}
