#![no_std]
//! The NXCLOUD request signature: the text to sign, sign, verify, freshness; for clients and servers.
//!
//! Everything here is a pure function of its arguments: a body is bytes, the time is an argument, and the caller brings the secret. Nothing
//! allocates but [`Secret`] and [`text_to_sign`], and nothing tells by its time how much of a forged signature was right.
//!
//! A client gets the headers of a request from a [`Signer`]; a server verifies them with [`verify_request`].
//!
//! Source of every rule: the vendor's public page "API Interface Invocation Convention", to which the number
//! check and WhatsApp documents refer.
//!
//! ```
//! use numcheck_signing::{Algorithm, Body, Input, Secret, sign, verify};
//!
//! let body = r#"{"name":"牛小信","id":10001}"#; // serialised once: these bytes are signed, and these are sent
//! let input = Input {
//!     access_key: "fme2na3kdi3ki",
//!     action: "send",
//!     biz_type: "1",
//!     ts: "1655710885431",
//!     body: Body::Json(body.as_bytes()),
//! };
//! let secret = Secret::from("abciiiko2k3");
//!
//! let signature = sign(&input, &secret, Algorithm::Md5);
//! assert_eq!(signature.as_str(), "87c3560d3331ae23f1021e2025722354");
//! assert!(verify(&input, &secret, Algorithm::Md5, signature.as_str()).is_ok());
//! ```

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
