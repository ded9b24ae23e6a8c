//! Reads a table of any format and writes it with one more column: the phone number as digits with its country code.
//!
//! `cargo run --example digits --features region -- IN OUT [REGION]`

use std::env;
use std::error::Error;
use std::fs::File;
use std::path::Path;

use numcheck_tables::{
    AddedColumns, CellValue, Numbering, ReadOptions, TableFile, TableFormat, TableWriter, WriteOptions,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (input, output, region) = match arguments.as_slice() {
        [input, output] => (input, output, None),
        [input, output, region] => (input, output, Some(region.parse()?)),
        _ => return Err("give IN and OUT, and perhaps a REGION such as CN".into()),
    };
    let mut options = ReadOptions::default();
    options.numbering = region.map_or(Numbering::International, Numbering::National);
    let table = TableFile::open(Path::new(input), &options)?;
    let mut write = WriteOptions::default();
    (write.format, write.gzip) = TableFormat::from_path(Path::new(output))?;
    let added = AddedColumns { prefix: "", member: "added", names: &["digits", "why_not"] };
    let mut writer = TableWriter::new(File::create(output)?, &table, added, write)?;
    for row in table.rows() {
        let row = row?;
        let values = match &row.phone {
            Ok(number) => [CellValue::Text(number.digits().to_owned().into()), CellValue::Empty],
            Err(reject) => [CellValue::Empty, CellValue::Text(reject.reason().into())],
        };
        writer.write(&row, values.into_iter())?;
    }
    writer.finish()?;
    Ok(())
}
