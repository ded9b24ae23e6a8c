//! A file of made-up numbers: mobile numbers of ten countries, well-formed, each once but for one row in a hundred.
//!
//! It must not hold a number to which a sandbox answers in a special way: the last six digits begin with no 0.

use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::ops::Range;
use std::path::Path;

/// Country code and first digits of mobile numbers; seven digits follow, the first of them from 2 to 9.
const PREFIXES: [&str; 10] =
    ["861381", "44740", "91981", "551196", "491512", "3361", "8525", "81901", "62812", "1201"];

/// Writes a header and these rows; the same row is always the same number.
pub(super) fn write(path: &Path, rows: Range<u64>) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "id,phone,name")?;
    for row in rows {
        // One row in a hundred says again what stood 50 rows above.
        let number = if row % 100 == 99 { row - 50 } else { row };
        writeln!(out, "{row},{},customer {row}", number_of(number))?;
    }
    out.flush()
}

fn number_of(at: u64) -> String {
    let count = PREFIXES.len() as u64;
    let (country, at) = ((at % count) as usize, at / count);
    let prefix = PREFIXES.get(country).copied().unwrap_or_default();
    format!("{prefix}{}{}", 2 + at / 900_000 % 8, 100_000 + at % 900_000)
}
