//! Whole outputs, as people open them.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use numcheck_protocol::number_check::{CallbackCode, CheckResult};
use numcheck_protocol::{PhoneText, Text};
use tempfile::TempDir;

use numcheck_tables::ReadOptions;

use super::*;

const MESSY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tables/tests/data/messy-numbers.csv");

fn input(text: impl AsRef<[u8]>) -> TableFile {
    TableFile::from_reader(text.as_ref(), "test", &ReadOptions::default()).unwrap()
}

fn result(row: &TableRow) -> CheckRow<'static> {
    match row.phone {
        Ok(number) => {
            let mut result = CheckResult::default();
            result.done = true;
            result.code = Some(CallbackCode::SUCCESS);
            result.text = Some(Text::new("success"));
            result.carrier = Some(Text::new("Sandbox, \"Mobile\""));
            result.price = Some("0.0020".parse().unwrap());
            result.batch_no = Some(Text::new("b1"));
            CheckRow::from_result(number, result)
        }
        Err(reject) => CheckRow::invalid(reject),
    }
}

fn create(target: Target<'_>, format: TableFormat, input: &TableFile) -> Result<Writer, OutputError> {
    let mut options = WriteOptions::default();
    options.format = format;
    Writer::create(target, options, input, &Columns::default())
}

/// Writes every row with [`result`] to a file and gives back what stands in it.
fn write(input: &TableFile, format: TableFormat) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("out");
    let mut writer = create(Target::File(&path), format, input).unwrap();
    for row in input.rows() {
        let row = row.unwrap();
        writer.write(&row, &result(&row)).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(files(&folder), ["out"], "no temporary file is left");
    fs::read(path).unwrap()
}

fn text(input: &TableFile, format: TableFormat) -> String {
    String::from_utf8(write(input, format)).unwrap()
}

fn files(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn the_input_columns_stay_untouched_and_in_order_and_the_results_follow() {
    let input = input("id,phone,\"a \"\"b\"\"\"\n1,447400123456,\" x,y \"\n2,n/a,\n");
    let columns: Vec<String> =
        Columns::default().names(false).into_iter().map(|name| format!("check_{name}")).collect();
    // An empty cell for each column that the row says nothing in.
    let cells = |told: &[(&str, &str)]| {
        let cell = |name| told.iter().find(|(known, _)| *known == name).map_or("", |(_, cell)| cell);
        Columns::default().names(false).into_iter().map(cell).collect::<Vec<_>>().join(",")
    };
    let done = [
        ("phone", "447400123456"),
        ("state", "done"),
        ("code", "0"),
        ("message", "success"),
        ("carrier", "\"Sandbox, \"\"Mobile\"\"\""),
        ("price", "0.0020"),
        ("batch_no", "b1"),
    ];
    let why = "\"letters: it has letters: write digits only, with the country code\"";
    let expected = format!(
        "id,phone,\"a \"\"b\"\"\",{}\n1,447400123456,\" x,y \",{}\n2,n/a,,{}\n",
        columns.join(","),
        cells(&done),
        cells(&[("state", "invalid"), ("message", why)]),
    );
    assert_eq!(text(&input, TableFormat::LikeInput), expected);
}

#[test]
fn one_row_comes_out_per_row_of_the_messy_file_in_its_order_and_layout() {
    let input = TableFile::open(Path::new(MESSY), &ReadOptions::default()).unwrap();
    let bytes = write(&input, TableFormat::LikeInput);
    assert!(bytes.starts_with(b"\xEF\xBB\xBFcustomer id,name,telephone,note,check_phone,"));
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(&bytes[3..]);
    let records: Vec<::csv::ByteRecord> = reader.byte_records().map(Result::unwrap).collect();
    assert_eq!(records.len() as u64, 1 + input.row_count());
    for (record, row) in records[1..].iter().zip(input.rows()) {
        let row = row.unwrap();
        assert_eq!(record.len(), 4 + Columns::default().names(false).len());
        assert!(record.iter().take(4).eq(row.cells()));
        let state = if row.phone.is_ok() { "done" } else { "invalid" };
        assert_eq!(&record[5], state.as_bytes());
    }
    assert!(
        String::from_utf8_lossy(&bytes)
            .contains(",done,0,success,,,,,,,,\"Sandbox, \"\"Mobile\"\"\",,,,,,,,,,0.0020,,,b1,\r\n")
    );
}

#[test]
fn the_output_has_the_separator_line_ends_and_first_lines_of_the_input() {
    for (text_in, beginning, end) in [
        ("id;phone\n1;447400123456\n", "id;phone;check_phone;", "\n1;447400123456;447400123456;done;0;"),
        (
            "id\tphone\r\n1\t447400123456\r\n",
            "id\tphone\tcheck_phone\t",
            "\r\n1\t447400123456\t447400123456\t",
        ),
        ("sep=;\r\nid;phone\r\n1;2\r\n", "sep=;\r\nid;phone;check_phone;", "\r\n1;2;;invalid;;"),
        ("\u{FEFF}phone\n447400123456", "\u{FEFF}phone,check_phone,", "\n447400123456,447400123456,done"),
        ("447400123456\n123;456\n", "phone,check_phone,", "\n123;456,,invalid,,"),
    ] {
        let written = text(&input(text_in), TableFormat::LikeInput);
        assert!(written.starts_with(beginning) && written.contains(end), "{text_in:?} became {written:?}");
    }
}

#[test]
fn results_stand_in_their_columns_behind_rows_of_any_length() {
    let input = input("id,phone\n1\n2,447400123456,x,y\n");
    let written = text(&input, TableFormat::LikeInput);
    let mut reader = ::csv::Reader::from_reader(written.as_bytes());
    assert_eq!(
        reader.headers().unwrap().iter().take(5).collect::<Vec<_>>(),
        ["id", "phone", "column_3", "column_4", "check_phone"]
    );
    let records: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records[0].iter().take(6).collect::<Vec<_>>(), ["1", "", "", "", "", "invalid"]);
    assert_eq!(
        records[1].iter().take(6).collect::<Vec<_>>(),
        ["2", "447400123456", "x", "y", "447400123456", "done"]
    );
}

