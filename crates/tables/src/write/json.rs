//! Rows as JSON Lines. Only cells that are not UTF-8 are changed, since JSON cannot hold them.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{self, BufWriter, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::sink::Sink;
use super::{AddedColumns, CellValue, Written};
use crate::escape::write_json;
use crate::rows::TableRow;
use crate::table::TableFile;

pub(super) struct JsonWriter<W: Write> {
    out: BufWriter<Sink<W>>,
    names: Vec<String>,
    member: String,
    added: Vec<String>,
}

impl<W: Write> JsonWriter<W> {
    pub(super) fn new(to: Sink<W>, table: &TableFile, added: AddedColumns<'_>) -> Self {
        Self {
            out: BufWriter::with_capacity(64 * 1024, to),
            names: distinct(table, added.member),
            member: added.member.to_owned(),
            added: added.names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    pub(super) fn write<'a>(
        &mut self,
        row: &TableRow,
        values: impl Iterator<Item = CellValue<'a>>,
    ) -> io::Result<()> {
        let added = Added(RefCell::new(Some(self.added.iter().zip(values))));
        write_json(&mut self.out, &Line { names: &self.names, row, member: &self.member, added: &added })?;
        self.out.write_all(b"\n")
    }

    pub(super) fn finish(self) -> io::Result<Written<W>> {
        let sink = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Written { to: sink.finish()?, unmapped: 0, cut: 0 })
    }
}

/// The names of the columns, each once and none of them the member of the added ones: a nameless one becomes `column_N`, a second `name`
/// becomes `name_2`.
fn distinct(table: &TableFile, member: &str) -> Vec<String> {
    let mut taken = HashSet::from([member.to_owned()]);
    let mut names = Vec::new();
    for (name, number) in table.columns().zip(1..) {
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

struct Line<'a, I> {
    names: &'a [String],
    row: &'a TableRow,
    member: &'a str,
    added: &'a Added<I>,
}

impl<'n, 'v, I: Iterator<Item = (&'n String, CellValue<'v>)>> Serialize for Line<'_, I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, cell) in self.names.iter().zip(self.row.cells()) {
            map.serialize_entry(name, &String::from_utf8_lossy(cell))?;
        }
        map.serialize_entry(self.member, self.added)?;
        map.end()
    }
}

/// Values that are made as they are written, once.
struct Added<I>(RefCell<Option<I>>);

impl<'n, 'v, I: Iterator<Item = (&'n String, CellValue<'v>)>> Serialize for Added<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.take().into_iter().flatten() {
            match value {
                CellValue::Empty => {}
                CellValue::Integer(number) => map.serialize_entry(name, &number)?,
                CellValue::Text(text) | CellValue::Amount(text) => map.serialize_entry(name, &text)?,
            }
        }
        map.end()
    }
}
