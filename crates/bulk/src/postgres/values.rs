//! Columns as values.

use numcheck_protocol::{Currency, PhoneNumber, Price};
use tokio_postgres::Row;

use super::fault::Fault;
use super::session::get;
use crate::model::JobName;

type Result<T> = std::result::Result<T, Fault>;

pub(super) fn number(row: &Row, at: usize) -> Result<PhoneNumber> {
    unpack(get(row, at)?)
}

pub(super) fn unpack(packed: i64) -> Result<PhoneNumber> {
    PhoneNumber::unpack(packed as u64).ok_or_else(|| Fault::damaged("a batch holds what is no phone number"))
}

pub(super) fn name(row: &Row, at: usize) -> Result<JobName> {
    get::<&str>(row, at)?.parse().map_err(|_| Fault::damaged("a job has a name that it cannot have"))
}

/// The currency of a sum.
pub(super) fn currency(row: &Row, at: usize) -> Result<Currency> {
    Currency::new(get(row, at)?).map_err(|_| Fault::damaged("a sum has no currency"))
}

/// An amount of money, from a text.
pub(super) fn amount(row: &Row, at: usize) -> Result<Price> {
    get::<&str>(row, at)?.parse().map_err(|_| Fault::damaged("a sum or a price is no amount"))
}
