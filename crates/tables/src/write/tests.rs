//! Whole outputs, as people open them.

use super::*;
use crate::{ReadOptions, TableFile};

const ADDED: AddedColumns<'_> =
    AddedColumns { prefix: "check_", member: "check", names: &["phone", "carrier", "code", "price"] };

fn table(text: impl AsRef<[u8]>) -> TableFile {
    TableFile::from_reader(text.as_ref(), "test", &ReadOptions::default()).unwrap()
}

fn values(row: &TableRow) -> [CellValue<'static>; 4] {
    let Ok(phone) = row.phone else { return Default::default() };
    [
        CellValue::Text(phone.digits().to_owned().into()),
        CellValue::Text("中国移动".into()),
        CellValue::Integer(0),
        CellValue::Amount("0.0020".into()),
    ]
}

fn written(table: &TableFile, options: WriteOptions) -> Written<Vec<u8>> {
    let mut writer = TableWriter::new(Vec::new(), table, ADDED, options).unwrap();
    for row in table.rows() {
        let row = row.unwrap();
        writer.write(&row, values(&row).into_iter()).unwrap();
    }
    writer.finish().unwrap()
}

fn format(format: TableFormat) -> WriteOptions {
    WriteOptions { format, ..WriteOptions::default() }
}

fn text(table: &TableFile, options: WriteOptions) -> String {
    String::from_utf8(written(table, options).to).unwrap()
}

fn encoded(text: &str, encoding: &str) -> Vec<u8> {
    let encoding: TextEncoding = encoding.parse().unwrap();
    let mut writer = crate::encoding::EncodingWriter::new(Vec::new(), encoding);
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap().0
}

#[test]
fn a_file_is_written_back_in_its_own_encoding_as_a_whole() {
    let line = "姓名,phone\n李雷和韩梅梅,8613800138000\n未知客户,n/a\n";
    let expected = "姓名,phone,check_phone,check_carrier,check_code,check_price\n李雷和韩梅梅,8613800138000,8613800138000,中国移动,0,0.0020\n未知客户,n/a,,,,\n";
    for encoding in ["utf-8", "utf-8-bom", "utf-16le", "utf-16be", "gbk"] {
        let table = table(encoded(line, encoding));
        let written = written(&table, WriteOptions::default());
        assert_eq!(written.to, encoded(expected, encoding), "{encoding}");
        assert_eq!(written.unmapped, 0);
    }
    for encoding in ["utf-8-bom", "utf-16", "gb18030", "utf-8"] {
        let options = WriteOptions { encoding: Some(encoding.parse().unwrap()), ..WriteOptions::default() };
        let written = written(&table(encoded(line, "gbk")), options);
        assert_eq!(written.to, encoded(expected, encoding), "{encoding}");
    }
}

#[test]
fn a_character_that_an_encoding_has_not_got_is_written_by_its_number_and_counted() {
    let table = table(encoded(
        "Name;Telefon;Straße\nMüller;4915112345678;Hauptstraße 5\nJörg;4915112345679;Ä\n",
        "windows-1252",
    ));
    assert_eq!(table.form().encoding.to_string(), "windows-1252");
    let written = written(&table, WriteOptions::default());
    let expected = "Name;Telefon;Straße;check_phone;check_carrier;check_code;check_price\n\
        Müller;4915112345678;Hauptstraße 5;4915112345678;&#20013;&#22269;&#31227;&#21160;;0;0.0020\n\
        Jörg;4915112345679;Ä;4915112345679;&#20013;&#22269;&#31227;&#21160;;0;0.0020\n";
    // `;` stands in a reference, so that the cell is in quotes where it is.
    let shown = String::from_utf8(encoded(expected, "utf-8")).unwrap();
    assert_eq!(written.unmapped, 8);
    assert!(shown.contains("&#20013;"));
    assert!(written.to.windows(8).any(|bytes| bytes == b"&#20013;"));
    assert!(written.to.windows(6).any(|bytes| bytes == b"M\xFCller"));
}

#[test]
fn the_end_of_the_name_decides_the_separator() {
    let tabs = table("id\tphone\n1\t8613800138000\n");
    assert!(text(&tabs, format(TableFormat::LikeInput)).starts_with("id\tphone\tcheck_phone\t"));
    assert!(text(&tabs, format(TableFormat::Csv)).starts_with("id,phone,check_phone,"));
    assert!(text(&tabs, format(TableFormat::Tsv)).starts_with("id\tphone\tcheck_phone\t"));
    let semicolons = table("sep=;\r\nid;phone\r\n1;8613800138000\r\n");
    assert!(text(&semicolons, format(TableFormat::Csv)).starts_with("sep=;\r\nid;phone;check_phone;"));
    assert!(text(&semicolons, format(TableFormat::Tsv)).starts_with("id\tphone\tcheck_phone\t"));
}

