//! The level of a check, as it is typed, stored and shown.

use clap::ValueEnum;
use numcheck_bulk::Scope;
use numcheck_protocol::number_check::CheckLevel;

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    /// Format, region, number type and carrier.
    Basic,
    /// What a call to the number meets.
    Call,
    /// Network look-up: in use, reachable, roaming.
    Hlr,
}

impl Level {
    pub(crate) fn check_level(self) -> CheckLevel {
        match self {
            Self::Basic => CheckLevel::BASIC,
            Self::Call => CheckLevel::CALL,
            Self::Hlr => CheckLevel::HLR,
        }
    }

    /// The level of a word that a job was kept with.
    pub(crate) fn from_word(word: &str) -> Self {
        <Self as ValueEnum>::from_str(word, true).unwrap_or(Self::Basic)
    }

    /// The word for what a job of number checks has checked.
    pub(crate) fn of(scope: &Scope) -> Option<&'static str> {
        let is_it = |level: &&Self| level.check_level().get() == scope.level;
        (scope.service == Scope::NUMBER_CHECK)
            .then(|| Self::value_variants().iter().find(is_it))?
            .map(|level| level.as_str())
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Call => "call",
            Self::Hlr => "hlr",
        }
    }
}