#[test]
fn cells_that_are_not_utf8_come_out_byte_for_byte() {
    let broken = ["姓名客户,phone\n".as_bytes(), &b"M\xFCller,447400123456\n"[..]].concat();
    let written = write(&input(broken), TableFormat::LikeInput);
    assert!(written.windows(7).any(|bytes| bytes == b"M\xFCller,"));
}

#[test]
fn json_has_an_object_a_line_with_the_result_under_check() {
    let input = input("id,phone,check,id,\n1,447400123456,a,b,c,d\n2,4.47E+11\n");
    let written = text(&input, TableFormat::JsonLines);
    assert_eq!(
        written,
        concat!(
            r#"{"id":"1","phone":"447400123456","check_2":"a","id_2":"b","column_5":"c","column_6":"d","check":{"phone":"447400123456","state":"done","code":0,"message":"success","carrier":"Sandbox, \"Mobile\"","price":"0.0020","batch_no":"b1"}}"#,
            "\n",
            r#"{"id":"2","phone":"4.47E+11","check":{"state":"invalid","message":"scientific_notation: a spreadsheet has replaced the last digits by an exponent (E+…): format the column as text, enter the number again and export anew"}}"#,
            "\n",
        )
    );
}

#[test]
fn json_keeps_a_text_that_csv_makes_harmless() {
    let input = input("447400123456\n");
    let row = input.rows().next().unwrap().unwrap();
    let mut check = result(&row);
    check.result.carrier = Some(Text::new("=1+1"));
    for (format, expected) in
        [(TableFormat::LikeInput, ",'=1+1,"), (TableFormat::JsonLines, "\"carrier\":\"=1+1\"")]
    {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("out");
        let mut writer = create(Target::File(&path), format, &input).unwrap();
        writer.write(&row, &check).unwrap();
        writer.finish().unwrap();
        let written = fs::read_to_string(path).unwrap();
        assert!(written.contains(expected), "{written}");
    }
}

#[test]
fn a_file_appears_under_its_name_only_when_it_is_complete() {
    let input = input("447400123456\n");
    let row = input.rows().next().unwrap().unwrap();
    for format in [TableFormat::LikeInput, TableFormat::JsonLines] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("out.csv");
        fs::write(&path, "before").unwrap();

        let mut writer = create(Target::File(&path), format, &input).unwrap();
        writer.write(&row, &result(&row)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        writer.finish().unwrap();
        assert!(fs::read_to_string(&path).unwrap().contains("447400123456"));
        assert_eq!(files(&folder), ["out.csv"]);
    }
}

