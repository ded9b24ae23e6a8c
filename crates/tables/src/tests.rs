//! Whole inputs, as people hand them in.

use std::collections::HashMap;
use std::io::{self, Read as _, Write};
use std::path::Path;

use numcheck_protocol::PhoneNumber;

use super::*;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/example-numbers.csv");
const MESSY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/messy-numbers.csv");

fn open(text: impl AsRef<[u8]>) -> TableFile {
    TableFile::from_reader(text.as_ref(), "test", &ReadOptions::default()).unwrap()
}

fn open_column(text: impl AsRef<[u8]>, column: &str) -> Result<TableFile, ReadError> {
    TableFile::from_reader(
        text.as_ref(),
        "test",
        &ReadOptions { column: Some(column.to_owned()), ..ReadOptions::default() },
    )
}

fn fails(text: impl AsRef<[u8]>) -> ReadError {
    TableFile::from_reader(text.as_ref(), "test", &ReadOptions::default()).unwrap_err()
}

/// Each row's outcome: its digits or the word of the reason.
fn outcomes(input: &TableFile) -> Vec<String> {
    input
        .rows()
        .map(|row| match row.unwrap().phone {
            Ok(number) => number.digits().to_owned(),
            Err(reject) => reject.reason().to_owned(),
        })
        .collect()
}

fn cells(input: &TableFile) -> Vec<Vec<String>> {
    input
        .rows()
        .map(|row| row.unwrap().cells().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect())
        .collect()
}

#[test]
fn all_926_example_numbers_are_taken_unchanged() {
    let input = TableFile::open(Path::new(EXAMPLES), &ReadOptions::default()).unwrap();
    assert_eq!(input.phone_column(), "phone");
    assert_eq!(input.row_count(), 926);
    let mut seen = 0;
    for row in input.rows() {
        let row = row.unwrap();
        assert_eq!(Some(row.phone.unwrap().digits().as_bytes()), row.cells().nth(3));
        seen += 1;
        assert_eq!(row.number, seen);
    }
    assert_eq!(seen, 926);
}

fn lines(table: &TableFile) -> Vec<u64> {
    let mut counter = table.line_counter();
    table.rows().map(|row| counter.line_of(&row.unwrap()).unwrap()).collect()
}

