//! What the tests of several crates share. A dev-dependency only, never published.
//!
//! Each part is behind a feature, so that a crate's tests build what they use.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's helpers may panic like the tests themselves"
)]

#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "log")]
pub mod log;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "schema")]
pub mod schema;

/// The Rust code of the README and of the documentation compiles, and runs where it reaches no network.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../../README.md")]
    struct Readme;
    #[doc = include_str!("../../../docs/stores.md")]
    struct Stores;
    #[doc = include_str!("../../../docs/guide/crates.md")]
    struct GuideCrates;
    #[doc = include_str!("../../../docs/guide/proxy.md")]
    struct GuideProxy;
    #[doc = include_str!("../../../docs/guide/machines.md")]
    struct GuideMachines;
    #[doc = include_str!("../../../docs/guide/testing.md")]
    struct GuideTesting;
    #[doc = include_str!("../../../docs/guide/production.md")]
    struct GuideProduction;
}
