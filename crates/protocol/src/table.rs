//! How the tables that are generated from the spec behave: open words, open numbers and result codes. A value that no table knows is an
//! ordinary value: it is read, compared, shown and written like any other, and `known()` says `None`.

use crate::refusal::Refusal;
use crate::value::own_words;

/// Languages in which meanings and advice are available. Closed: a new one comes with new text in every table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese (中文), as the vendors' documents word it.
    Zh,
}

own_words!(Lang, "lang", { En => "en", Zh => "zh" });

/// What kind of outcome a result code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// It worked.
    Success,
    /// The platform does not know or trust the caller; nothing was done.
    Authentication,
    /// The request or the number is wrong; correct it before asking again.
    BadInput,
    /// The account or the application is not set up for this.
    Configuration,
    /// The balance is too low.
    Balance,
    /// The platform failed.
    Platform,
    /// It worked as far as it could, and there is nothing to tell.
    NoResult,
    /// No table knows the code.
    Unknown,
}

own_words!(Class, "class", {
    Success => "success",
    Authentication => "authentication",
    BadInput => "bad_input",
    Configuration => "configuration",
    Balance => "balance",
    Platform => "platform",
    NoResult => "no_result",
    Unknown => "unknown",
});

impl Class {
    /// Whether it is about the account rather than about what was asked: any other request fares no better.
    pub fn is_about_account(self) -> bool {
        matches!(self, Self::Authentication | Self::Balance)
    }
}

/// Whether something that ended with a code was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Charged {
    /// Yes.
    Yes,
    /// Not yet: each number is charged when it is checked.
    WhenChecked,
    /// No.
    No,
    /// Nobody documents it: count it as possible.
    Unknown,
}

own_words!(Charged, "charged", { Yes => "yes", WhenChecked => "when_checked", No => "no", Unknown => "unknown" });

/// Whether a failure passes with time: whether the same check may succeed later, though nothing about it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Passes {
    /// The platform failed, or its account was short: checking again later may succeed, and is a new, paid check.
    Yes,
    /// It is about the number: checking again says the same.
    No,
    /// Nobody knows: do not check again.
    Unknown,
}

own_words!(Passes, "passes", { Yes => "yes", No => "no", Unknown => "unknown" });

/// Everything that the spec says about one result code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodeEntry {
    /// The code on the wire.
    pub code: i64,
    /// Its name, such as `BALANCE_TOO_LOW`.
    pub name: &'static str,
    /// What kind of outcome.
    pub class: Class,
    /// Whether it was charged.
    pub charged: Charged,
    /// Whether the failure passes with time; [`Passes::Unknown`] for a success.
    pub passes: Passes,
    meaning: [&'static str; 2],
    advice: [&'static str; 2],
}

impl CodeEntry {
    #[expect(clippy::too_many_arguments, reason = "only the generated tables call it, a row each")]
    pub(crate) const fn new(
        code: i64,
        name: &'static str,
        class: Class,
        charged: Charged,
        passes: Passes,
        en: &'static str,
        zh: &'static str,
        advice_en: &'static str,
        advice_zh: &'static str,
    ) -> Self {
        Self { code, name, class, charged, passes, meaning: [en, zh], advice: [advice_en, advice_zh] }
    }

    /// What the code means.
    pub fn meaning(&self, lang: Lang) -> &'static str {
        pick(self.meaning, lang)
    }

    /// What to do now.
    pub fn advice(&self, lang: Lang) -> &'static str {
        pick(self.advice, lang)
    }
}

/// A result code, whichever table it is of.
///
/// ```
/// use numcheck_protocol::number_check::CallbackCode;
/// use numcheck_protocol::{Passes, ResultCode};
///
/// fn is_worth_another_check(code: impl ResultCode) -> bool {
///     code.passes() == Passes::Yes
/// }
/// assert!(is_worth_another_check(CallbackCode::BACKEND_FAILED));
/// assert!(!is_worth_another_check(CallbackCode::new(4711)));
/// ```
pub trait ResultCode: Copy {
    /// Any code, known or not.
    fn new(code: i64) -> Self;

    /// The code on the wire.
    fn get(self) -> i64;

    /// What the spec says about the code; `None` for one that it does not list.
    fn entry(self) -> Option<&'static CodeEntry>;

