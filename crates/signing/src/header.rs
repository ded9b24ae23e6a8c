//! The names of the request headers, spelled as in the signed text.
//!
//! On the wire, header names are compared without regard to case; inside the signed text the spelling counts.

/// Who calls.
pub const ACCESS_KEY: &str = "accessKey";
/// Unix time in milliseconds.
pub const TS: &str = "ts";
/// The business: `1` number check, `2` WhatsApp, …
pub const BIZ_TYPE: &str = "bizType";
/// The operation, fixed per endpoint.
pub const ACTION: &str = "action";
/// The signature; not part of the signed text.
pub const SIGN: &str = "sign";
/// The hash, `md5` where the header is absent; not part of the signed text.
pub const ALGORITHM: &str = "algorithm";
