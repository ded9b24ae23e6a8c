//! (in work)

mod input;
mod output;
mod regions;

fn main() {}
