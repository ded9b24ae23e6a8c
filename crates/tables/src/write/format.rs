//! What a file's name says of its format.

use std::path::Path;

/// How rows are laid out in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableFormat {
    /// Text as the file that was read; of a workbook, CSV.
    #[default]
    LikeInput,
    /// CSV with the separator of the file that was read, a comma where that was a tab. Of a workbook, with a byte-order mark, by which a
    /// spreadsheet recognises it.
    Csv,
    /// Cells divided by tabs.
    Tsv,
    /// One JSON object a line.
    JsonLines,
    /// A workbook with one sheet.
    Xlsx,
}

/// The end of a file's name promises a format that is not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a file that ends in .{0} is not written: name a .csv, .tsv, .jsonl or .xlsx, or a .csv.gz, .tsv.gz or .jsonl.gz"
)]
pub struct UnknownExtension(String);

impl TableFormat {
    /// The format that a name stands for, and whether it is packed with gzip. Without an end it is [`LikeInput`](Self::LikeInput).
    ///
    /// # Errors
    /// When its end promises something else.
    pub fn from_path(path: &Path) -> Result<(Self, bool), UnknownExtension> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let (stem, gzip) = match name.strip_suffix(".gz") {
            Some(stem) => (stem, true),
            None => (name.as_str(), false),
        };
        // A name that only begins with a dot has no end.
        let end = stem.rsplit_once('.').filter(|(before, _)| !before.is_empty()).map(|(_, end)| end);
        let format = match end {
            None | Some("") => Self::LikeInput,
            Some("csv") => Self::Csv,
            Some("tsv" | "tab") => Self::Tsv,
            Some("jsonl" | "ndjson") => Self::JsonLines,
            Some("xlsx") if !gzip => Self::Xlsx,
            Some(other) => {
                let end = if gzip { format!("{other}.gz") } else { other.to_owned() };
                return Err(UnknownExtension(end));
            }
        };
        Ok((format, gzip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_decides_the_format_and_an_unknown_one_is_refused() {
        for (name, format) in [
            ("out.csv", Some((TableFormat::Csv, false))),
            ("OUT.CSV", Some((TableFormat::Csv, false))),
            ("a.b.tsv", Some((TableFormat::Tsv, false))),
            ("out.jsonl", Some((TableFormat::JsonLines, false))),
            ("out.ndjson.gz", Some((TableFormat::JsonLines, true))),
            ("out.csv.gz", Some((TableFormat::Csv, true))),
            ("out.xlsx", Some((TableFormat::Xlsx, false))),
            ("out", Some((TableFormat::LikeInput, false))),
            ("out.gz", Some((TableFormat::LikeInput, true))),
            (".results", Some((TableFormat::LikeInput, false))),
            ("/dev/fd/63", Some((TableFormat::LikeInput, false))),
            ("out.xlsx.gz", None),
            ("out.xls", None),
            ("out.json", None),
            ("out.parquet", None),
            ("out.2026", None),
        ] {
            assert_eq!(TableFormat::from_path(Path::new(name)).ok(), format, "{name}");
        }
    }
}
