//! The signature as its users meet it. One binary, because each one more costs a link.

mod allocations;
mod flipped_bits;
mod requests;
mod rules;
mod vectors;
