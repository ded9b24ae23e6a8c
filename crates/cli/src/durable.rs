//! A durable job at work: where it lives, how a file becomes one, how it is driven to its end, and how its results are written.

mod backup;
mod export;
mod fate;
mod job_ref;
mod moved;
mod open;
mod prepare;
mod progress;
mod report;
mod shape;
mod single;
mod survey;
mod target;
mod wait;

pub(crate) use export::{Destination, OutputArgs, export};
pub(crate) use fate::FateReader;
pub(crate) use job_ref::{JobRef, job_of, job_of_name};
pub(crate) use moved::note_public_url;
pub(crate) use open::{Location, StoreAt, existing_file as open_existing_file, file as open_file};
pub(crate) use prepare::{
    Counted, Notes, Parameters, Prepared, check_account, check_queryable, prepare, read_back,
};
pub(crate) use progress::{Outlook, ProgressArgs};
pub(crate) use report::{
    NOT_SENT, STATES, Summary, Totals, amounts, by_currency, cost_of, drift_json, drift_line, sent_again,
    turned_away_line,
};
pub(crate) use shape::{Shape, learn_dialect};
pub(crate) use single::{Single, distinct, plan_of};
pub(crate) use survey::{Freshness, Survey, WhatToSend, estimate};
pub(crate) use target::{Account, Target};
pub(crate) use wait::{Assumed, Wait};
