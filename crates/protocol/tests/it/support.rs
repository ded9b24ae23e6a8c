//! What several tests share: every example of the spec, and reading one as its type.
//!
//! It must not judge anything.

use numcheck_protocol::{DriftKind, Message, Unreadable, decode, encode, number_check, qxt, whatsapp};
use serde_json::Value;

/// An example of the spec.
#[derive(Clone, Copy)]
pub(crate) struct Example {
    /// The name of its type, such as `ResultPush`.
    pub(crate) of: &'static str,
    /// Its name in the spec.
    pub(crate) id: &'static str,
    /// Reads a body as its type.
    pub(crate) read: fn(&[u8]) -> Result<Reading, Unreadable>,
}

/// What a message that was read looks like from outside.
#[derive(Debug)]
pub(crate) struct Reading {
    /// `Debug`, plain and pretty.
    pub(crate) debug: String,
    /// Written again.
    pub(crate) written: Vec<u8>,
    /// What in it was new.
    pub(crate) drift: Vec<(String, DriftKind)>,
}

macro_rules! examples {
    ($( $id:ident: $module:ident::$Type:ident $(, unlisted [$( $place:literal ),*])?; )*) => {
        /// Every example of the spec.
        pub(crate) const EXAMPLES: &[Example] = &[
            $( Example { of: stringify!($Type), id: stringify!($id), read: |body| read(decode::<$module::$Type>(body)?) }, )*
        ];
    };
}

include!("../fixtures/examples.rs");

impl Example {
    /// Its text.
    pub(crate) fn text(&self) -> String {
        let file = format!("{}/tests/fixtures/{}.json", env!("CARGO_MANIFEST_DIR"), self.id);
        std::fs::read_to_string(file).expect("the fixture is there")
    }

    /// The same as a value.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(&self.text()).expect("an example is JSON")
    }
}

fn read<T: Message + serde::Serialize + std::fmt::Debug>(message: T) -> Result<Reading, Unreadable> {
    let mut drift = Vec::new();
    message.drift(&mut |seen| drift.push((seen.place, seen.kind)));
    drift.sort_by(|one, other| format!("{one:?}").cmp(&format!("{other:?}")));
    let written = encode(&message).expect("what was read can be written");
    Ok(Reading { debug: format!("{message:?}\n{message:#?}"), written, drift })
}
