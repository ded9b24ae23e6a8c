//! The messages, values and codes as their users meet them. One binary, because each one more costs a link.

mod borrowing;
mod callback_urls;
mod check_results;
mod consumer;
mod dates;
mod fields;
mod masks;
mod mending;
mod names;
mod own_endpoint;
mod phone_numbers;
mod prices;
mod queries;
mod reading_never_fails;
mod refusals;
mod requests;
mod secrets;
mod spec_examples;
mod support;
mod tables;
mod unreadable;
mod whatsapp;
mod words;
