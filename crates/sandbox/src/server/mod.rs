//! The HTTP side: two ports, one request at a time in, one answer out.
//!
//! It reads and bounds requests, finds who answers them, carries out faults and writes the journal.

mod answer;
mod auth;
mod call;
mod diagnosis;
mod handle;
mod listener;
mod reply_body;
mod route;

pub(crate) use answer::{Answer, HTML, Leaves};
pub(crate) use call::Room;
pub(crate) use listener::{bind, run};
