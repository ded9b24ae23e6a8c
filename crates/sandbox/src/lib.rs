#![doc = include_str!("../README.md")]
//!
//! # Invariants
//!
//! - It shares no code with the clients that it tests: the same error in both would go unseen.
//! - It connects to nothing but this machine unless told to.
//! - No verification code, key or full phone number appears in `Debug`.

mod acceptances;
mod account;
mod assumptions;
mod clock;
mod drawn;
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
mod privacy_ledger;
mod push;
mod qxt;
mod register;
mod rule;
mod sandbox;
mod server;
mod settings;
mod state;
mod whatsapp;

pub use acceptances::{DuplicateCheck, Tally};
pub use account::Account;
pub use assumptions::{
    Assumptions, GetBadNumber, GetInV1, PushPhone, QueryDate, QueryOddity, QueryPace, QueryRight, QueryShows,
    QxtFailure, RepeatedBatchNo, SubmitPace, ToldPrice, V2Revision,
};
pub use clock::Clock;
pub use drawn::FactError;
pub use error::{StartError, StartErrorKind};
pub use faults::{DataShape, Fault, Faults, Operation, PushFault, When};
pub use journal::{
    Entry, HiddenBytes, Journal, JournalCounts, NoteRecord, PushAnswer, PushNext, PushRecord, RequestRecord,
    What,
};
pub use ledger::{BatchLine, LedgerLine, LedgerSnapshot, Service};
pub use magic::{MAGIC, MagicRow, UNKNOWN_ANSWER, UNKNOWN_OPERATOR, UNKNOWN_RESPONSE, UNKNOWN_STATUS};
pub use prices::{PRICES, PriceRow, QXT_PRICE};
pub use privacy_ledger::{PrivacyAnswer, PrivacyCount};
pub use register::{InboxMessage, RegisterAssumptions, SecondClient, SecondCode};
pub use sandbox::{Sandbox, SandboxBuilder};
pub use settings::PushPolicy;
