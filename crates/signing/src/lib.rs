#![no_std]
#![doc = include_str!("../README.md")]

extern crate alloc;

mod algorithm;
mod freshness;
pub mod header;
mod request;
mod secret;
mod signature;
mod signer;
mod text;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use freshness::{StaleError, TOLERANCE_MS, check_freshness};
pub use request::{AuthError, SignatureHeaders, SignedHeaders, verify_request};
pub use secret::Secret;
pub use signature::{Signature, VerifyError, sign, verify};
pub use signer::{SignedRequest, Signer};
pub use text::{Body, Input, text_to_sign};
