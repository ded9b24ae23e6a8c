//! The receiving end as a hyper service, and a server for it (feature `server`).
//!
//! It must not answer 200 before the handler has said that the push is stored, and it must not trust a single byte that comes in.

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
pub use limits::Limits;
pub use listener::{BindError, Closed, Server};
pub use receiver::{Answer, Receiver};
