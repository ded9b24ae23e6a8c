#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;

mod batch_no;
mod callback_url;
mod calling_code;
mod catalogue;
mod count;
mod currency;
mod date;
mod endpoint;
mod error;
mod field;
mod form;
mod generated;
mod list;
pub mod mask;
mod mend;
mod message;
mod message_id;
pub mod number_check;
mod phone;
mod phone_list;
mod prelude;
mod price;
pub mod qxt;
mod refusal;
mod secrets;
mod strict;
mod table;
mod text;
mod value;
mod view;
pub mod whatsapp;

pub use batch_no::BatchNo;
pub use callback_url::CallbackUrl;
pub use calling_code::CallingCode;
pub use catalogue::{Table, Vocabulary, WordEntry, endpoints, tables, vocabularies};
pub use count::Count;
pub use currency::Currency;
pub use date::{Date, UtcOffset};
pub use endpoint::{
    Auth, BodyKind, Endpoint, Envelope, Info, Method, Platform, PushInfo, Rate, Repeat, Request,
    encode_request,
};
pub use error::ValueError;
pub use field::{Extra, Field, FromWire};
pub use generated::convention::AuthCode;
pub use list::List;
pub use mend::{is_compressed, mend};
pub use message::{Drift, DriftKind, Message, Unreadable, Unwritable, decode, encode};
pub use message_id::MessageId;
pub use phone::PhoneNumber;
pub use phone_list::PhoneList;
pub use price::Price;
pub use refusal::Refusal;
pub use secrets::{ApiKey, AppKey, VerificationCode};
pub use table::{Charged, Class, CodeEntry, Lang, Passes, ResultCode};
pub use text::{HiddenText, Json, PhoneText, Text};
