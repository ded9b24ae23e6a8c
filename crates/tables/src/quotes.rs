//! Quotation marks that do not pair: CSV readers guess around them, and rows run together.

use std::io::{self, Read};

/// What is wrong with a file's quotation marks, and in which line, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unpaired {
    /// Text stands between a closing quotation mark and the end of its cell.
    TextBehind(u64),
    /// The file ends inside a cell whose quotation mark was opened there.
    NeverClosed(u64),
}

/// Looks a file through for the first quotation mark that does not pair. One inside a cell that does not begin with one is text.
pub(crate) fn find_unpaired(mut from: impl Read, separator: u8) -> io::Result<Option<Unpaired>> {
    let mut at = Place::CellStart;
    let (mut line, mut opened) = (1, 1);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        for &byte in buffer.get(..read).unwrap_or_default() {
            at = match (at, byte) {
                (Place::CellStart, b'"') => {
                    opened = line;
                    Place::Quoted
                }
                (Place::Quoted, b'"') => Place::Closed,
                (Place::Quoted, _) => Place::Quoted,
                // Two in a row are one that belongs to the text.
                (Place::Closed, b'"') => Place::Quoted,
                (_, byte) if byte == separator || byte == b'\n' || byte == b'\r' => Place::CellStart,
                (Place::Closed | Place::Behind, b' ' | b'\t') => Place::Behind,
                (Place::Closed | Place::Behind, _) => return Ok(Some(Unpaired::TextBehind(line))),
                (Place::CellStart | Place::Plain, _) => Place::Plain,
            };
            line += u64::from(byte == b'\n');
        }
    }
    Ok((at == Place::Quoted).then_some(Unpaired::NeverClosed(opened)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    CellStart,
    Plain,
    Quoted,
    Closed,
    Behind,
}

#[cfg(test)]
mod tests {
    use super::{Unpaired, find_unpaired};

    fn find(text: &str) -> Option<Unpaired> {
        find_unpaired(text.as_bytes(), b',').unwrap()
    }

    #[test]
    fn what_pairs_is_csv() {
        for text in [
            "",
            "a,b\n1,2",
            "\"a\",\"b\"\r\n\"1\"\"2\",\"x\ny\"\n",
            "5\" pipe,x\n",
            "\"\",\"\"\"\"\n",
            "\"a\" ,b\n",
            "\"a\"",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }

    #[test]
    fn the_line_is_told_where_the_quotation_mark_was_opened_or_text_stands_behind_it() {
        for (text, unpaired) in [
            ("a,b\n1,\"open\n2,b\n3,c\n", Unpaired::NeverClosed(2)),
            ("a\n\"x\ny\"\n\"", Unpaired::NeverClosed(4)),
            ("a,b\n\"x\"y,2\n", Unpaired::TextBehind(2)),
            ("a,b\n\"x\" y,2\n", Unpaired::TextBehind(2)),
            ("a,b\n\"open,2\n\"3\",4\n", Unpaired::TextBehind(3)),
        ] {
            assert_eq!(find(text), Some(unpaired), "{text}");
        }
    }
}
