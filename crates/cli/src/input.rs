//! How the command reads a file of phone numbers: its options, and what to do where a file cannot be read.

use std::path::Path;

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_tables::{Numbering, ReadError, ReadErrorKind, ReadOptions, Region, TableFile, TextEncoding};

use crate::exit::Failure;
use crate::level::Level;
use crate::reading;

/// How a file is read.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct InputArgs {
    /// The column that holds the numbers, by name or by its place from 1; found by its name otherwise.
    #[arg(long, env = "NUMCHECK_COLUMN", hide_env_values = true, value_name = "NAME")]
    pub(crate) column: Option<String>,
    /// The country in which numbers without a country code are dialled, by its two letters, such as CN. A number with + or one that is whole already
    /// is left alone. Without it every number is taken as it is. Of level privacy every number is Chinese.
    #[arg(long, env = "NUMCHECK_REGION", hide_env_values = true, value_name = "CC")]
    pub(crate) region: Option<Region>,
    /// The encoding of a text file, such as gbk or windows-1252; recognised otherwise.
    #[arg(long, env = "NUMCHECK_ENCODING", hide_env_values = true, value_name = "NAME")]
    encoding: Option<TextEncoding>,
    /// The sheet of a workbook, by name or by its place from 1; the visible one with numbers otherwise.
    #[arg(long, env = "NUMCHECK_SHEET", hide_env_values = true, value_name = "NAME")]
    sheet: Option<String>,
    /// What divides the cells of a text file: one character, or `tab`; found otherwise.
    #[arg(long, env = "NUMCHECK_DELIMITER", hide_env_values = true, value_name = "C", value_parser = delimiter)]
    delimiter: Option<char>,
    /// How many lines, or rows of a sheet, stand above the header; a title is recognised otherwise.
    #[arg(long, env = "NUMCHECK_SKIP_ROWS", hide_env_values = true, value_name = "N")]
    skip_rows: Option<u64>,
    /// The first row is data already.
    #[arg(long, env = "NUMCHECK_NO_HEADER", hide_env_values = true, value_parser = BoolishValueParser::new())]
    no_header: bool,
}

impl InputArgs {
    /// Reads a file, `-` being standard input. A stop on request ends it at once: what is read may never end.
    ///
    /// # Errors
    /// When the file cannot be read as a table, or somebody asks to stop. Nothing was sent.
    pub(crate) async fn read(&self, path: &Path, level: Level) -> Result<TableFile, Failure> {
        read(path, self.options(level)).await
    }

    fn options(&self, level: Level) -> ReadOptions {
        let mut options = read_options(self.column.clone(), level, self.region);
        options.encoding = self.encoding;
        options.sheet.clone_from(&self.sheet);
        options.delimiter = self.delimiter;
        options.skip_rows = self.skip_rows;
        options.has_no_header = self.no_header;
        options
    }
}

/// How the numbers of a file are found and read that are checked at a level.
pub(crate) fn read_options(column: Option<String>, level: Level, region: Option<Region>) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.column = column;
    options.numbering = match (level, region) {
        (Level::Privacy, _) => Numbering::ChineseMobile,
        (_, Some(region)) => Numbering::National(region),
        (_, None) => Numbering::International,
    };
    options
}

/// Reads a file, `-` being standard input, unless somebody asks to stop.
pub(crate) async fn read(path: &Path, options: ReadOptions) -> Result<TableFile, Failure> {
    let path = path.to_owned();
    let read = reading::unless_stopped(move || match path == Path::new("-") {
        true => TableFile::from_reader(reading::stdin().lock(), "standard input", &options),
        false => TableFile::open(&path, &options),
    });
    read.await?.map_err(Failure::from)
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let hint = match error.kind() {
            ReadErrorKind::NoPhoneColumn | ReadErrorKind::AmbiguousColumn => {
                ": say which with --column NAME or --column NUMBER"
            }
            ReadErrorKind::AmbiguousSheet | ReadErrorKind::SheetNotFound => {
                ": say which with --sheet NAME or --sheet NUMBER"
            }
            ReadErrorKind::Encoding => ": say the right one with --encoding, or save it as \"CSV UTF-8\"",
            _ => "",
        };
        Self::setting(error).with_hint(hint).before_sending()
    }
}

fn delimiter(text: &str) -> Result<char, &'static str> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(char), None) => Ok(char),
        _ if text.eq_ignore_ascii_case("tab") || text == "\\t" => Ok('\t'),
        _ => Err("write one character, or `tab`"),
    }
}
