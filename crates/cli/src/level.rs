//! The level of a check, as it is typed, stored and shown.

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use numcheck_bulk::Scope;
use numcheck_protocol::number_check::CheckLevel;

use crate::account::AccountId;
use crate::exit::Failure;

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    /// Format, region, number type and carrier.
    Basic,
    /// What a call to the number meets.
    Call,
    /// Network look-up: in use, reachable, roaming.
    Hlr,
    /// Whether a Chinese mobile number is a privacy (virtual) number. Asked of QXT, one number a request.
    Privacy,
}

impl Level {
    /// Its figure in the book; of number check, that on the wire.
    pub(crate) fn figure(self) -> i64 {
        match self {
            Self::Basic => CheckLevel::BASIC.get(),
            Self::Call => CheckLevel::CALL.get(),
            Self::Hlr => CheckLevel::HLR.get(),
            Self::Privacy => numcheck_job::PrivacyService::LEVEL,
        }
    }

    /// The service that checks it.
    pub(crate) fn service(self) -> &'static str {
        if self == Self::Privacy { Scope::PRIVACY } else { Scope::NUMBER_CHECK }
    }

    /// The account of the environment that pays for it.
    pub(crate) fn account(self) -> Result<AccountId, Failure> {
        if self == Self::Privacy { AccountId::qxt() } else { AccountId::nxcloud() }
    }

    /// A level of number check, for an option of a verb that knows no other.
    pub(crate) fn of_number_check() -> impl TypedValueParser<Value = Self> {
        let words = [Self::Basic, Self::Call, Self::Hlr].map(Self::as_str);
        PossibleValuesParser::new(words).map(|word| Self::from_word(&word))
    }

    /// The level of a word that a job was kept with.
    pub(crate) fn from_word(word: &str) -> Self {
        <Self as ValueEnum>::from_str(word, true).unwrap_or(Self::Basic)
    }

    /// What a job has checked.
    pub(crate) fn of(scope: &Scope) -> Option<Self> {
        let is_it = |level: &Self| level.service() == scope.service && level.figure() == scope.level;
        Self::value_variants().iter().copied().find(is_it)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Call => "call",
            Self::Hlr => "hlr",
            Self::Privacy => "privacy",
        }
    }
}