fn columns(input: &TableFile) -> Vec<String> {
    input.columns().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

/// What each row of the messy file must come to. Written out by hand from the file, not computed.
#[test]
fn every_row_of_the_messy_file_comes_to_what_it_should() {
    #[rustfmt::skip]
    let expected = [
        ("c000", "24740123"), ("c001", "376312345"), ("c002", "971501234567"), ("c003", "93701234567"),
        ("c004", "12684641234"), ("c005", "12642351234"), ("c006", "355672123456"), ("c007", "37477123456"),
        ("c008", "244923123456"), ("c009", "5491123456789"), ("c010", "16847331234"), ("c011", "43664123456"),
        ("c012", "61412345678"), ("c013", "2975601234"), ("c014", "358412345678"), ("c015", "994401234567"),
        ("c016", "38761123456"), ("c017", "12462501234"), ("c018", "8801812345678"), ("c019", "32450001234"),
        ("c020", "22670123456"), ("c021", "35943012345"), ("c022", "97336001234"), ("c023", "25779561234"),
        ("c024", "2290195123456"), ("c025", "590690001234"), ("c026", "14413701234"), ("c027", "6737123456"),
        ("c028", "59171234567"), ("c029", "5993181234"), ("c030", "5511961234567"), ("c031", "12423591234"),
        ("c032", "97517123456"), ("c033", "26771123456"), ("c034", "375294911911"), ("c035", "5016221234"),
        ("c036", "15062345678"), ("c037", "243991234567"), ("c038", "23670012345"), ("c039", "242061234567"),
        ("c040", "41781234567"), ("c041", "2250123456789"), ("c042", "68271234"), ("c043", "56221234567"),
        ("c044", "237671234567"), ("c045", "8613123456789"), ("c046", "573211234567"), ("c047", "50683123456"),
        ("c048", "5351234567"), ("c049", "2389911234"), ("c050", "59995181234"), ("c051", "35796123456"),
        ("c052", "420601123456"), ("c053", "4915123456789"), ("c054", "25377831001"), ("c055", "4534412345"),
        ("c056", "17672251234"), ("c057", "18092345678"), ("c058", "213551234567"), ("c059", "593991234567"),
        ("c060", "37251234567"), ("c061", "201001234567"), ("c062", "212650123456"), ("c063", "2917123456"),
        ("c064", "34612345678"), ("c065", "251911234567"), ("c066", "6797012345"), ("c067", "50051234"),
        ("c068", "6913501234"), ("c069", "298211234"), ("c070", "33612345678"), ("c071", "24106031234"),
        ("c072", "447400123456"), ("c073", "14734031234"), ("c074", "995555123456"), ("c075", "594694201234"),
        ("c076", "447781123456"), ("c077", "233231234567"), ("c078", "35057123456"), ("c079", "299221234"),
        ("c080", "2203012345"), ("c081", "224601123456"), ("c082", "240222123456"), ("c083", "306912345678"),
        ("c084", "50251234567"), ("c085", "16713001234"), ("c086", "245955012345"), ("c087", "5926091234"),
        ("c088", "85251234567"), ("c089", "50491234567"), ("dup1", "24740123"), ("dup2", "93701234567"),
        ("bad1", "scientific_notation"), ("bad2", "blank"), ("bad3", "letters"), ("bad4", "18617"),
        ("bad5", "too_long"), ("bad6", "several_numbers"), ("bad7", "37477123456"),
    ];
    let input = TableFile::open(Path::new(MESSY), &ReadOptions::default()).unwrap();
    assert_eq!(input.phone_column(), "telephone");
    assert_eq!(input.row_count(), expected.len() as u64);
    assert!(input.layout().crlf);
    assert_eq!(input.form().encoding, TextEncoding::UTF_8_BOM);
    let ids: Vec<String> = cells(&input).into_iter().map(|cells| cells[0].clone()).collect();
    let found: Vec<(&str, String)> = ids.iter().map(String::as_str).zip(outcomes(&input)).collect();
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!((found.0, found.1.as_str()), expected);
    }
    assert_eq!(found.len(), expected.len());
    assert_eq!(cells(&input)[0], ["c000", "Customer, \"0\"", "+24740123", "note\nwith a line break"]);
    assert_eq!(
        outcomes(&input).iter().filter(|outcome| outcome.starts_with(|c: char| c.is_ascii_digit())).count(),
        94,
        "what a run sends, repeated numbers included"
    );
}

#[test]
fn the_messy_numbers_are_numbers_of_the_example_file() {
    let examples = TableFile::open(Path::new(EXAMPLES), &ReadOptions::default()).unwrap();
    let known: HashMap<String, ()> = outcomes(&examples).into_iter().map(|digits| (digits, ())).collect();
    let messy = TableFile::open(Path::new(MESSY), &ReadOptions::default()).unwrap();
    for (cells, outcome) in cells(&messy).into_iter().zip(outcomes(&messy)) {
        assert!(cells[0].starts_with("bad") || known.contains_key(&outcome), "{}", cells[0]);
    }
}

#[test]
fn one_number_a_line_needs_no_header_and_loses_no_line() {
    let input =
        open("447400123456\r\n+85251234567\r\n\r\n4.47E+11\r\n\"\"\r\n123;456\r\n12642351234, 355672123456");
    assert!(!input.has_header());
    assert_eq!(columns(&input), ["phone"]);
    assert_eq!(
        outcomes(&input),
        ["447400123456", "85251234567", "scientific_notation", "blank", "several_numbers", "several_numbers"]
    );
}

#[test]
fn one_column_with_a_name_has_a_header_whatever_the_name() {
    for header in ["phone", "Phone 1", "kontakt", "号码"] {
        let input = open(format!("{header}\n447400123456\n"));
        assert!(input.has_header(), "{header}");
        assert_eq!(outcomes(&input), ["447400123456"]);
        assert_eq!(columns(&input), [header]);
    }
}

