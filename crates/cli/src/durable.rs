//! A durable job at work: where it lives, how a file becomes one, how it is driven to its end, and how its results are written.
//!
//! It must not decide what may be sent: the rules are the bulk crate's; here it meets files, the account and the terminal.

mod check_row;
mod engine;
mod export;
mod open;
mod platform;
mod prepare;
mod receiver;
mod report;
mod shape;

pub(crate) use check_row::number_type;
pub(crate) use engine::{Engine, Wait};
pub(crate) use export::{Destination, export};
pub(crate) use open::{StoreAt, file as open_file, job_of};
pub(crate) use platform::{Account, Target};
pub(crate) use prepare::{Notes, Parameters, Prepared, notes_of, prepare, read_back};
pub(crate) use receiver::Receiving;
pub(crate) use report::{Summary, drift_json, drift_line};
pub(crate) use shape::{Shape, learn_dialect};
