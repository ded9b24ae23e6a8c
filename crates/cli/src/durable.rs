//! A durable job at work: where it lives, how a file becomes one, how it is driven to its end, and how its results are written.

mod engine;
mod export;
mod open;
mod owner;
mod platform;
mod prepare;
mod receiver;
mod report;
mod shape;
mod single;
mod survey;

pub(crate) use engine::{Assumed, Engine, Wait};
pub(crate) use export::{Destination, export};
pub(crate) use open::{StoreAt, file as open_file, job_of};
pub(crate) use platform::{Account, Target, not_taken, submitted};
pub(crate) use prepare::{
    Counted, Notes, Parameters, Prepared, check_account, check_service, prepare, read_back,
};
pub(crate) use receiver::{Receiving, receiver_key};
pub(crate) use report::{Summary, drift_json, drift_line, sent_again};
pub(crate) use shape::{Shape, learn_dialect};
pub(crate) use single::{Single, distinct, plan_of};
pub(crate) use survey::{Freshness, Survey, WhatToSend, estimate};
