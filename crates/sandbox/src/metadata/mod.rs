//! What is publicly known about numbers: format, region, type, first operator, area.
//!
//! Everything here is read from metadata that ships with the crate. What it does
//! not know is `None` or empty; the rules that make up the rest live beside the endpoint that needs them.

mod areas;
mod carriers;
mod numbers;
mod prefix_table;

pub(crate) use areas::area;
pub(crate) use carriers::{carrier, carrier_zh};
#[cfg(test)]
pub(crate) use numbers::examples;
pub(crate) use numbers::{Facts, Format, look_up};
