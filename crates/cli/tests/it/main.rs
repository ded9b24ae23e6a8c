//! The command as a process. One binary, because each one more costs a link.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail where it stands"
)]

mod admin;
mod backup;
mod capped;
mod config;
mod consent;
mod dialects;
mod doctor;
mod examples;
mod help;
mod jobs;
mod leaks;
mod logs;
mod old_results;
mod operate;
mod pace;
mod paid_once;
mod privacy;
mod progress;
mod query;
mod report;
mod run_platform;
mod run_privacy;
mod run_results;
mod run_sandbox;
mod sandbox;
mod set_up;
mod signed_pushes;
mod spreadsheets;
mod stopping;
mod support;
mod torture;
mod verbs;
mod whatsapp;
