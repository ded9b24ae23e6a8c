//! Every example of the spec in both directions: read, written, read again.
//!
//! The list is made by `cargo xtask codegen`; nothing here knows a wire name.

use std::fmt::Debug;

use numcheck_protocol::{Drift, DriftKind, Message, decode, encode, number_check, qxt, whatsapp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

macro_rules! examples {
    ($( $id:ident: $module:ident::$Type:ident $(, unlisted [$( $place:literal ),*])?; )*) => {
        $(
            #[test]
            fn $id() {
                let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/", stringify!($id), ".json");
                let example = std::fs::read_to_string(file).expect("the fixture is there");
                round_trip::<$module::$Type>(example.leak(), &[$($( $place ),*)?]);
            }
        )*
    };
}

include!("../fixtures/examples.rs");

fn round_trip<T>(example: &'static str, unlisted: &[&str])
where
    T: Message + Serialize + Deserialize<'static> + PartialEq + Debug,
{
    let read: T = decode(example.as_bytes()).expect("an example is readable");
    let unlisted: Vec<(&str, DriftKind)> =
        unlisted.iter().map(|place| (*place, DriftKind::NewValue)).collect();
    let drift = drift(&read);
    let drift: Vec<(&str, DriftKind)> =
        drift.iter().map(|drift| (drift.place.as_str(), drift.kind)).collect();
    assert_eq!(drift, unlisted, "an example holds nothing else that the spec does not list");

    // Leaked, because a message borrows from the bytes that it was read from.
    let written: &[u8] = encode(&read).expect("what was read can be written").leak();
    assert_eq!(value(written), value(example.as_bytes()), "nothing is lost or added");

    let again: T = decode(written).expect("what was written is readable");
    assert_eq!(again, read);
}

fn drift(message: &impl Message) -> Vec<Drift> {
    let mut seen = Vec::new();
    message.drift(&mut |drift| seen.push(drift));
    seen
}

fn value(json: &[u8]) -> Value {
    serde_json::from_slice(json).expect("it is JSON")
}
