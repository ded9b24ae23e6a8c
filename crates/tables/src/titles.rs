//! Finds the lines that stand above a header: a title, a date, an empty line.

use csv::ByteRecord;

use crate::column;
use crate::numbering::normalise;
use crate::sniff::{self, Delimiter, Layout};

/// How many lines are looked at.
const MAX_LINES: u64 = 20;

/// How many lines stand before the header; 0 unless a line below the first one names the phone column, and those above it look like titles.
///
/// A title has fewer cells with something in them than the header, and no phone number.
pub(crate) fn count(beginning: &[u8], delimiter: Delimiter, column: Option<&str>) -> u64 {
    let mut above: Vec<ByteRecord> = Vec::new();
    for skip in 0..MAX_LINES {
        let Some(layout) = sniff::sniff(beginning, delimiter, skip) else { return 0 };
        // With a blank line in front it is the header of the next turn, too.
        if layout.content != layout.start {
            continue;
        }
        let Some(record) = first_record(beginning, &layout) else { return 0 };
        if names_column(&record, column) {
            return if above.iter().all(|title| is_title(title, &record)) { skip } else { 0 };
        }
        above.push(record);
    }
    0
}

fn first_record(beginning: &[u8], layout: &Layout) -> Option<ByteRecord> {
    let text = beginning.get(usize::try_from(layout.content).ok()?..)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(layout.read_separator())
        .from_reader(text);
    let mut record = ByteRecord::new();
    reader.read_byte_record(&mut record).ok()?.then_some(record)
}

fn names_column(record: &ByteRecord, column: Option<&str>) -> bool {
    match column {
        Some(wanted) => column::find(record, wanted).is_ok_and(|(_, is_name)| is_name),
        None => column::is_named_clearly(record),
    }
}

fn is_title(record: &ByteRecord, header: &ByteRecord) -> bool {
    let filled = |record: &ByteRecord| record.iter().filter(|cell| !cell.trim_ascii().is_empty()).count();
    let is_shorter = filled(record) < filled(header) || (filled(record) == 1 && filled(header) == 1);
    let is_date = |cell: &[u8]| cell.iter().any(|byte| matches!(byte, b'-' | b'/' | b'.'));
    let is_number = |cell: &[u8]| {
        normalise(cell)
            .is_ok_and(|number| number.digits().len() > 8 || (number.digits().len() > 6 && !is_date(cell)))
    };
    is_shorter && !record.iter().any(is_number)
}