#[test]
fn lines_above_the_header_are_written_back() {
    let titled = table("Customers 2026\n\nname,phone\nA,8613912345678\n");
    assert!(text(&titled, format(TableFormat::Csv)).starts_with("Customers 2026\n\nname,phone,check_phone,"));
    assert!(
        text(&titled, format(TableFormat::JsonLines))
            .starts_with(r#"{"name":"A","phone":"8613912345678","check":{"#)
    );
}

#[test]
fn a_packed_file_holds_the_same() {
    use std::io::Read as _;
    let table = table("id,phone\n1,8613800138000\n");
    for format in [TableFormat::Csv, TableFormat::JsonLines] {
        let packed = written(&table, WriteOptions { format, gzip: true, ..WriteOptions::default() }).to;
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, text(&table, WriteOptions { format, ..WriteOptions::default() }));
        if format == TableFormat::Csv {
            let again = TableFile::from_reader(&packed[..], "x", &ReadOptions::default()).unwrap();
            assert_eq!(again.row_count(), 1, "it can be handed in again");
        }
    }
}

#[test]
fn a_table_with_the_added_columns_is_refused() {
    let again = table("phone,Check_Phone\n8613800138000,x\n");
    for taken in [TableFormat::LikeInput, TableFormat::Csv, TableFormat::Tsv, TableFormat::Xlsx] {
        let refused = TableWriter::new(Vec::new(), &again, ADDED, format(taken)).unwrap_err();
        assert_eq!(refused, TableDoesNotFit::ColumnsTaken { prefix: "check_".to_owned() });
    }
    assert!(TableWriter::new(Vec::new(), &again, ADDED, format(TableFormat::JsonLines)).is_ok());
}

#[cfg(feature = "workbooks")]
mod workbooks {
    use super::*;

    fn read_back(bytes: &[u8]) -> TableFile {
        // What is written can be handed in again, but for the added columns' names.
        TableFile::from_reader(bytes, "out.xlsx", &ReadOptions::default()).unwrap()
    }

    fn cells(table: &TableFile) -> Vec<Vec<String>> {
        table
            .rows()
            .map(|row| row.unwrap().cells().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect())
            .collect()
    }

    #[test]
    fn a_workbook_holds_texts_and_amounts_and_every_row() {
        let table = table("Title;\n\nid;phone\n007;8613800138000\n=1+1;n/a\n;\n3;+8613800138001;more\n");
        let bytes = written(&table, format(TableFormat::Xlsx)).to;
        let again = read_back(&bytes);
        let names: Vec<String> =
            again.columns().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        assert_eq!(
            names,
            ["id", "phone", "column_3", "check_phone", "check_carrier", "check_code", "check_price"]
        );
        assert_eq!(
            cells(&again),
            [
                vec!["007", "8613800138000", "", "8613800138000", "中国移动", "0", "0.002"],
                vec!["=1+1", "n/a"],
                vec!["3", "+8613800138001", "more", "8613800138001", "中国移动", "0", "0.002"],
            ]
        );
    }

    #[test]
    fn what_no_sheet_can_hold_is_refused_before_the_first_row() {
        let long = format!("phone,note\n8613800138000,a\n8613800138001,{}\n", "字".repeat(32_768));
        let refused =
            TableWriter::new(Vec::new(), &table(&long), ADDED, format(TableFormat::Xlsx)).unwrap_err();
        assert_eq!(refused, TableDoesNotFit::CellTooLong { characters: 32_768, line: 3 });
        let fits = format!("phone,note\n8613800138000,{}\n", "字".repeat(32_767));
        written(&table(&fits), format(TableFormat::Xlsx));
        let rows = "8613800138000\n".repeat(1_048_576);
        let refused =
            TableWriter::new(Vec::new(), &table(&rows), ADDED, format(TableFormat::Xlsx)).unwrap_err();
        assert_eq!(refused, TableDoesNotFit::TooManyRows { rows: 1_048_577 });
        let wide = format!("phone{}\n", ",x".repeat(16_380));
        let refused =
            TableWriter::new(Vec::new(), &table(&wide), ADDED, format(TableFormat::Xlsx)).unwrap_err();
        assert_eq!(refused, TableDoesNotFit::TooManyColumns { columns: 16_385 });
    }

    #[test]
    fn an_added_text_longer_than_a_cell_is_cut_and_counted() {
        let table = table("8613800138000\n");
        let mut writer = TableWriter::new(Vec::new(), &table, ADDED, format(TableFormat::Xlsx)).unwrap();
        let row = table.rows().next().unwrap().unwrap();
        writer.write(&row, [CellValue::Text("😀".repeat(20_000).into())].into_iter()).unwrap();
        let written = writer.finish().unwrap();
        assert_eq!(written.cut, 1);
        let cell = cells(&read_back(&written.to))[0][1].clone();
        assert!(cell.ends_with('…') && cell.encode_utf16().count() <= MAX_CELL_CHARACTERS);
    }

    #[test]
    fn a_workbook_becomes_csv_with_a_mark_by_which_a_spreadsheet_knows_it() {
        let bytes = written(&table("phone\n8613800138000\n"), format(TableFormat::Xlsx)).to;
        let workbook = TableFile::from_reader(&bytes[..], "x", &ReadOptions::default()).unwrap();
        let added = AddedColumns { prefix: "new_", ..ADDED };
        let write = |options| {
            let mut writer = TableWriter::new(Vec::new(), &workbook, added, options).unwrap();
            let row = workbook.rows().next().unwrap().unwrap();
            writer.write(&row, values(&row).into_iter()).unwrap();
            String::from_utf8(writer.finish().unwrap().to).unwrap()
        };
        assert!(write(format(TableFormat::Csv)).starts_with("\u{FEFF}phone,check_phone,"));
        assert!(write(format(TableFormat::LikeInput)).starts_with("phone,check_phone,"));
    }
}