#[test]
fn a_list_that_begins_with_a_bad_number_has_no_header() {
    for first in ["4.47400E+11", "+44 7400 CALLME", "123", "\"\""] {
        let input = open(format!("{first}\n447400123456\n"));
        assert!(!input.has_header(), "{first}");
        assert_eq!(input.row_count(), 2);
    }
}

#[test]
fn separators_line_ends_and_marks_of_every_office_program_are_understood() {
    let lines = ["id", "phone", "1", "447400123456", "2", "85251234567"];
    for separator in [",", ";", "\t", "|"] {
        for end in ["\n", "\r\n", "\r"] {
            for bom in ["", "\u{FEFF}"] {
                let rows: String = lines.chunks(2).map(|row| row.join(separator) + end).collect();
                let text = format!("{bom}{rows}");
                let input = open(&text);
                assert_eq!(outcomes(&input), ["447400123456", "85251234567"], "{text:?}");
                assert_eq!(columns(&input), ["id", "phone"], "{text:?}");
            }
        }
    }
}

#[test]
fn utf16_with_a_mark_is_read_as_what_it_says() {
    let text = "\u{FEFF}姓名\t手机号\r\n张三😀\t８５２５１２３４５６７\r\n";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [little, big] {
        let input = open(bytes);
        assert_eq!(input.phone_column(), "手机号");
        assert_eq!(cells(&input), [["张三😀", "８５２５１２３４５６７"]]);
        assert_eq!(outcomes(&input), ["85251234567"]);
    }
}

#[test]
fn ragged_rows_are_kept_as_they_are() {
    let input = open("id,phone,note\n1,447400123456\n2\n3,85251234567,a,b,c\n,,\n");
    assert_eq!(outcomes(&input), ["447400123456", "blank", "85251234567", "blank"]);
    assert_eq!(cells(&input)[2], ["3", "85251234567", "a", "b", "c"]);
    assert_eq!(cells(&input)[1], ["2"]);
    assert_eq!(columns(&input), ["id", "phone", "note", "column_4", "column_5"]);
}

#[test]
fn an_empty_line_is_no_row_and_everything_else_is() {
    let input = open("id,phone\n\n1,447400123456\n\n\n,\n \n\"\"\n2,85251234567\n\n");
    assert_eq!(outcomes(&input), ["447400123456", "blank", "blank", "blank", "85251234567"]);
    assert_eq!(input.row_count(), 5);
}

#[test]
fn lines_without_content_in_front_of_a_header_are_passed_over() {
    let input = open("\n  \n,,\nid,phone,note\n1,447400123456,\n");
    assert_eq!(columns(&input), ["id", "phone", "note"]);
    assert_eq!(outcomes(&input), ["447400123456"]);
}

#[test]
fn cells_that_are_not_utf8_pass_through_byte_for_byte() {
    let input = open(
        "姓名,phone\n张三,1\nM,447400123456\nok,4474-00123456\n"
            .replace("M,", "M\u{1},")
            .replace('-', "\u{2}"),
    );
    let bytes: Vec<u8> = {
        let mut bytes = Vec::new();
        input.copy().read_to_end(&mut bytes).unwrap();
        bytes
            .iter()
            .map(|byte| match byte {
                1 => 0xFC,
                2 => 0xA0,
                byte => *byte,
            })
            .collect()
    };
    let input = open(bytes);
    assert!(input.is_broken_utf8());
    let rows: Vec<TableRow> = input.rows().skip(1).map(Result::unwrap).collect();
    assert_eq!(rows[0].cells().next(), Some(&b"M\xFC"[..]));
    assert!(rows[0].phone.is_ok());
    assert_eq!(rows[1].phone, Err(Reject::NotUtf8));
}

#[test]
fn a_column_can_be_named_or_numbered_even_without_a_header() {
    let text = "id,phone,mobile\n1,447400123456,85251234567\n";
    assert_eq!(fails(text).kind(), ReadErrorKind::AmbiguousColumn);
    assert_eq!(outcomes(&open_column(text, "mobile").unwrap()), ["85251234567"]);
    assert_eq!(outcomes(&open_column(text, "2").unwrap()), ["447400123456"]);

    let bare = "1,Ann,447400123456\n2,Bob,85251234567\n";
    assert_eq!(fails(bare).kind(), ReadErrorKind::NoPhoneColumn);
    let input = open_column(bare, "3").unwrap();
    assert!(!input.has_header());
    assert_eq!(columns(&input), ["column_1", "column_2", "phone"]);
    assert_eq!(outcomes(&input), ["447400123456", "85251234567"]);

    let error = open_column(text, "fax").unwrap_err();
    assert_eq!(error.kind(), ReadErrorKind::ColumnNotFound);
    assert_eq!(error.to_string(), "test: has no column `fax`; its columns are `id`, `phone`, `mobile`");
}

