//! Both platforms, emulated over real TCP. It must share no code with the clients that it is there to test, and reaches nothing but
//! this machine unless told to.
#![doc = include_str!("../README.md")]

mod account;
mod clock;
mod error;
mod faults;
mod ids;
mod journal;
mod ledger;
mod magic;
mod metadata;
mod number_check;
mod page;
mod prices;
mod push;
mod qxt;
mod rule;
mod sandbox;
mod server;
mod settings;
mod state;
mod whatsapp;

pub use account::Account;
pub use clock::Clock;
pub use error::{StartError, StartErrorKind};
pub use faults::{DataShape, Fault, Faults, Operation, PushFault, When};
pub use journal::{
    Entry, HiddenBytes, Journal, JournalCounts, NoteRecord, PushAnswer, PushNext, PushRecord, RequestRecord,
    What,
};
pub use ledger::{BatchLine, Ledger, LedgerLine, Service};
pub use magic::{MAGIC, MagicRow, UNKNOWN_ANSWER, UNKNOWN_OPERATOR, UNKNOWN_RESPONSE, UNKNOWN_STATUS};
pub use number_check::Tally;
pub use prices::{PRICES, PriceRow, QXT_PRICE};
pub use sandbox::{Sandbox, SandboxBuilder};
pub use settings::{
    Assumptions, GetBadNumber, GetInV1, PushPolicy, QueryDate, QueryPace, QueryShows, RepeatedBatchNo,
    SubmitPace, V2Revision,
};
pub use whatsapp::{InboxMessage, RegisterAssumptions, SecondClient, SecondCode};
