//! What is publicly known about numbers: format, region, type, first operator, area.
//!
//! Everything here is read from metadata that ships with the crate. What it does
//! not know is `None` or empty; the rules that make up the rest live beside the endpoint that needs them.

#[cfg(feature = "metadata")]
mod areas;
#[cfg(feature = "metadata")]
mod carriers;
mod facts;
#[cfg(feature = "metadata")]
mod numbers;
#[cfg(not(feature = "metadata"))]
mod plain;
#[cfg(feature = "metadata")]
mod prefix_table;

#[cfg(feature = "metadata")]
pub(crate) use areas::area;
#[cfg(feature = "metadata")]
pub(crate) use carriers::{carrier, carrier_zh};
pub(crate) use facts::{Facts, Format};
#[cfg(all(test, feature = "metadata"))]
pub(crate) use numbers::examples;
#[cfg(feature = "metadata")]
pub(crate) use numbers::look_up;
#[cfg(not(feature = "metadata"))]
pub(crate) use plain::{area, carrier, carrier_zh, look_up};
