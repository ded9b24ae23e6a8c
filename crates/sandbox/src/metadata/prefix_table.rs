//! A table from number prefixes to text, longest prefix first.
//!
//! It is held flat (six bytes a prefix and each text once), because a map of strings would take twenty times as much. It must
//! not know what the texts mean.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::ops::RangeInclusive;

use flate2::read::GzDecoder;

/// Prefixes of up to nine digits, none with a leading zero, each with a line of text.
pub(crate) struct PrefixTable {
    /// Sorted. A prefix without leading zero is its own number, so that no length is needed.
    prefixes: Vec<u32>,
    /// Which text belongs to the prefix at the same place.
    texts: Vec<u16>,
    /// All texts, one behind the other.
    text: String,
    /// Where each text ends in `text`.
    ends: Vec<u32>,
    lengths: RangeInclusive<usize>,
}

impl PrefixTable {
    /// Reads compressed lines of `prefix TAB text`. Lines of another shape are left out: the data ships with this crate, and
    /// a test counts what is read.
    pub(crate) fn read(compressed: &[u8]) -> Self {
        let mut rows: Vec<(u32, u16)> = Vec::new();
        let (mut text, mut ends) = (String::new(), Vec::new());
        let mut known: HashMap<Box<str>, u16> = HashMap::new();
        let (mut shortest, mut longest) = (usize::MAX, 0);
        let mut lines = BufReader::new(GzDecoder::new(compressed));
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
            if let Some((prefix, value)) = split(&line) {
                let next = ends.len();
                let id = known.get(value).copied().or_else(|| u16::try_from(next).ok());
                if let (Ok(number), Some(id)) = (prefix.parse::<u32>(), id) {
                    if usize::from(id) == next {
                        known.insert(value.into(), id);
                        text.push_str(value);
                        ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
                    }
                    rows.push((number, id));
                    shortest = shortest.min(prefix.len());
                    longest = longest.max(prefix.len());
                }
            }
            line.clear();
        }
        rows.sort_unstable();
        let (prefixes, texts) = rows.into_iter().unzip();
        text.shrink_to_fit();
        Self { prefixes, texts, text, ends, lengths: shortest..=longest }
    }

    /// The text of the longest prefix that `digits` begins with.
    pub(crate) fn find(&self, digits: &str) -> Option<&str> {
        self.lengths.clone().rev().find_map(|length| {
            let number = digits.get(..length)?.parse::<u32>().ok()?;
            let at = self.prefixes.binary_search(&number).ok()?;
            self.text_of(*self.texts.get(at)?)
        })
    }

    /// How many prefixes there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.prefixes.len()
    }

    fn text_of(&self, id: u16) -> Option<&str> {
        let end = *self.ends.get(usize::from(id))?;
        let start =
            usize::from(id).checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.text.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }
}

fn split(line: &str) -> Option<(&str, &str)> {
    let (prefix, value) = line.trim_end_matches(['\n', '\r']).split_once('\t')?;
    let is_prefix = (1..=9).contains(&prefix.len()) && prefix.bytes().all(|b| b.is_ascii_digit());
    (is_prefix && !prefix.starts_with('0')).then_some((prefix, value))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::PrefixTable;

    fn table(lines: &str) -> PrefixTable {
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        gz.write_all(lines.as_bytes()).unwrap();
        PrefixTable::read(&gz.finish().unwrap())
    }

    #[test]
    fn the_longest_prefix_wins() {
        let table = table("15\tshort\n153\tlong\n1530000\tlongest\n");
        assert_eq!(table.find("15300001234"), Some("longest"));
        assert_eq!(table.find("15300011234"), Some("long"));
        assert_eq!(table.find("15412345678"), Some("short"));
        assert_eq!(table.find("16012345678"), None);
        assert_eq!(table.find("15"), Some("short"));
        assert_eq!(table.find("1"), None);
    }

    #[test]
    fn lines_of_another_shape_are_left_out() {
        let table = table("no tab\n015\tzero\nx1\tletter\n1234567890\ttoo long\n44\tkept\r\n");
        assert_eq!(table.len(), 1);
        assert_eq!(table.find("447"), Some("kept"));
    }

    #[test]
    fn digits_that_are_none_find_nothing() {
        let table = table("44\tkept\n");
        assert_eq!(table.find("+44"), None);
        assert_eq!(table.find("４４7"), None);
        assert_eq!(table.find(""), None);
    }

    #[test]
    fn data_that_is_no_archive_gives_an_empty_table() {
        assert_eq!(PrefixTable::read(b"not gzip").find("44"), None);
    }
}
