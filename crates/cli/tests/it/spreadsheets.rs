//! Files as people have them, in and out: their numbers, their encodings, their workbooks.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use numcheck_tables::{ReadOptions, TableFile};
use serde_json::json;

use crate::support::job::Job;
use crate::support::{Call, column, data, numcheck, rows};

fn sandbox(file: &Path) -> Call {
    numcheck(["run"]).arg(file).args(["--sandbox", "--callback-delay", "10ms"])
}

fn plan(name: &str) -> Call {
    numcheck(["plan"]).arg(data(name))
}

/// The cells of a table of any format, its header first.
fn cells(path: &Path) -> Vec<Vec<String>> {
    let table = TableFile::open(path, &ReadOptions::default()).unwrap();
    let text = |cell: &[u8]| String::from_utf8_lossy(cell).into_owned();
    let header = table.columns().map(text).collect();
    let rows = table.rows().map(|row| row.unwrap().cells().map(text).collect());
    std::iter::once(header).chain(rows).collect()
}

#[test]
fn a_region_completes_national_numbers_and_without_it_plan_warns() {
    const WARNING: &str = "warning: 4 of 4 numbers look like Chinese mobiles without 86: --region CN?";
    let planned = plan("cn-national.csv").run().exits(0);
    assert!(planned.text().contains(WARNING), "{}", planned.text());
    let json = plan("cn-national.csv").arg("--json").run().exits(0).json();
    assert_eq!(
        json["warnings"],
        json!(["4 of 4 numbers look like Chinese mobiles without 86: --region CN?"])
    );
    let json = plan("cn-national.csv").args(["--json", "--region", "cn"]).run().exits(0).json();
    assert_eq!((&json["warnings"], &json["groups"]), (&json!([]), &json!([{"group": "CN", "numbers": 4}])));
    let refused = plan("cn-national.csv").args(["--region", "China"]).run().exits(2);
    assert!(refused.stderr.contains("two letters"), "{}", refused.stderr);
}

#[test]
fn the_question_before_paying_warns_of_numbers_without_a_country_code() {
    let account = [
        ("NXCLOUD_BASE_URL", "https://platform.invalid"),
        ("NXCLOUD_ACCESS_KEY", "key"),
        ("NXCLOUD_ACCESS_SECRET", "secret"),
        ("NXCLOUD_APPKEY", "appkey"),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
    ];
    let job = Job::with("phone\n07911123456\n07400123456\n");
    let ask = || {
        let run = numcheck(["run"]).arg(job.path("numbers.txt")).args(["--delivery", "poll"]);
        run.envs(account).env("NUMCHECK_STORE", job.store())
    };
    let asked = ask().run().exits(2).says("nothing was sent");
    let (warning, question) = (
        asked.stderr.find("warning: 2 of 2 numbers begin with 0, no country code does"),
        asked.stderr.find("costs money"),
    );
    assert!(warning.is_some() && warning < question, "{}", asked.stderr);
    let asked = ask().args(["--region", "GB"]).run().exits(2);
    assert!(!asked.stderr.contains("warning"), "{}", asked.stderr);
}

#[test]
fn what_was_made_of_a_cell_is_sent_once_and_stands_in_check_phone_also_in_a_later_export() {
    let list = "name,phone\nA,138 0013 8000\nB,+8613800138000\nC,8613800138000.0\nD,whatsapp:+8613912345678\nE,0755 2345 6789 ext. 5\nF,12\n";
    let job = Job::with(list);
    let run = job.start(&["--region", "CN"]);
    let batch = job.platform.accept();
    assert_eq!(batch.numbers, ["8613800138000", "8613912345678", "8675523456789"]);
    batch.push_all();
    run.end().exits(3);
    let phones = ["8613800138000", "8613800138000", "8613800138000", "8613912345678", "8675523456789", ""];
    let states = ["done", "duplicate", "duplicate", "done", "done", "invalid"];
    for rows in [job.rows(), job.export()] {
        assert_eq!(column(&rows, "check_phone"), phones);
        assert_eq!(column(&rows, "check_state"), states);
    }
    // The same numbers with their country code are paid for already.
    fs::write(job.path("numbers.txt"), "8613800138000\n008613912345678\n").unwrap();
    job.run().run().exits(0).says("2 of the numbers have a result already");
    assert_eq!(job.platform.seen().len(), 1);
}

