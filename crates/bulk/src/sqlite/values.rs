//! Columns as values.

use numcheck_protocol::{Currency, Price};

use super::fault::{Fault, Result};
use crate::model::JobName;

pub(super) const NO_NUMBER: Fault = Fault::Damaged("a batch holds what is no phone number");

pub(super) fn named(name: &str) -> Result<JobName> {
    name.parse().map_err(|_| Fault::Damaged("a job has a name that it cannot have"))
}

/// The currency of a sum.
pub(super) fn currency(text: &str) -> Result<Currency> {
    Currency::new(text).map_err(|_| Fault::Damaged("a sum has no currency"))
}

/// An amount of money as the file has it.
pub(super) fn amount(text: &str) -> Result<Price> {
    text.parse().map_err(|_| Fault::Damaged("a sum or a price is no amount"))
}