    /// Its name, such as `BALANCE_TOO_LOW`; `None` for an unknown code.
    fn name(self) -> Option<&'static str> {
        self.entry().map(|entry| entry.name)
    }

    /// What kind of outcome it stands for.
    fn class(self) -> Class {
        self.entry().map_or(Class::Unknown, |entry| entry.class)
    }

    /// Whether what ended with it was charged.
    fn charged(self) -> Charged {
        self.entry().map_or(Charged::Unknown, |entry| entry.charged)
    }

    /// Whether the failure passes with time.
    fn passes(self) -> Passes {
        self.entry().map_or(Passes::Unknown, |entry| entry.passes)
    }

    /// Whether it stands for success.
    fn is_success(self) -> bool {
        self.class() == Class::Success
    }

    /// The refusal that it is, with the platform's text.
    fn refusal(self, text: Option<&str>) -> Refusal {
        Refusal::new(self.get(), self.entry(), text)
    }
}

pub(crate) fn pick([en, zh]: [&'static str; 2], lang: Lang) -> &'static str {
    match lang {
        Lang::En => en,
        Lang::Zh => zh,
    }
}

/// A table of result codes: one newtype over `i64`, with a constant per known code.
macro_rules! code_table {
    (
        $(#[$doc:meta])* $Code:ident $(includes $Auth:ident $(via $Common:ident)?)? {
            $( $(#[$row_doc:meta])* $NAME:ident = $code:literal, $class:ident, $charged:ident, $passes:ident, $en:literal, $zh:literal, $advice:literal, $advice_zh:literal; )*
        }
    ) => {
        $(#[$doc])*
        ///
        /// Any code can stand here: [`entry`](Self::entry) is `None` for one that the table does not list, and its class and whether
        /// it was charged are then unknown. A code means something only with its table.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Code(i64);

        impl $Code {
            $( $(#[$row_doc])* pub const $NAME: Self = Self($code); )*

            /// Every code of this table, in the document's order, with what is known of it.
            pub const ENTRIES: &'static [$crate::table::CodeEntry] = &[
                $( $crate::table::CodeEntry::new(
                    $code, stringify!($NAME), $crate::table::Class::$class, $crate::table::Charged::$charged,
                    $crate::table::Passes::$passes,
                    $en, $zh, $advice, $advice_zh,
                ), )*
            ];

            /// Any code, known or not.
            pub const fn new(code: i64) -> Self {
                Self(code)
            }

            /// The code on the wire.
            pub const fn get(self) -> i64 {
                self.0
            }

            /// What the spec says about the code; `None` for one that it does not list.
            pub fn entry(self) -> Option<&'static $crate::table::CodeEntry> {
                let own = Self::ENTRIES.iter().find(|entry| entry.code == self.0);
                $( $( let own = own.or_else(|| $Common::new(self.0).entry()); )? )?
                $( let own = own.or_else(|| $Auth::new(self.0).entry()); )?
                own
            }

            /// Its name, such as `BALANCE_TOO_LOW`; `None` for an unknown code.
            pub fn name(self) -> Option<&'static str> {
                $crate::table::ResultCode::name(self)
            }

            /// What kind of outcome it stands for.
            pub fn class(self) -> $crate::table::Class {
                $crate::table::ResultCode::class(self)
            }

            /// Whether what ended with it was charged.
            pub fn charged(self) -> $crate::table::Charged {
                $crate::table::ResultCode::charged(self)
            }

            /// Whether the failure passes with time, so that the same check may succeed later.
            pub fn passes(self) -> $crate::table::Passes {
                $crate::table::ResultCode::passes(self)
            }

            /// What it means, in a few words.
            pub fn meaning(self, lang: $crate::table::Lang) -> &'static str {
                self.entry().map_or_else(|| $crate::table::unknown_meaning(lang), |entry| entry.meaning(lang))
            }

            /// What to do now.
            pub fn advice(self, lang: $crate::table::Lang) -> &'static str {
                self.entry().map_or_else(|| $crate::table::unknown_advice(lang), |entry| entry.advice(lang))
            }

            /// The refusal that this code is, with the platform's text.
            pub fn refusal(self, text: Option<&str>) -> $crate::Refusal {
                $crate::table::ResultCode::refusal(self, text)
            }

            /// Whether it stands for success.
            pub fn is_success(self) -> bool {
                $crate::table::ResultCode::is_success(self)
            }

            $(
                /// The authentication error that it is, if it is one. Whether anything was done nevertheless, [`charged`](Self::charged) says.
                pub fn auth(self) -> Option<$Auth> {
                    let code = $Auth::new(self.0);
                    code.entry().map(|_| code)
                }

                $(
                    /// The same code, if it is one that this endpoint shares with its family.
                    pub fn common(self) -> Option<$Common> {
                        $Common::ENTRIES.iter().any(|entry| entry.code == self.0).then(|| $Common::new(self.0))
                    }
                )?
            )?
        }

        impl $crate::table::ResultCode for $Code {
            fn new(code: i64) -> Self {
                Self(code)
            }

            fn get(self) -> i64 {
                self.0
            }

            fn entry(self) -> Option<&'static $crate::table::CodeEntry> {
                // The table's own function, which has the same name.
                Self::entry(self)
            }
        }

        impl core::fmt::Debug for $Code {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($Code), "({})"), self)
            }
        }

        /// The number and its name: `211 BALANCE_TOO_LOW`, or the number alone when no table knows it.
        impl core::fmt::Display for $Code {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.name() {
                    Some(name) => write!(f, "{} {name}", self.0),
                    None => $crate::table::write_figure(f, self.0),
                }
            }
        }

        impl serde::Serialize for $Code {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.0)
            }
        }

        impl From<i64> for $Code {
            fn from(code: i64) -> Self {
                Self(code)
            }
        }

        impl From<$Code> for i64 {
            fn from(code: $Code) -> Self {
                code.0
            }
        }

        impl PartialEq<i64> for $Code {
            fn eq(&self, code: &i64) -> bool {
                self.0 == *code
            }
        }

        impl PartialEq<$Code> for i64 {
            fn eq(&self, code: &$Code) -> bool {
                *self == code.0
            }
        }

        $(
            impl From<$Auth> for $Code {
                fn from(code: $Auth) -> Self {
                    Self(code.get())
                }
            }

            $(
                impl From<$Common> for $Code {
                    fn from(code: $Common) -> Self {
                        Self(code.get())
                    }
                }
            )?
        )?

        /// Strict: an integer, or one in a string, as the platforms sometimes write it.
        impl<'de> serde::Deserialize<'de> for $Code {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::value::from_wire(deserializer, $crate::ValueError::new("code", "must be an integer"))
            }
        }

        $crate::message::owned!($Code);
        $crate::view::values!($Code: |code| alloc::borrow::Cow::Owned(alloc::string::ToString::to_string(&code.0)));

        impl<'de> $crate::field::FromWire<'de> for $Code {
            fn from_quoted(text: &str) -> Option<Self> {
                $crate::table::parse_integer(text).map(Self)
            }

            fn from_number(number: &serde_json::Number) -> Option<Self> {
                number.as_i64().map(Self)
            }

            fn is_unknown(&self) -> bool {
                self.entry().is_none()
            }

            fn shown(&self) -> Option<alloc::string::String> {
                Some($crate::table::shown_figure(self.get()))
            }
        }
    };
}