#[test]
fn a_job_is_exported_as_its_file_was_read_with_titles_separator_region_and_encoding() {
    let job = Job::with("");
    let mut text = b"List of 2026\n\n".to_vec();
    text.extend([0xD0, 0xD5, 0xC3, 0xFB]); // 姓名 in GBK
    text.extend(b"^phone\n");
    text.extend([0xC0, 0xEE, 0xC0, 0xD7]); // 李雷
    text.extend(b"^13800138000\n");
    fs::write(job.path("numbers.txt"), text).unwrap();
    let run = job.start(&["--region", "CN", "--delimiter", "^", "--encoding", "gbk"]);
    let batch = job.platform.accept();
    assert_eq!(batch.numbers, ["8613800138000"]);
    batch.push_all();
    run.end().exits(0);
    let written = fs::read(job.path("out.csv")).unwrap();
    let jobs = numcheck(["jobs", "--json"]).env("NUMCHECK_STORE", job.store()).run().exits(0).json();
    let export = || numcheck(["export", jobs["job"].as_str().unwrap()]).env("NUMCHECK_STORE", job.store());
    assert_eq!(export().run().exits(0).stdout, written);
    assert!(written.starts_with(b"List of 2026\n\n\xD0\xD5\xC3\xFB^phone^check_phone^"), "{written:?}");
    assert!(written.windows(5).any(|bytes| bytes == b"\xC0\xEE\xC0\xD7^"));
    let utf8 = export().args(["--output-encoding", "utf-8-bom"]).run().exits(0).stdout;
    assert!(String::from_utf8(utf8).unwrap().starts_with("\u{FEFF}List of 2026\n\n姓名^phone^"));
    let refused = export().args(["--output-encoding", "gbk", "-o"]).arg(job.path("x.xlsx")).run().exits(2);
    assert!(refused.stderr.contains("a workbook has none"), "{}", refused.stderr);
}

#[test]
fn gbk_is_recognised_and_comes_out_in_one_encoding() {
    for name in ["gbk-ascii-header.csv", "gbk-english-header.csv"] {
        let written = sandbox(&data(name)).run().exits_with(&[0, 3]).stdout;
        let text = TableFile::from_reader(&written[..], name, &ReadOptions::default()).unwrap();
        assert_eq!(text.form().encoding.to_string(), "gb18030", "{name}");
        assert!(std::str::from_utf8(&written).is_err());
        assert!(plan(name).run().exits(0).text().contains("read as gb18030"));
    }
}

#[test]
fn a_workbook_goes_in_and_out_with_its_numbers_as_text() {
    let dir = tempfile::tempdir().unwrap();
    for (name, sheet) in
        [("libreoffice.xls", None), ("pandas.xlsx", None), ("sheets.xlsx", Some("Customers"))]
    {
        let out = dir.path().join(format!("{name}.xlsx"));
        let run = sandbox(&data(name)).args(["--region", "CN", "--columns", "phone,state", "-o"]).arg(&out);
        let run = sheet.into_iter().fold(run, |run, sheet| run.args(["--sheet", sheet]));
        run.run().exits_with(&[0, 3]);
        let (before, after) = (cells(&data(name)), cells(&out));
        assert_eq!(
            after[0],
            [&before[0][..], &["check_phone".to_owned(), "check_state".to_owned()]].concat()
        );
        assert_eq!(after.len(), before.len(), "{name}");
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(after[..before.len()], before[..], "{name}");
        }
    }
    let ambiguous = plan("two-sheets.xlsx").run().exits(2);
    assert!(ambiguous.stderr.contains("`May`, `June`: say which with --sheet"), "{}", ambiguous.stderr);
    assert!(plan("two-sheets.xlsx").args(["--sheet", "June"]).run().exits(0).text().starts_with("1 row:"));
}

#[test]
fn the_end_of_the_outputs_name_decides_its_format() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("n.csv");
    fs::write(&path, "id,phone\n1,85251234567\n").unwrap();
    for (name, beginning) in [
        ("x.csv", "id,phone,check_phone,check_state\n"),
        ("x.tsv", "id\tphone\tcheck_phone\tcheck_state\n"),
        ("x", "id,phone,check_phone,check_state\n"),
        (
            "x.jsonl",
            "{\"id\":\"1\",\"phone\":\"85251234567\",\"check\":{\"phone\":\"85251234567\",\"state\":\"done\"}}\n",
        ),
        ("x.csv.gz", "id,phone,check_phone,check_state\n"),
        ("x.tsv.gz", "id\tphone\tcheck_phone\tcheck_state\n"),
    ] {
        let out = dir.path().join(name);
        sandbox(&path).args(["--columns", "check_phone,state", "-o"]).arg(&out).run().exits(0);
        let written = fs::read(&out).unwrap();
        let mut text = String::new();
        match name.ends_with(".gz") {
            true => flate2::read::GzDecoder::new(&written[..]).read_to_string(&mut text).map(drop).unwrap(),
            false => text = String::from_utf8(written).unwrap(),
        }
        assert!(text.starts_with(beginning), "{name}: {text}");
    }
}

