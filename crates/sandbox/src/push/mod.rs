//! Result pushes: one POST per phone number, repeated every minute for an hour until it is answered with 200.
//!
//! Bodies are computed when they are due. Plain http only, no redirects, and nothing but this machine unless the settings allow it.

mod connection;
mod destination;
mod dispatcher;
mod queue;
mod signature;
mod target;
mod worker;

pub(crate) use destination::Destination;
pub(crate) use dispatcher::run;
pub(crate) use queue::{Job, Queue, Single};