/// A vocabulary of words: a newtype that holds any word, and an enum of the known ones.
macro_rules! open_words {
    (
        $(#[$doc:meta])* $Word:ident, $Known:ident {
            $( $(#[$row_doc:meta])* $NAME:ident $Variant:ident = $wire:literal $(| $also:literal)*, $en:literal, $zh:literal; )*
        }
    ) => {
        $(#[$doc])*
        ///
        /// Any word can stand here; [`known`](Self::known) tells which of the documented ones it is, whatever its case and whichever of the
        /// documented spellings. Two are equal when they are spelled alike: `"yes"` is not equal to `"YES"`, but both are the same known one.
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $Word($crate::table::Word<$Known>);

        $crate::table::known_enum! { $Word, $Known { $( $(#[$row_doc])* $Variant, $en, $zh; )* } }

        impl $Known {
            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$Variant => $wire, )* }
            }

            /// Every word by which the documents mean it: [`as_str`](Self::as_str), and others for the same.
            pub const fn spellings(self) -> &'static [&'static str] {
                match self { $( Self::$Variant => &[$wire $(, $also)*], )* }
            }
        }

        impl $Word {
            $( $(#[$row_doc])* pub const $NAME: Self = Self($crate::table::Word::Known($Known::$Variant)); )*

            /// Any word, known or not.
            pub fn new(word: &str) -> Self {
                match $Known::ALL.iter().find(|known| known.as_str() == word) {
                    Some(known) => Self($crate::table::Word::Known(*known)),
                    None => Self($crate::table::Word::Other(word.into())),
                }
            }

            /// The word exactly as it came.
            pub fn as_str(&self) -> &str {
                match &self.0 {
                    $crate::table::Word::Known(known) => known.as_str(),
                    $crate::table::Word::Other(word) => word,
                }
            }

            /// Which of the known words it is, in whatever case and documented spelling; `None` for one that the spec does not list.
            pub fn known(&self) -> Option<$Known> {
                match &self.0 {
                    $crate::table::Word::Known(known) => Some(*known),
                    $crate::table::Word::Other(word) => {
                        let is_it = |spelling: &&str| spelling.eq_ignore_ascii_case(word);
                        $Known::ALL.iter().copied().find(|known| known.spellings().iter().any(is_it))
                    }
                }
            }
        }

        impl From<$Known> for $Word {
            fn from(known: $Known) -> Self {
                Self($crate::table::Word::Known(known))
            }
        }

        impl core::fmt::Debug for $Word {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($Word), "({:?})"), $crate::mask::digits(self.as_str()))
            }
        }

        impl core::fmt::Display for $Word {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $Word {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl From<&str> for $Word {
            fn from(word: &str) -> Self {
                Self::new(word)
            }
        }

        impl From<$Word> for alloc::string::String {
            fn from(word: $Word) -> Self {
                word.as_str().into()
            }
        }

        /// Strict: a string that is not empty.
        impl<'de> serde::Deserialize<'de> for $Word {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let refusal = $crate::ValueError::new(stringify!($Word), "must be a string that is not empty");
                $crate::value::from_wire(deserializer, refusal)
            }
        }

        $crate::message::owned!($Word);
        $crate::view::words!($Word);

        impl<'de> $crate::field::FromWire<'de> for $Word {
            fn from_text(text: alloc::borrow::Cow<'de, str>) -> Result<Self, alloc::borrow::Cow<'de, str>> {
                if text.is_empty() { Err(text) } else { Ok(Self::new(&text)) }
            }

            fn is_unknown(&self) -> bool {
                self.known().is_none()
            }

            fn shown(&self) -> Option<alloc::string::String> {
                Some($crate::table::shown_word(self.as_str()))
            }
        }
    };
}

/// A vocabulary of numbers: a newtype that holds any number, and an enum of the known ones.
macro_rules! open_numbers {
    (
        $(#[$doc:meta])* $Number:ident, $Known:ident {
            $( $(#[$row_doc:meta])* $NAME:ident $Variant:ident = $wire:literal, $word:literal, $en:literal, $zh:literal; )*
        }
    ) => {
        $(#[$doc])*
        ///
        /// Any number can stand here; [`known`](Self::known) tells which of the documented ones it is.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Number(i64);

        $crate::table::known_enum! { $Number, $Known { $( $(#[$row_doc])* $Variant, $en, $zh; )* } }

        impl $Known {
            /// The number on the wire.
            pub const fn get(self) -> i64 {
                match self { $( Self::$Variant => $wire, )* }
            }
        }

        impl $Number {
            $( $(#[$row_doc])* pub const $NAME: Self = Self($wire); )*

            /// Any number, known or not.
            pub const fn new(number: i64) -> Self {
                Self(number)
            }

            /// The number on the wire.
            pub const fn get(self) -> i64 {
                self.0
            }

            /// A word for it, such as `fixed_line`; the number itself for one that the spec does not list.
            pub fn word<'a>(self) -> alloc::borrow::Cow<'a, str> {
                alloc::borrow::Cow::Borrowed(match self.0 {
                    $( $wire => $word, )*
                    _ => return alloc::borrow::Cow::Owned(alloc::string::ToString::to_string(&self.0)),
                })
            }

            /// Which of the known numbers it is; `None` for one that the spec does not list.
            pub fn known(self) -> Option<$Known> {
                $Known::ALL.iter().copied().find(|known| known.get() == self.0)
            }
        }

        impl From<$Known> for $Number {
            fn from(known: $Known) -> Self {
                Self(known.get())
            }
        }

        impl core::fmt::Debug for $Number {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.known() {
                    Some(known) => write!(f, concat!(stringify!($Number), "({} {:?})"), self.0, known),
                    None => write!(f, concat!(stringify!($Number), "({})"), self),
                }
            }
        }

        impl core::fmt::Display for $Number {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                $crate::table::write_figure(f, self.0)
            }
        }

        impl serde::Serialize for $Number {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.0)
            }
        }

        impl From<i64> for $Number {
            fn from(number: i64) -> Self {
                Self(number)
            }
        }

        impl From<$Number> for i64 {
            fn from(number: $Number) -> Self {
                number.0
            }
        }

        impl PartialEq<i64> for $Number {
            fn eq(&self, number: &i64) -> bool {
                self.0 == *number
            }
        }

        /// Strict: an integer, or one in a string, as the platforms sometimes write it.
        impl<'de> serde::Deserialize<'de> for $Number {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let refusal = $crate::ValueError::new(stringify!($Number), "must be an integer");
                $crate::value::from_wire(deserializer, refusal)
            }
        }

        $crate::message::owned!($Number);
        $crate::view::values!($Number: |number| number.word());

        impl<'de> $crate::field::FromWire<'de> for $Number {
            fn from_quoted(text: &str) -> Option<Self> {
                $crate::table::parse_integer(text).map(Self)
            }

            fn from_number(number: &serde_json::Number) -> Option<Self> {
                number.as_i64().map(Self)
            }

            fn is_unknown(&self) -> bool {
                self.known().is_none()
            }

            fn shown(&self) -> Option<alloc::string::String> {
                Some($crate::table::shown_figure(self.get()))
            }
        }
    };
}

/// The enum of known values that stands beside every open vocabulary.
macro_rules! known_enum {
    ($Open:ident, $Known:ident { $( $(#[$row_doc:meta])* $Variant:ident, $en:literal, $zh:literal; )* }) => {
        #[doc = concat!("The values of [`", stringify!($Open), "`] that the spec lists, for those who want to match.")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $Known { $( $(#[$row_doc])* $Variant, )* }

        impl $Known {
            /// All of them, in the document's order.
            pub const ALL: &'static [Self] = &[ $( Self::$Variant, )* ];

            /// What it means, in a few words.
            pub fn meaning(self, lang: $crate::table::Lang) -> &'static str {
                match self { $( Self::$Variant => $crate::table::pick([$en, $zh], lang), )* }
            }
        }
    };
}

pub(crate) use {code_table, known_enum, open_numbers, open_words};

/// A word of an open vocabulary: a known one costs no allocation, any other is kept as it came.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Word<K> {
    Known(K),
    Other(alloc::boxed::Box<str>),
}

/// A code or a number in full up to seven digits. What is longer is no code that anybody would recognise, but may be a phone
/// number that stands in the wrong field, and is masked.
pub(crate) fn write_figure(f: &mut core::fmt::Formatter<'_>, figure: i64) -> core::fmt::Result {
    if figure.unsigned_abs() > 9_999_999 {
        f.write_str(&crate::mask::phone(&alloc::string::ToString::to_string(&figure)))
    } else {
        write!(f, "{figure}")
    }
}

/// An unknown code or number for somebody to see.
pub(crate) fn shown_figure(figure: i64) -> alloc::string::String {
    struct Figure(i64);
    impl core::fmt::Display for Figure {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            write_figure(f, self.0)
        }
    }
    alloc::string::ToString::to_string(&Figure(figure))
}

/// An unknown word for somebody to see.
pub(crate) fn shown_word(word: &str) -> alloc::string::String {
    crate::mask::shown(word, 32)
}

/// An integer that came as a string. Only the plain spelling counts, so that what is odd stays visible as odd.
pub(crate) fn parse_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

pub(crate) fn unknown_meaning(lang: Lang) -> &'static str {
    pick(["a code that no document lists", "文档未列出的代码"], lang)
}

pub(crate) fn unknown_advice(lang: Lang) -> &'static str {
    pick(
        [
            "Read the platform's text; treat the outcome, and whether it was charged, as unknown.",
            "请查看平台返回的说明；结果及是否计费均视为未知。",
        ],
        lang,
    )
}