#[test]
fn rows_can_be_read_twice_and_at_the_same_time() {
    let input = open("447400123456\n85251234567\n");
    let mut first = input.rows();
    let mut second = input.rows();
    first.next().unwrap().unwrap();
    assert_eq!(second.next().unwrap().unwrap().number, 1);
    assert_eq!(first.next().unwrap().unwrap().number, 2);
    assert!(first.next().is_none() && first.next().is_none());
    assert_eq!(outcomes(&input), outcomes(&input));
}

#[test]
fn what_is_added_to_the_file_later_is_not_read() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"phone\n447400123456\n").unwrap();
    let input = TableFile::open(file.path(), &ReadOptions::default()).unwrap();
    file.write_all(b"85251234567\n").unwrap();
    file.flush().unwrap();
    assert_eq!(outcomes(&input), ["447400123456"]);
}

#[test]
fn a_header_alone_is_a_file_of_no_rows() {
    let input = open("id,phone");
    assert_eq!(input.row_count(), 0);
    assert!(input.rows().next().is_none());
}

#[test]
fn files_that_cannot_be_used_say_what_to_do() {
    for (text, kind, advice) in [
        (&b""[..], ReadErrorKind::Empty, "is empty"),
        (b"\n\n", ReadErrorKind::Empty, "is empty"),
        (b"\xEF\xBB\xBF", ReadErrorKind::Empty, "is empty"),
        (b"PK\x03\x04...", ReadErrorKind::NotText, "save it as .xlsx or as CSV"),
        (b"\xD0\xCF\x11\xE0...", ReadErrorKind::NotText, "save it as .xlsx or as CSV"),
        (b"\x1F\x8B...", ReadErrorKind::Io, "cannot unpack test"),
        (b"\x00\x01\x02\x03", ReadErrorKind::NotText, "is no text"),
        (b"%PDF-1.4\n1 0 obj\n", ReadErrorKind::NotText, "is a PDF"),
        (b"\xEF\xBB\xBF\n<html><table><tr><td>phone</td></tr></table>", ReadErrorKind::NotText, "HTML"),
        (b"a,b\n1,2\n", ReadErrorKind::NoPhoneColumn, "its columns are `a`, `b`"),
        (b"tel,mobile\n1,2\n", ReadErrorKind::AmbiguousColumn, "`tel` (number 1), `mobile` (number 2)"),
    ] {
        let error = fails(text);
        assert_eq!(error.kind(), kind);
        let shown = error.to_string();
        assert!(shown.contains(advice) && !shown.contains('\n'), "{shown}");
    }
    let missing =
        TableFile::open(Path::new("/nonexistent/numbers.csv"), &ReadOptions::default()).unwrap_err();
    assert_eq!(missing.to_string(), "cannot open /nonexistent/numbers.csv");
    assert!(std::error::Error::source(&missing).is_some());
    let directory = TableFile::open(Path::new("/"), &ReadOptions::default()).unwrap_err();
    assert_eq!(directory.kind(), ReadErrorKind::Io);
}

#[test]
fn an_unclosed_quote_cannot_swallow_the_memory() {
    let mut text = b"id,phone\n1,447400123456\n2,\"".to_vec();
    text.extend(std::iter::repeat_n(b"x\n".as_slice(), 1024 * 1024).flatten());
    let error = fails(&text);
    assert_eq!(error.kind(), ReadErrorKind::RowTooLong);
    assert!(
        error.to_string().contains("row 2 is larger than 1 MiB: look in a text for a quotation mark"),
        "{error}"
    );
}

