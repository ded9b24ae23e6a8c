#![doc = include_str!("../README.md")]

mod column;
mod digits;
mod encoding;
mod error;
mod escape;
mod lines;
mod numbering;
mod quotes;
#[cfg(feature = "region")]
mod region;
mod reject;
mod rows;
mod sniff;
mod source;
mod table;
mod titles;
#[cfg(feature = "workbooks")]
mod workbook;
mod write;

pub use encoding::{TextEncoding, UnknownEncoding};
pub use error::{ReadError, ReadErrorKind};
pub use escape::{is_obeyed, write_json};
pub use lines::LineCounter;
pub use numbering::{Numbering, normalise};
#[cfg(feature = "region")]
pub use region::{CodelessCounts, Region, UnknownRegion, region_of};
pub use reject::Reject;
pub use rows::{TableRow, TableRows};
pub use table::{ReadOptions, TableFile, TableForm};
#[cfg(feature = "workbooks")]
pub use workbook::WORKBOOK_THREAD;
pub use write::{
    AddedColumns, CellValue, MAX_CELL_CHARACTERS, MAX_SHEET_COLUMNS, MAX_SHEET_ROWS, TableDoesNotFit,
    TableFormat, TableWriter, UnknownExtension, WriteOptions, Written,
};

#[cfg(test)]
mod tests;
