//! The report of a job: a page for those who did not run it, and the same figures for a machine.
//!
//! It reads the ledger, the rows and, for what was invalid, the input that the job has kept. It shows no phone number, not even in part, and
//! no cell: texts of the platform stand there without their long runs of digits.

mod contents;
mod figures;
mod page;
mod tally;
mod text;

pub(crate) use contents::{Report, outcomes};
pub(crate) use figures::Figures;
pub(crate) use page::{grouped, html, share};
