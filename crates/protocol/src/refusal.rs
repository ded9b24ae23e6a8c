//! A platform's "no": its code, what that means, and what to do.

use alloc::string::String;
use core::fmt;

use serde::ser::SerializeStruct;

use crate::mask;
use crate::table::{Charged, Class, CodeEntry, Lang, unknown_advice, unknown_meaning, write_figure};

/// A reply with a code that is not success.
///
/// `Display` is one line: the code, its name, what it means, the platform's own text, whether it was charged and what to do.
///
/// ```
/// use numcheck_protocol::number_check::SubmitCode;
/// use numcheck_protocol::{Charged, Class};
///
/// let refusal = SubmitCode::from(211).refusal(Some("balance not enough"));
/// assert_eq!((refusal.class(), refusal.charged()), (Class::Balance, Charged::No));
/// println!("{refusal}"); // refused with 211 BALANCE_TOO_LOW: …; nothing was charged. Top up the account, …
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    code: i64,
    entry: Option<&'static CodeEntry>,
    text: Option<String>,
}

impl Refusal {
    /// A refusal from a code of some table and the platform's text.
    pub fn new(code: i64, entry: Option<&'static CodeEntry>, text: Option<&str>) -> Self {
        // One line, and not without end, whatever the platform sends.
        let text = text.map(|text| {
            let line: String =
                text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(200).collect();
            mask::digits(line.trim()).into_owned()
        });
        Self { code, entry, text: text.filter(|text| !text.is_empty()) }
    }

    /// The code. It means something only for the endpoint that sent it.
    pub fn code(&self) -> i64 {
        self.code
    }

    /// The code's name, such as `BALANCE_TOO_LOW`; `None` for one that no document lists.
    pub fn name(&self) -> Option<&'static str> {
        self.entry.map(|entry| entry.name)
    }

    /// What kind of outcome.
    pub fn class(&self) -> Class {
        self.entry.map_or(Class::Unknown, |entry| entry.class)
    }

    /// Whether it was charged.
    pub fn charged(&self) -> Charged {
        self.entry.map_or(Charged::Unknown, |entry| entry.charged)
    }

    /// What the code means.
    pub fn meaning(&self, lang: Lang) -> &'static str {
        self.entry.map_or_else(|| unknown_meaning(lang), |entry| entry.meaning(lang))
    }

    /// What to do now.
    pub fn advice(&self, lang: Lang) -> &'static str {
        self.entry.map_or_else(|| unknown_advice(lang), |entry| entry.advice(lang))
    }

    /// The platform's text, on one line of at most 200 characters, long runs of digits masked.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}

/// As `{code, name, class, charged, meaning, advice, text}`, in English; long runs of digits are masked as in [`text`](Refusal::text).
impl serde::Serialize for Refusal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Refusal", 7)?;
        fields.serialize_field("code", &self.code)?;
        fields.serialize_field("name", &self.name())?;
        fields.serialize_field("class", &self.class())?;
        fields.serialize_field("charged", &self.charged())?;
        fields.serialize_field("meaning", self.meaning(Lang::En))?;
        fields.serialize_field("advice", self.advice(Lang::En))?;
        fields.serialize_field("text", &self.text)?;
        fields.end()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused with ")?;
        write_figure(f, self.code)?;
        if let Some(name) = self.name() {
            write!(f, " {name}")?;
        }
        write!(f, ": {}", self.meaning(Lang::En))?;
        if let Some(text) = &self.text {
            write!(f, " (\"{text}\")")?;
        }
        let charged = match self.charged() {
            Charged::No => "nothing was charged",
            Charged::Yes | Charged::WhenChecked => "it was charged",
            Charged::Unknown => "whether it was charged is not known",
        };
        write!(f, "; {charged}. {}", self.advice(Lang::En))
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refusal({self})")
    }
}