#[test]
fn a_file_whose_quotes_do_not_pair_is_refused_with_the_line() {
    for (text, expected) in [
        (
            &b"name,phone,addr\nA,8613912345678,\"open\nB,8613912345679,c\nC,8613912345680,c\n"[..],
            "opened in line 2 and never",
        ),
        (b"sep=;\nphone;x\n\"85212345678\"9;y\n", "in line 3: look for one that is missing"),
        (b"85212345678\n\"85212345679", "opened in line 2 and never"),
    ] {
        let error = fails(text);
        assert_eq!(error.kind(), ReadErrorKind::UnpairedQuote);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn debug_shows_no_number() {
    let input = open("id,phone\n447400123456,447400123456\n");
    let row = input.rows().next().unwrap().unwrap();
    for shown in [format!("{input:?}"), format!("{row:?}"), format!("{:?}", input.rows())] {
        assert!(!shown.contains("7400123456"), "{shown}");
    }
}

#[test]
fn an_input_and_its_readings_can_go_to_another_thread() {
    fn is_send<T: Send + 'static>() {}
    is_send::<TableFile>();
    is_send::<TableRows>();
    is_send::<ReadError>();
}

#[test]
fn an_error_is_one_word_wide() {
    assert_eq!(size_of::<ReadError>(), size_of::<usize>());
}

/// Runs itself alone in a process of its own, whose peak memory is its own too.
#[cfg(target_os = "linux")]
#[test]
fn a_large_file_is_streamed_in_flat_memory() {
    const FILE: &str = "NUMCHECK_TEST_LARGE_FILE";
    const ROWS: u64 = 200_000;

    fn peak_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    if let Some(path) = std::env::var_os(FILE) {
        // The first rows warm up what is made only once.
        let small = open("id,phone\n1,+44 7400 123456\n");
        assert_eq!(outcomes(&small).len(), 1);
        let before = peak_kib();
        let input = TableFile::open(Path::new(&path), &ReadOptions::default()).unwrap();
        assert_eq!(input.row_count(), ROWS);
        for _ in 0..2 {
            assert_eq!(
                input.rows().filter(|row| row.as_ref().is_ok_and(|row| row.phone.is_ok())).count() as u64,
                ROWS
            );
        }
        let grown = peak_kib() - before;
        assert!(grown < 4 * 1024, "memory grew by {grown} KiB over a file of 40 MB");
        return;
    }

    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut out = io::BufWriter::new(file.as_file_mut());
    writeln!(out, "id,phone,note").unwrap();
    for row in 0..ROWS {
        writeln!(out, "{row},+44 7400 {:06},{:180}", row % 1_000_000, "note").unwrap();
    }
    out.flush().unwrap();
    drop(out);
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::a_large_file_is_streamed_in_flat_memory", "--nocapture"])
        .env(FILE, file.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&status.stdout);
    assert!(
        status.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&status.stderr)
    );
}

#[test]
fn a_row_that_is_blotted_out_stays_a_row_and_no_other_row_moves() {
    for (text, column) in [
        ("id;phone;name\r\n1;+85251111111;\"Ann; Lee\"\r\n2;85252222222;Bo\r\n3;852 5111 1111;C\r\n", None),
        ("85251111111\n85252222222\n\n85251111111", None),
        ("85251111111,x\n85252222222,y\n", Some("1")),
        ("\u{feff}phone\n85252222222\n85251111111\n", None),
    ] {
        let input = column.map_or_else(|| open(text), |column| open_column(text, column).unwrap());
        let number = PhoneNumber::new("85251111111").unwrap();
        let mut bytes = Vec::new();
        input.copy().read_to_end(&mut bytes).unwrap();
        let ranges = input.ranges_where(|_, found| *found == Ok(number)).unwrap();
        for row in &ranges {
            input.blot_out(&mut bytes[row.start as usize..row.end as usize]);
        }
        let after = column.map_or_else(|| open(&bytes), |column| open_column(&bytes, column).unwrap());
        let (before, expected) = (outcomes(&input), outcomes(&input));
        let expected: Vec<_> =
            expected.into_iter().map(|row| row.replace("85251111111", "forgotten")).collect();
        assert_eq!(outcomes(&after), expected, "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(ranges.len(), before.iter().filter(|row| *row == "85251111111").count());
        assert!(!String::from_utf8_lossy(&bytes).contains("Ann"), "other cells of the row, too");
        assert_eq!(columns(&after), columns(&input));
    }
}

fn options(set: impl FnOnce(&mut ReadOptions)) -> ReadOptions {
    let mut options = ReadOptions::default();
    set(&mut options);
    options
}

fn open_with(text: impl AsRef<[u8]>, set: impl FnOnce(&mut ReadOptions)) -> Result<TableFile, ReadError> {
    TableFile::from_reader(text.as_ref(), "test", &options(set))
}

fn case(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn gbk_is_recognised_and_read_as_text() {
    for (name, cell) in [("gbk-ascii-header.csv", "张三"), ("gbk-english-header.csv", "张三")] {
        let table = open(case(name));
        assert_eq!(table.form().encoding.to_string(), "gb18030", "{name}");
        assert!(cells(&table).iter().flatten().any(|found| found == cell), "{name} {:?}", cells(&table));
        assert!(!table.is_broken_utf8());
    }
}

#[test]
fn an_encoding_can_be_said_and_one_in_which_the_file_is_not_whole_is_refused_with_the_line() {
    let gbk = [&b"name,phone\n"[..], &[0xC0, 0xEE, 0xC0, 0xD7], b",8613800138000\n"].concat();
    let table = open_with(&gbk, |options| options.encoding = Some("gbk".parse().unwrap())).unwrap();
    assert_eq!(cells(&table)[0][0], "李雷");
    let broken = [&b"name,phone\nA,8613800138000\n"[..], &[0x81, 0x20], b",1\n"].concat();
    let error = open_with(broken, |options| options.encoding = Some("gbk".parse().unwrap())).unwrap_err();
    assert_eq!(error.kind(), ReadErrorKind::Encoding);
    assert_eq!(error.to_string(), "test: is not whole as gb18030: line 3 holds bytes that are nothing in it");
}

#[test]
fn utf16_without_a_mark_is_recognised_by_its_zeros() {
    let text = "name,phone\nMüller,447400123456\n";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (bytes, encoding) in [(little, "UTF-16LE"), (big, "UTF-16BE")] {
        let table = open(bytes);
        assert_eq!(
            (cells(&table)[0][0].as_str(), table.form().encoding.to_string().as_str()),
            ("Müller", encoding)
        );
    }
}

#[test]
fn title_lines_above_a_header_are_found_and_skipped() {
    for (text, names) in [
        (String::from_utf8(case("title-line.csv")).unwrap(), vec!["name", "phone"]),
        (
            "Report;2026-01-01\r\n\r\nid;Telefon;Ort\r\n1;8613912345678;x\r\n".to_owned(),
            vec!["id", "Telefon", "Ort"],
        ),
        ("List 2026\nphone\n8613912345678\n".to_owned(), vec!["phone"]),
        ("Customers,,\n,,\nid,phone,note\n1,8613912345678,\n".to_owned(), vec!["id", "phone", "note"]),
    ] {
        let table = open(&text);
        assert_eq!(columns(&table), names, "{text}");
        assert_eq!(outcomes(&table), ["8613912345678"], "{text}");
    }
    // A row with a phone number is no title, whatever stands below.
    let table = open("8613912345678\nphone\n");
    assert_eq!(outcomes(&table), ["8613912345678", "letters"]);
}

#[test]
fn rows_to_skip_a_delimiter_and_a_missing_header_can_be_said() {
    let table = open_with("a,b\nc,d\nx,handset\n1,8613912345678\n", |options| {
        options.skip_rows = Some(2);
        options.column = Some("handset".to_owned());
    });
    assert_eq!(outcomes(&table.unwrap()), ["8613912345678"]);
    let table = open_with("id^phone\n1^8613912345678\n", |options| options.delimiter = Some('^')).unwrap();
    assert_eq!(columns(&table), ["id", "phone"]);
    let table = open_with("1,8613912345678,x\n2,n/a,y\n", |options| options.has_no_header = true).unwrap();
    assert_eq!(
        (outcomes(&table), table.has_header()),
        (vec!["8613912345678".to_owned(), "letters".to_owned()], false)
    );
    let error = open_with("a,b,c\n", |options| options.has_no_header = true).unwrap_err();
    assert_eq!(error.kind(), ReadErrorKind::NoPhoneColumn);
    for delimiter in ['"', 'a', '1', '，', '\n'] {
        let error = open_with("id,phone\n", |options| options.delimiter = Some(delimiter)).unwrap_err();
        assert_eq!(error.kind(), ReadErrorKind::Delimiter, "{delimiter:?}");
    }
    let error = open_with("id,phone\n1,2\n", |options| options.skip_rows = Some(9)).unwrap_err();
    assert_eq!(error.kind(), ReadErrorKind::Empty);
}

#[test]
fn a_row_knows_its_line() {
    let table = open("Title\n\nid,phone\n1,447400123456\n\n2,\"n\n/a\"\n3,85251234567\n");
    assert_eq!(lines(&table), [4, 6, 8]);
    let crlf = open("\u{FEFF}id,phone\r\n1,447400123456\r\n\r\n2,\"n\r\n/a\"\r\n3,85251234567");
    assert_eq!(lines(&crlf), [2, 4, 6]);
}

#[test]
fn a_copy_is_read_again_as_the_file_was_whatever_would_be_found_in_it_now() {
    let long = format!("name,phone\n{}李雷,8613800138000\n", "x,8613800138001\n".repeat(9000));
    for text in [
        "Title\n\nid;phone\n1;447400123456\n".to_owned(),
        "447400123456\n85251234567\n".to_owned(),
        "\u{FEFF}sep=|\nid|phone\n1|447400123456\n".to_owned(),
        long,
    ] {
        let table = open(&text);
        let mut bytes = Vec::new();
        table.copy().read_to_end(&mut bytes).unwrap();
        // What was forgotten of it might be found out otherwise.
        let form: TableForm = serde_json::from_str(&serde_json::to_string(table.form()).unwrap()).unwrap();
        let mut copy = tempfile::tempfile().unwrap();
        copy.write_all(&bytes).unwrap();
        let again = TableFile::from_copy(copy, "test", &ReadOptions::default(), Some(&form)).unwrap();
        assert_eq!((outcomes(&again), columns(&again)), (outcomes(&table), columns(&table)));
        assert_eq!(again.form(), table.form());
    }
}

#[test]
fn numbers_above_a_name_are_no_title() {
    let table = open("61234567\n61234568\n电话\n61234569\n");
    assert_eq!(outcomes(&table), ["61234567", "61234568", "letters", "61234569"]);
}

/// The phone column is kept, and not found out by what is left in the first row.
#[test]
fn a_copy_without_a_header_is_read_after_its_first_row_was_forgotten() {
    let text = "447400123456,Alice,x\n85251234567,Bob,y\n";
    let table = open_with(text, |options| options.has_no_header = true).unwrap();
    let mut copy = tempfile::tempfile().unwrap();
    copy.write_all(text.replacen("447400123456,Alice,x", "************,*****,*", 1).as_bytes()).unwrap();
    let again = TableFile::from_copy(copy, "test", &ReadOptions::default(), Some(table.form())).unwrap();
    assert_eq!(outcomes(&again), ["forgotten", "85251234567"]);
}

/// What an earlier release has kept without its form.
#[test]
fn a_copy_without_its_form_is_read_as_it_was_when_it_was_made() {
    for (text, column, expected) in [
        ("Phone | Mobile\n85251234567\n", "Phone | Mobile", "85251234567"),
        ("number,phone value\n85251234567,1\n", "number", "85251234567"),
        ("447400123465|a\n85251234567\n", "phone", "letters"),
        ("Title\n85251234567\n", "Title", "85251234567"),
    ] {
        let mut copy = tempfile::tempfile().unwrap();
        copy.write_all(text.as_bytes()).unwrap();
        let table = TableFile::from_copy(copy, "test", &ReadOptions::default(), None).unwrap();
        assert_eq!(
            (table.phone_column().as_str(), outcomes(&table)[0].as_str()),
            (column, expected),
            "{text}"
        );
    }
}

#[cfg(feature = "workbooks")]
mod workbooks {
    use super::*;

    #[test]
    fn workbooks_of_every_program_are_read() {
        for name in ["libreoffice.xlsx", "libreoffice.xls", "libreoffice.ods", "openpyxl.xlsx", "pandas.xlsx"]
        {
            let table = open(case(name));
            assert_eq!(columns(&table), ["name", "phone", "joined", "amount"], "{name}");
            assert_eq!(
                cells(&table),
                [
                    vec!["张三", "8613912345678", "2026-01-31", "12.5"],
                    vec!["Müller, \"Jo\"", "+44 7400 123456", "2026-02-01 08:30:00", "0.1"],
                    vec!["two\nlines", "13800138000"],
                ],
                "{name}"
            );
            assert_eq!(outcomes(&table), ["8613912345678", "447400123456", "13800138000"], "{name}");
            assert!(table.form().is_workbook);
        }
    }

    #[test]
    fn a_damaged_workbook_is_an_error_even_where_its_reader_panics() {
        // Its container promises more sectors than there are, which calamine 0.38 does not check.
        let error = fails(case("damaged.xls"));
        assert_eq!(error.kind(), ReadErrorKind::NotText);
        assert!(error.to_string().contains("damaged workbook"), "{error}");
        let error = fails(b"PK\x03\x04 and nothing else");
        assert_eq!(error.kind(), ReadErrorKind::NotText);
    }

    #[test]
    fn a_sheet_that_cannot_be_read_is_not_passed_over_for_another() {
        for (name, sheets) in
            [("ambiguous-sheet.xlsx", "`Staff`, `Customers`"), ("unnamed-sheet.xlsx", "`Ids`, `Lines`")]
        {
            let error = fails(case(name));
            assert_eq!(error.kind(), ReadErrorKind::AmbiguousSheet, "{name}");
            assert_eq!(error.to_string(), format!("test: has several sheets with rows: {sheets}"));
        }
        // Whose first hundred rows are bad, too.
        let error = fails(case("late-sheet.xlsx"));
        assert_eq!(error.kind(), ReadErrorKind::AmbiguousSheet);
    }

    #[test]
    fn a_header_longer_than_a_cell_is_measured() {
        // Beside a cell with more bytes and fewer characters.
        let long = format!("phone,{},{}\n8613800138000,a\n", "x".repeat(32_768), "字".repeat(17_000));
        let refused = TableWriter::new(
            Vec::new(),
            &open(long),
            AddedColumns { prefix: "", member: "x", names: &[] },
            WriteOptions { format: TableFormat::Xlsx, ..WriteOptions::default() },
        );
        assert!(
            matches!(refused, Err(TableDoesNotFit::CellTooLong { characters: 32_768, line: 1 })),
            "{refused:?}"
        );
    }

    #[test]
    fn a_sheet_is_chosen_by_what_is_in_it_or_by_name_or_number() {
        let table = open(case("sheets.xlsx"));
        assert_eq!(
            columns(&table),
            ["id", "mobile"],
            "the sheet of notes and the hidden one have no phone number"
        );
        assert_eq!(lines(&table), [5, 7], "as a spreadsheet counts them");
        for (sheet, column) in [("Old", "phone"), ("3", "phone"), ("2", "mobile")] {
            let table =
                open_with(case("sheets.xlsx"), |options| options.sheet = Some(sheet.to_owned())).unwrap();
            assert!(columns(&table).contains(&column.to_owned()), "{sheet}");
        }
        let error =
            open_with(case("sheets.xlsx"), |options| options.sheet = Some("x".to_owned())).unwrap_err();
        assert_eq!(error.to_string(), "test: has no sheet `x`; its sheets are `Notes`, `Customers`, `Old`");
        let error = fails(case("two-sheets.xlsx"));
        assert_eq!(error.kind(), ReadErrorKind::AmbiguousSheet);
        assert_eq!(error.to_string(), "test: has several sheets with rows: `May`, `June`");
        assert!(
            matches!(open_with("phone\n1\n", |options| options.sheet = Some("1".to_owned())), Err(error) if error.kind() == ReadErrorKind::NotText)
        );
    }
}
