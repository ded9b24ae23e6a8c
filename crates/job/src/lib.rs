#![doc = include_str!("../README.md")]

mod engine;
mod latency;
mod number_check;
mod order;
mod owner;
mod privacy;
mod reading;
mod receiver;
mod sending;

pub use engine::{Engine, RunOptions, Summary};
pub use latency::Latencies;
pub use number_check::{NumberCheckService, not_taken, submitted};
pub use numcheck_bulk::Cancel;
pub use order::{Order, Preview, account_name, new_job_name};
pub use owner::{Processes, own_process};
pub use privacy::PrivacyService;
pub use reading::{Readers, reader, with_privacy, with_result};
pub use receiver::{ReceiverView, Receiving, ReceivingError, receiver_key};
