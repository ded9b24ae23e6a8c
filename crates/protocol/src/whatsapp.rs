//! NXCLOUD WhatsApp: the integrators' embedded register, from login to a registered client.
//!
//! Codes, tokens and keys are secrets and phone numbers personal data: nothing here shows one.

mod requests;

pub use requests::{
    AppName, CheckCodeRequest, CreateAppRequest, CreateClientRequest, GetCodeRequest, PhoneListRequest,
};

pub use crate::generated::whatsapp::*;