#[test]
fn rows_written_before_a_failure_stay_in_the_part_file_and_nothing_else_does() {
    let input = input("447400123456\n");
    let row = input.rows().next().unwrap().unwrap();
    for format in [TableFormat::LikeInput, TableFormat::JsonLines] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("out.csv");
        drop(create(Target::File(&path), format, &input).unwrap());
        assert_eq!(files(&folder), [""; 0], "without a row there is nothing to keep");

        let mut writer = create(Target::File(&path), format, &input).unwrap();
        writer.write(&row, &result(&row)).unwrap();
        let part = writer.part().unwrap().to_owned();
        drop(writer);
        assert!(fs::read_to_string(&part).unwrap().contains("447400123456"));
        assert!(!path.exists());
    }
}

#[test]
fn what_a_killed_command_left_goes_once_the_file_is_whole_and_what_is_being_written_stays() {
    let input = input("447400123456\n");
    let row = input.rows().next().unwrap().unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("out.csv");
    let target = || create(Target::File(&path), TableFormat::LikeInput, &input).unwrap();
    // The lock of a process ends with it, and its file stays.
    let left = {
        let mut killed = target();
        killed.write(&row, &result(&row)).unwrap();
        killed.part().unwrap().to_owned()
    };
    let mut other = target();
    other.write(&row, &result(&row)).unwrap();
    let others = [
        "out.csv.backup.part",
        "out.csv.numcheck-notes.part",
        "out.csv.numcheck-ABCDEF.part.bak",
        "other.csv.numcheck-ABCDEF.part",
    ];
    for name in others {
        fs::write(folder.path().join(name), "somebody's").unwrap();
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(others[0], folder.path().join("out.csv.numcheck-ABCDEF.part")).unwrap();
        let pipe = folder.path().join("out.csv.numcheck-GHIJKL.part");
        assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    }
    let mut writer = target();
    writer.write(&row, &result(&row)).unwrap();
    assert!(left.exists(), "not before there is a whole one");
    writer.finish().unwrap();
    assert!(!left.exists() && other.part().unwrap().exists());
    let others = others.len() + if cfg!(unix) { 2 } else { 0 };
    assert_eq!(files(&folder).len(), others + 2, "{:?}", files(&folder));
    other.finish().unwrap();
    assert_eq!(files(&folder).len(), others + 1, "{:?}", files(&folder));
}

#[cfg(unix)]
#[test]
fn what_a_shell_names_by_its_descriptor_is_written_to() {
    use std::io::Read as _;
    use std::os::fd::AsRawFd;
    let input = input("447400123456\n");
    let row = input.rows().next().unwrap().unwrap();
    // As `-o >(…)` does.
    let (mut reader, pipe) = std::io::pipe().unwrap();
    let path = PathBuf::from(format!("/dev/fd/{}", pipe.as_raw_fd()));
    let mut writer = create(Target::File(&path), TableFormat::LikeInput, &input).unwrap();
    drop(pipe);
    writer.write(&row, &result(&row)).unwrap();
    writer.finish().unwrap();
    let mut written = String::new();
    reader.read_to_string(&mut written).unwrap();
    assert!(written.contains("447400123456"), "{written}");
}

