//! Prints drift: fields, words and codes that no document lists. Words and codes arrive masked from the protocol.

use std::collections::BTreeSet;

use numcheck_protocol::Drift;
use serde_json::{Value, json};

use crate::print;

/// What a single call has brought to light, told once each, however often it stands there.
#[derive(Debug, Default)]
pub(crate) struct Told(BTreeSet<Drift>);

impl Told {
    /// Tells what was not told before.
    pub(crate) fn tell(&mut self, drift: &[Drift]) {
        for one in drift {
            if self.0.insert(one.clone()) {
                print::say(&format!("numcheck: note: {}", line(one)));
            }
        }
    }
}

/// Tells each thing of a reply once.
pub(crate) fn tell(drift: &[Drift]) {
    Told::default().tell(drift);
}

/// A sentence for a person.
pub(crate) fn line(drift: &Drift) -> String {
    let value = drift.value.as_ref().map_or(String::new(), |value| format!(" `{value}`"));
    let kind = drift.kind.as_str().replace('_', " ");
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("the platform sent {article} {kind}{value} that no document lists at {}", drift.place)
}

/// An object for a machine.
pub(crate) fn to_json(drift: &Drift) -> Value {
    json!({"place": drift.place, "kind": drift.kind.as_str(), "value": drift.value})
}

/// Each thing of a reply once, for a machine.
pub(crate) fn list(drift: &[Drift]) -> Vec<Value> {
    drift.iter().collect::<BTreeSet<_>>().into_iter().map(to_json).collect()
}
