//! Results as JSON Lines. Only cells that are not UTF-8 are changed, since JSON cannot hold them.

use std::collections::HashSet;
use std::io::{self, BufWriter, Write as _};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::check::CheckRow;
use super::destination::Destination;
use crate::input::{Input, Numbering, Row};
use crate::print;

/// The member that holds the result.
const CHECK: &str = "check";

pub(super) struct JsonWriter {
    out: BufWriter<Destination>,
    names: Vec<String>,
}

impl JsonWriter {
    pub(super) fn new(destination: Destination, input: &Input) -> Self {
        Self { out: BufWriter::with_capacity(64 * 1024, destination), names: distinct(input) }
    }

    pub(super) fn write(&mut self, row: &Row, check: &CheckRow<'_>) -> io::Result<()> {
        print::write_json(&mut self.out, &Line { names: &self.names, row, check })?;
        self.out.write_all(b"\n")
    }

    pub(super) fn finish(self) -> io::Result<Destination> {
        self.out.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

/// The names of the columns, each once and none of them `check`: a nameless one becomes `column_N`, a second `name`
/// becomes `name_2`.
fn distinct(input: &Input) -> Vec<String> {
    let mut taken = HashSet::from([CHECK.to_owned()]);
    let mut names = Vec::new();
    for (name, number) in input.columns().iter().zip(1..) {
        let name = match String::from_utf8_lossy(name).trim() {
            "" => format!("column_{number}"),
            name => name.to_owned(),
        };
        let other = (2..).map(|count| format!("{name}_{count}"));
        if let Some(name) = std::iter::once(name.clone()).chain(other).find(|name| !taken.contains(name)) {
            taken.insert(name.clone());
            names.push(name);
        }
    }
    names
}

struct Line<'a> {
    names: &'a [String],
    row: &'a Row,
    check: &'a CheckRow<'a>,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, cell) in self.names.iter().zip(&self.row.cells) {
            map.serialize_entry(name, &String::from_utf8_lossy(cell))?;
        }
        map.serialize_entry(CHECK, &Check(self.check))?;
        map.end()
    }
}

struct Check<'a>(&'a CheckRow<'a>);

impl Serialize for Check<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.columns(Numbering::ChineseMobile) {
            match value {
                Some(_) if name == "code" => map.serialize_entry(name, &self.0.code)?,
                Some(value) => map.serialize_entry(name, &value)?,
                None => {}
            }
        }
        map.end()
    }
}