#[test]
fn an_error_says_where_the_rows_are() {
    let input = input("447400123456\n");
    let row = input.rows().next().unwrap().unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("out.csv");
    let mut writer = create(Target::File(&path), TableFormat::LikeInput, &input).unwrap();
    writer.write(&row, &result(&row)).unwrap();
    // A folder of that name cannot be replaced by a file.
    fs::create_dir(&path).unwrap();
    let error = writer.finish().unwrap_err();
    assert_eq!(error.kind(), OutputErrorKind::Finish);
    let part = error.part().unwrap();
    assert!(
        error.to_string().ends_with(&format!("the rows written so far are in {}", part.display())),
        "{error}"
    );
    assert!(fs::read_to_string(part).unwrap().contains("447400123456"));
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn what_is_wrong_with_the_target_is_found_before_anything_is_sent() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("numbers.csv");
    fs::File::create(&path).unwrap().write_all(b"phone\n447400123456\n").unwrap();
    let from_file = TableFile::open(&path, &ReadOptions::default()).unwrap();
    let results = input("phone,Check_State\n447400123456,done\n");
    let missing: PathBuf = folder.path().join("none/out.csv");
    for (target, input, kind) in [
        (path.as_path(), &from_file, OutputErrorKind::SameFile),
        (&folder.path().join(".").join("numbers.csv"), &from_file, OutputErrorKind::SameFile),
        (&missing, &from_file, OutputErrorKind::Create),
        (folder.path(), &from_file, OutputErrorKind::Create),
        (&folder.path().join("out.csv"), &results, OutputErrorKind::DoesNotFit),
    ] {
        let error = create(Target::File(target), TableFormat::LikeInput, input).unwrap_err();
        assert_eq!(error.kind(), kind);
        let shown = error.to_string();
        assert!(shown.ends_with("nothing was sent") && !shown.contains('\n'), "{shown}");
    }
    assert_eq!(files(&folder), ["numbers.csv"]);
    assert_eq!(fs::read(&path).unwrap(), b"phone\n447400123456\n");
    // JSON keeps results apart from columns, so that a result file may be its input.
    assert!(create(Target::File(&folder.path().join("out.json")), TableFormat::JsonLines, &results).is_ok());
}

#[cfg(unix)]
#[test]
fn links_stay_links_permissions_stay_and_new_files_are_ordinary_ones() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let input = input("447400123456\n");
    let folder = TempDir::new().unwrap();
    let (real, link, new) =
        (folder.path().join("real"), folder.path().join("link"), folder.path().join("new"));
    fs::write(&real, "before").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
    symlink(&real, &link).unwrap();
    fs::write(folder.path().join("ordinary"), "").unwrap();
    for path in [&link, &new] {
        create(Target::File(path), TableFormat::LikeInput, &input).unwrap().finish().unwrap();
    }
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().starts_with("phone,check_phone"));
    assert_eq!(mode("real"), 0o600);
    assert_eq!(mode("new"), mode("ordinary"));
}

#[cfg(unix)]
#[test]
fn a_device_is_written_to_and_not_replaced() {
    let input = input("447400123456\n");
    let mut writer = create(Target::File(Path::new("/dev/null")), TableFormat::LikeInput, &input).unwrap();
    let row = input.rows().next().unwrap().unwrap();
    writer.write(&row, &result(&row)).unwrap();
    assert_eq!(writer.part(), None);
    writer.finish().unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_not_a_short_file() {
    let input = input("447400123456\n");
    let row = input.rows().next().unwrap().unwrap();
    for format in [TableFormat::LikeInput, TableFormat::JsonLines] {
        let mut writer = create(Target::File(Path::new("/dev/full")), format, &input).unwrap();
        let written = writer.write(&row, &result(&row)).and_then(|()| writer.finish());
        assert_eq!(written.unwrap_err().to_string(), "cannot write /dev/full");
    }
}

#[test]
fn a_header_alone_comes_out_with_the_result_columns() {
    let written = text(&input("id,phone\n"), TableFormat::LikeInput);
    assert!(written.starts_with("id,phone,check_phone,") && written.ends_with("check_time\n"));
    assert_eq!(written.lines().count(), 1);
}

#[test]
fn every_state_has_its_word() {
    let states = [
        (CheckState::Done, "done"),
        (CheckState::Failed, "failed"),
        (CheckState::Refused, "refused"),
        (CheckState::Invalid, "invalid"),
        (CheckState::Duplicate, "duplicate"),
        (CheckState::InDoubt, "in_doubt"),
        (CheckState::Missing, "missing"),
    ];
    for (state, word) in states {
        assert_eq!(state.to_string(), word);
    }
}

#[test]
fn debug_shows_no_number_and_no_text() {
    let input = input("447400123456\n");
    let row = input.rows().next().unwrap().unwrap();
    let mut check = result(&row);
    check.result.national = Some(PhoneText::new("7400123456"));
    let shown = format!("{check:?}");
    assert!(!shown.contains("7400123456") && shown.contains("Done"), "{shown}");
}

#[test]
fn a_writer_can_go_to_another_thread() {
    fn is_send<T: Send + 'static>() {}
    is_send::<Writer>();
    is_send::<OutputError>();
}

#[test]
fn an_error_is_one_word_wide() {
    assert_eq!(size_of::<OutputError>(), size_of::<usize>());
}
