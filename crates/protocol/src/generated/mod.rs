//! Vocabularies, result codes and endpoint declarations, generated from `spec/*.toml` by `cargo xtask codegen`.
//!
//! Nothing here is written by hand; how the tables behave stands in `table.rs`.

pub(crate) mod convention;
pub(crate) mod number_check;
pub(crate) mod qxt;
pub(crate) mod whatsapp;