#[test]
fn what_a_sheet_cannot_hold_is_known_before_anything_is_sent() {
    let job = Job::with(&format!("phone,note\n85251234567,{}\n", "x".repeat(32_768)));
    let out = job.path("out.xlsx");
    let run = job.platform.run(&job.path("numbers.txt")).env("NUMCHECK_STORE", job.store());
    let refused = run.arg("-o").arg(&out).run().exits(2);
    assert!(
        refused.stderr.contains("has a cell of 32768 characters in line 2")
            && refused.stderr.contains("write a .csv"),
        "{}",
        refused.stderr
    );
    assert!(job.platform.seen().is_empty() && !out.exists());
}

#[test]
fn invalid_cells_are_listed_with_line_cell_and_reason() {
    let planned = plan("fix-one-row.csv").arg("--show-invalid").run().exits(0);
    assert!(
        planned.text().contains("    line 4: `8.61391E+12`: a spreadsheet has replaced"),
        "{}",
        planned.text()
    );
    let json = plan("fix-one-row.csv").args(["--show-invalid", "--json"]).run().exits(0).json();
    let cell = &json["invalid_cells"][0];
    assert_eq!(
        (&cell["row"], &cell["line"], &cell["cell"], &cell["reason"]),
        (&json!(3), &json!(4), &json!("8.61391E+12"), &json!("scientific_notation"))
    );
    assert_eq!(plan("fix-one-row.csv").arg("--json").run().exits(0).json()["invalid_cells"], json!(null));
}

#[test]
fn after_one_row_is_mended_only_that_one_is_paid() {
    let job = Job::with(&fs::read_to_string(data("fix-one-row.csv")).unwrap());
    let run = job.start(&[]);
    job.platform.accept().push_all();
    run.end().exits(3);
    let mended = fs::read_to_string(data("fix-one-row.csv")).unwrap().replace("8.61391E+12", "8613912300003");
    fs::write(job.path("numbers.txt"), mended).unwrap();
    let run = job.start(&[]);
    let batch = job.platform.accept();
    assert_eq!(batch.numbers, ["8613912300003"]);
    batch.push_all();
    run.end().exits(0);
    assert_eq!(column(&job.rows(), "check_state"), ["done"; 3]);
}

#[test]
fn titles_and_names_of_other_programs_are_found() {
    for name in ["title-line.csv", "google-contacts-header.csv", "pandas-float.csv"] {
        let json = plan(name).arg("--json").run().exits(0).json();
        assert_eq!((&json["numbers"], &json["invalid"]), (&json!(1), &json!({})), "{name}");
        let written = sandbox(&data(name)).run().exits(0).stdout;
        let text = String::from_utf8(written).unwrap();
        let table = text.split_once("Customers 2026\n\n").map_or(text.as_str(), |(_, table)| table);
        assert_eq!(column(&rows(table.as_bytes()), "check_phone"), ["8613912345678"], "{name}");
    }
}

#[test]
fn explain_columns_says_what_each_column_means() {
    let explained = numcheck(["explain", "columns", "--json"]).run().exits(0).json_lines();
    let written = sandbox(&data("example-numbers.csv")).run().exits(0).stdout;
    let header = String::from_utf8_lossy(&written).lines().next().unwrap().to_owned();
    let names: Vec<&str> = explained
        .iter()
        .filter(|column| column["privacy_only"] == false)
        .map(|column| column["column"].as_str().unwrap())
        .collect();
    assert!(header.ends_with(&names.join(",")), "{header}");
    assert!(explained.iter().all(|column| column["meaning"].as_str().unwrap().len() > 10));
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    for column in &explained {
        let row =
            format!("| `{}` | {} |", column["column"].as_str().unwrap(), column["meaning"].as_str().unwrap());
        assert!(readme.contains(&row), "README.md lacks: {row}");
    }
    numcheck(["explain", "column"]).run().exits(2);
}
