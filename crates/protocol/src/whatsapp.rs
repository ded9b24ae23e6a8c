//! NXCLOUD WhatsApp: the integrators' embedded register, from login to a registered client.
//!
//! Types only. Codes, tokens and keys are secrets and phone numbers personal data: nothing here shows one.

mod app;
mod client;
mod code;
mod login;
mod phones;
mod reply;

pub use app::{AppData, AppName, CreateApp, CreateAppBody, CreateAppReply, CreateAppRequest};
pub use client::{CreateClient, CreateClientBody, CreateClientRequest};
pub use code::{CheckCode, CheckCodeBody, CheckCodeRequest, GetCode, GetCodeBody, GetCodeRequest};
pub use login::{Login, LoginData, LoginReply};
pub use phones::{Phone, PhoneList, PhoneListBody, PhoneListReply, PhoneListRequest};
pub use reply::{RegisterReply, WhatsAppReply};

pub use crate::generated::whatsapp::{
    CodeMethod, CodeVerification, CreateAppCode, KnownCodeMethod, KnownCodeVerification, KnownMessagingLimit,
    KnownNameStatus, KnownPhoneStatus, KnownQualityRating, KnownRegisterStatus, MessagingLimit, NameStatus,
    PhoneListCode, PhoneStatus, QualityRating, RegisterStatus, WhatsAppCode,
};
