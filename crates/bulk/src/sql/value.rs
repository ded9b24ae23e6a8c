//! Values of statements and columns of rows, the same for every database.

use std::fmt;

use numcheck_protocol::{BatchNo, Currency, PhoneNumber, Price};

use super::GivenUp;
use crate::model::{BatchState, JobName, JobSpec, JobState, Outcome};
use crate::store::Source;

/// A value of a statement. Its column decides how it is written: an integer as a truth or a small integer, a text as bytes.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// A list of them: an array for PostgreSQL, and for SQLite a text that `json_each` takes apart.
    Integers(&'a [i64]),
    /// A list of them.
    Texts(&'a [String]),
}

/// The values of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::sql::Value::from($value)),*] };
}
pub(crate) use values;

impl fmt::Debug for Value<'_> {
    /// Without the value: drivers write these into their logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u64> for Value<'_> {
    /// Beyond the range of a column it is the end of the range.
    fn from(value: u64) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, T::into)
    }
}

macro_rules! from {
    ($($from:ty, $value:ident => $into:expr;)*) => {
        $(impl<'a> From<$from> for Value<'a> {
            fn from($value: $from) -> Self {
                $into
            }
        })*
    };
}

from! {
    u32, value => Self::Integer(value.into());
    usize, value => Self::from(value as u64);
    bool, value => Self::Integer(value.into());
    &'a str, value => Self::Text(value);
    &'a String, value => Self::Text(value);
    &'a JobName, value => Self::Text(value.as_str());
    &'a BatchNo, value => Self::Text(value.as_str());
    &'a Currency, value => Self::Text(value.as_str());
    &'a [u8], value => Self::Bytes(value);
    &'a Vec<u8>, value => Self::Bytes(value);
    &'a [u8; 16], value => Self::Bytes(value);
    &'a [i64], value => Self::Integers(value);
    &'a Vec<i64>, value => Self::Integers(value);
    &'a [String], value => Self::Texts(value);
    PhoneNumber, value => Self::from(value.pack());
    &PhoneNumber, value => Self::from(value.pack());
    BatchState, value => Self::Integer(value.figure().into());
    JobState, value => Self::Integer(value.figure().into());
    Outcome, value => Self::Integer(value.figure().into());
    Source, value => Self::Integer(value.figure().into());
}

/// What a column holds; a truth is 0 or 1.
#[derive(Clone, Copy)]
pub(crate) enum Cell<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// A row of a database.
pub(crate) trait Cells {
    /// A column; `None` where it is of a kind that no store has.
    fn cell(&self, at: usize) -> Option<Cell<'_>>;
}

/// A row.
pub(crate) type Row<'a> = dyn Cells + 'a;

impl dyn Cells + '_ {
    /// A column as a value.
    pub(crate) fn get<'a, T: FromCell<'a>>(&'a self, at: usize) -> Result<T, GivenUp> {
        T::from_cell(self.cell(at).ok_or(MISFIT)?)
    }

    /// A count that is never negative.
    pub(crate) fn count(&self, at: usize) -> Result<u64, GivenUp> {
        Ok(self.get::<i64>(at)?.max(0) as u64)
    }
}

const MISFIT: GivenUp = GivenUp::Damaged("a column holds what it cannot hold");

/// What a column is read as.
pub(crate) trait FromCell<'a>: Sized {
    fn from_cell(cell: Cell<'a>) -> Result<Self, GivenUp>;
}

impl<'a, T: FromCell<'a>> FromCell<'a> for Option<T> {
    fn from_cell(cell: Cell<'a>) -> Result<Self, GivenUp> {
        match cell {
            Cell::Null => Ok(None),
            cell => T::from_cell(cell).map(Some),
        }
    }
}

impl FromCell<'_> for i64 {
    fn from_cell(cell: Cell<'_>) -> Result<Self, GivenUp> {
        if let Cell::Integer(value) = cell { Ok(value) } else { Err(MISFIT) }
    }
}

impl<'a> FromCell<'a> for &'a str {
    /// A text may be kept in bytes, because it may hold what a server takes for no text.
    fn from_cell(cell: Cell<'a>) -> Result<Self, GivenUp> {
        match cell {
            Cell::Text(text) => Ok(text),
            Cell::Bytes(bytes) => str::from_utf8(bytes).map_err(|_| MISFIT),
            Cell::Null | Cell::Integer(_) => Err(MISFIT),
        }
    }
}

impl<'a> FromCell<'a> for &'a [u8] {
    fn from_cell(cell: Cell<'a>) -> Result<Self, GivenUp> {
        match cell {
            Cell::Bytes(bytes) => Ok(bytes),
            Cell::Text(text) => Ok(text.as_bytes()),
            Cell::Null | Cell::Integer(_) => Err(MISFIT),
        }
    }
}

macro_rules! from_cell {
    ($($into:ty, $read:ident: $from:ty => $value:expr;)*) => {
        $(impl<'a> FromCell<'a> for $into {
            fn from_cell(cell: Cell<'a>) -> Result<Self, GivenUp> {
                let $read = <$from>::from_cell(cell)?;
                $value
            }
        })*
    };
}

from_cell! {
    u64, value: i64 => Ok(value as Self);
    bool, value: i64 => Ok(value != 0);
    i16, value: i64 => value.try_into().map_err(|_| MISFIT);
    BatchState, value: i16 => Ok(Self::from_figure(value));
    JobState, value: i16 => Ok(Self::from_figure(value));
    Outcome, value: i16 => Ok(Self::from_figure(value));
    Source, value: i16 => Ok(Self::from_figure(value));
    PhoneNumber, value: i64 => {
        Self::unpack(value as u64).ok_or(GivenUp::Damaged("a batch holds what is no phone number"))
    };
    String, text: &'a str => Ok(text.to_owned());
    Vec<u8>, bytes: &'a [u8] => Ok(bytes.to_vec());
    JobName, text: &'a str => text.parse().map_err(|_| GivenUp::Damaged("a job has a name that it cannot have"));
    JobSpec, text: &'a str => {
        serde_json::from_str(text).map_err(|_| GivenUp::Damaged("a job's parameters cannot be read"))
    };
    BatchNo, text: &'a str => {
        Self::new(text).map_err(|_| GivenUp::Damaged("a batch has a batchNo that the platform would not take"))
    };
    Currency, text: &'a str => Self::new(text).map_err(|_| GivenUp::Damaged("a sum has no currency"));
    Price, text: &'a str => text.parse().map_err(|_| GivenUp::Damaged("a sum or a price is no amount"));
}
