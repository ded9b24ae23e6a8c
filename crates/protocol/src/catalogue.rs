//! Every endpoint, table and vocabulary of the spec, for those who explain a code without knowing where it came from, or serve all endpoints.
//!
//! To judge a reply, use its endpoint's own type of code: the same number means different things in different tables.

use crate::endpoint::{Info, Platform};
use crate::generated::index;
use crate::table::{CodeEntry, Lang, pick};

/// A table of result codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Table {
    /// The Rust type, such as `SubmitCode`.
    pub name: &'static str,
    /// The endpoint or push that answers these codes, such as `number_check.submit`; `None` is every signed endpoint.
    pub endpoint: Option<&'static str>,
    /// The codes, in the document's order. Those of an included table stand in that table.
    pub entries: &'static [CodeEntry],
    title: [&'static str; 2],
}

/// A vocabulary: the words or numbers that a platform is known to use in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Vocabulary {
    /// The Rust type, such as `DialResponse`.
    pub name: &'static str,
    /// The known words, in the document's order.
    pub words: &'static [WordEntry],
    title: [&'static str; 2],
}

/// A word or a number of a vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WordEntry {
    /// As it stands on the wire; a number in decimal digits.
    pub wire: &'static str,
    /// The variant of the Rust enum, such as `PowerOff`.
    pub name: &'static str,
    meaning: [&'static str; 2],
}

/// Every table of result codes, in the spec's order.
///
/// ```
/// use numcheck_protocol::tables;
///
/// // 0 is success in one table and "accepted" in another.
/// let knows = |code| tables().iter().filter(move |table| table.entries.iter().any(|entry| entry.code == code));
/// assert_eq!(knows(211).map(|table| table.name).collect::<Vec<_>>(), ["SubmitCode", "InstantCode"]);
/// assert!(knows(0).count() > 1);
/// ```
pub fn tables() -> &'static [Table] {
    index::TABLES
}

/// Every endpoint, in the spec's order.
///
/// ```
/// use numcheck_protocol::{Endpoint, endpoints, number_check::Query};
///
/// assert!(endpoints().contains(&Query::INFO));
/// ```
pub fn endpoints() -> &'static [Info] {
    index::ENDPOINTS
}

impl Platform {
    /// The endpoints of this platform, in the spec's order.
    pub fn endpoints(self) -> impl Iterator<Item = &'static Info> {
        endpoints().iter().filter(move |info| info.platform == self)
    }
}

/// Every vocabulary, in the spec's order.
///
/// ```
/// use numcheck_protocol::{Lang, vocabularies};
///
/// let responses = vocabularies().iter().find(|vocabulary| vocabulary.name == "DialResponse").expect("listed");
/// assert!(responses.words.iter().any(|word| word.wire == "power_off" && word.meaning(Lang::Zh) == "关机"));
/// ```
pub fn vocabularies() -> &'static [Vocabulary] {
    index::VOCABULARIES
}

impl Table {
    pub(crate) const fn new(
        name: &'static str,
        en: &'static str,
        zh: &'static str,
        endpoint: Option<&'static str>,
        entries: &'static [CodeEntry],
    ) -> Self {
        Self { name, endpoint, entries, title: [en, zh] }
    }

    /// What the table is called.
    pub fn title(&self, lang: Lang) -> &'static str {
        pick(self.title, lang)
    }

    /// What this table says about a code.
    pub fn entry(&self, code: i64) -> Option<&'static CodeEntry> {
        self.entries.iter().find(|entry| entry.code == code)
    }
}

impl Vocabulary {
    pub(crate) const fn new(
        name: &'static str,
        en: &'static str,
        zh: &'static str,
        words: &'static [WordEntry],
    ) -> Self {
        Self { name, words, title: [en, zh] }
    }

    /// What the vocabulary is called.
    pub fn title(&self, lang: Lang) -> &'static str {
        pick(self.title, lang)
    }
}

impl WordEntry {
    pub(crate) const fn new(
        wire: &'static str,
        name: &'static str,
        en: &'static str,
        zh: &'static str,
    ) -> Self {
        Self { wire, name, meaning: [en, zh] }
    }

    /// What it means, in a few words.
    pub fn meaning(&self, lang: Lang) -> &'static str {
        pick(self.meaning, lang)
    }
}
