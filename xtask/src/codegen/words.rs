//! How the spec's own words stand in running text.
//!
//! It must not know where they stand.

use crate::codegen::read::{Charged, Class, Method, Passes, Sure, Wire};

impl Sure {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Observed => "observed",
            Self::Assumed => "assumed",
        }
    }
}

impl Method {
    /// As HTTP spells it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

impl Class {
    /// In running text.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Authentication => "authentication",
            Self::BadInput => "bad input",
            Self::Configuration => "configuration",
            Self::Balance => "balance",
            Self::Platform => "platform",
            Self::NoResult => "no result",
        }
    }
}

impl Charged {
    /// In running text.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::WhenChecked => "when checked",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

impl Passes {
    /// In running text.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}
