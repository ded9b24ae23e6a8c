//! Result pushes: one POST a number, again every minute for an hour until somebody answers 200.
//!
//! It decides when and where something is sent, not what: bodies are worked out by number check when they are due. It follows no
//! redirect, speaks plain http only, and must not reach beyond this machine unless told to.

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
