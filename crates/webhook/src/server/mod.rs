//! The receiving end as a hyper service, and a server for it (feature `server`).

mod body;
mod connection;
mod counts;
mod limits;
mod listener;
mod peers;
mod receiver;
mod unstoppable;

pub use connection::{Ended, serve_connection, serve_connection_from};
pub use counts::Counts;
pub use limits::ReceiverLimits;
pub use listener::{BindError, Closed, Server};
pub use receiver::{EmptyResponse, Receiver};
