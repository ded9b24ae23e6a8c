//! `numcheck run FILE --sandbox` as a process: what goes in, what comes out, and how it ends.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::{Call, Row, column, data, json_lines, numcheck, rows};
use serde_json::json;

/// A run of a file in an embedded sandbox.
fn run(file: &Path) -> Call {
    numcheck(["run"]).arg(file).args(["--sandbox", "--callback-delay", "10ms"])
}

/// A file with this content, and the folder that it is in.
fn file(name: &str, content: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, content).unwrap();
    (dir, path)
}

/// What stands in `check_price`, summed exactly for each currency, as a person would with a spreadsheet.
fn costs(rows: &[Row]) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for row in rows.iter().filter(|row| !row["check_price"].is_empty()) {
        *sums.entry(row["check_currency"].clone()).or_default() += ten_thousandths(&row["check_price"]);
    }
    sums
}

fn ten_thousandths(price: &str) -> i64 {
    let (whole, fraction) = price.split_once('.').unwrap();
    assert_eq!(fraction.len(), 4, "{price}");
    whole.parse::<i64>().unwrap() * 10_000 + fraction.parse::<i64>().unwrap()
}

const COLUMNS: &str = "check_phone,check_state,check_code,check_message,check_level,check_valid,check_region,check_dial_code,\
    check_national,check_standard,check_number_type,check_carrier,check_validity,check_reachable,check_roaming,check_ported,\
    check_mcc,check_mnc,check_ring,check_answered,check_response,check_price,check_currency,check_message_id,check_batch_no,check_time";

#[test]
fn every_row_of_the_input_in_order_its_columns_untouched_and_all_of_926_are_done() {
    let input = fs::read_to_string(data("example-numbers.csv")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("results.csv");
    let summary = run(&data("example-numbers.csv")).arg("-o").arg(&out).arg("--json").run().exits(0).json();

    let output = fs::read_to_string(&out).unwrap();
    let mut lines = output.lines();
    assert_eq!(lines.next().unwrap(), format!("id,region,kind,phone,{COLUMNS}"));
    let mut inputs = input.lines().skip(1);
    for line in lines {
        let before = inputs.next().unwrap();
        assert!(line.starts_with(&format!("{before},")), "{before} became {line}");
    }
    assert_eq!(inputs.next(), None, "a row is lost");

    let rows = rows(output.as_bytes());
    for row in &rows {
        assert_eq!((row["check_state"].as_str(), &row["check_phone"]), ("done", &row["phone"]), "{row:?}");
        assert_eq!(row["check_level"], "basic");
    }
    assert_eq!((&summary["rows"], &summary["done"]), (&json!(926), &json!(926)));
    let shown: BTreeMap<String, i64> = summary["cost"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(currency, sum)| (currency.clone(), ten_thousandths(sum.as_str().unwrap())))
        .collect();
    assert_eq!(shown, costs(&rows));
    assert!(shown.len() > 1 && shown.values().all(|sum| *sum > 0), "{shown:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing but the results is left behind");
}

#[test]
fn byte_order_marks_crlf_quotes_plus_00_spaces_brackets_and_full_width_digits_are_understood() {
    let path = data("messy-numbers.csv");
    let ended = run(&path).run().exits(3).says("5 invalid, 3 duplicate");
    let (before, after) = (fs::read(&path).unwrap(), &ended.stdout);
    assert!(after.starts_with("\u{feff}".as_bytes()), "the byte-order mark stays");
    let is_crlf = |text: &[u8]| text.windows(2).filter(|two| two == b"\r\n").count();
    // Two quoted line breaks more than rows and header: those are cells, not ends of lines.
    assert_eq!(is_crlf(after), is_crlf(&before));

    let (before, after) = (rows(&before), rows(after));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert!(before.iter().all(|(name, cell)| after[name] == *cell), "{before:?} became {after:?}");
    }
    let (good, bad) = after.split_at(90);
    for row in good {
        assert_eq!(row["check_state"], "done", "{row:?}");
    }
    // The same numbers as people write them: plus, 00, spaces, hyphen, apostrophe, brackets, full-width digits.
    assert_eq!(
        column(&good[..8], "check_phone"),
        [
            "24740123",
            "376312345",
            "971501234567",
            "93701234567",
            "12684641234",
            "12642351234",
            "355672123456",
            "37477123456"
        ]
    );
    assert_eq!(
        column(bad, "check_state"),
        [
            "duplicate",
            "duplicate",
            "invalid",
            "invalid",
            "invalid",
            "failed",
            "invalid",
            "invalid",
            // pandas' `.0`, from which nothing is lost.
            "duplicate"
        ]
    );
    let reasons = column(bad, "check_message");
    for (at, reason) in [
        (2, "scientific_notation: "),
        (3, "blank: "),
        (4, "letters: "),
        (6, "too_long: "),
        (7, "several_numbers: "),
    ] {
        assert!(reasons[at].starts_with(reason), "{at}: {}", reasons[at]);
    }
    // 18617 has five digits: whether it exists is what the platform is paid to say, and it says 114.
    assert_eq!(bad[5]["check_code"], "114");
}

#[test]
fn a_duplicate_repeats_the_result_of_the_earlier_row_but_not_its_price() {
    let (_dir, path) =
        file("n.csv", "phone,who\n+85251234567,a\n0085251234567,b\n852 5123 4567,c\n85261234567,d\n");
    let ended = run(&path)
        .run()
        .exits(0)
        .says("checked 2: 2 done, 0 failed, 0 invalid, 2 duplicate; cost 0.0040 USD;");
    let rows = rows(&ended.stdout);
    assert_eq!(column(&rows, "check_state"), ["done", "duplicate", "duplicate", "done"]);
    assert_eq!(column(&rows, "check_price"), ["0.0020", "", "", "0.0020"]);
    for same in
        ["check_phone", "check_code", "check_standard", "check_carrier", "check_message_id", "check_batch_no"]
    {
        assert_eq!((&rows[1][same], &rows[2][same]), (&rows[0][same], &rows[0][same]), "{same}");
    }
}

#[test]
fn level_hlr_says_whether_a_number_is_in_use_reachable_and_roaming() {
    // …001vro: validity, reachable, roaming; 1 YES, 2 NO, 3 UNKNOWN, 4 a word nobody knows.
    let (_dir, path) = file("n.txt", "8613800001123\n8613800001421\n");
    let ended = run(&path).args(["--level", "hlr", "--json"]).run().exits(0);
    let lines = ended.json_lines();
    let live = |at: usize| {
        let check = &lines[at]["check"];
        ["level", "validity", "reachable", "roaming", "price"]
            .map(|name| check[name].as_str().unwrap_or("-").to_owned())
    };
    assert_eq!(live(0), ["hlr", "YES", "NO", "UNKNOWN", "0.0600"]);
    assert_eq!(live(1), ["hlr", "MAYBE", "NO", "YES", "0.0600"]);
    let summary = ended.json_on_stderr();
    assert_eq!(
        summary["drift"],
        json!([{"place": "Live.validity", "kind": "new_value", "value": "MAYBE", "count": 1}])
    );
}

#[test]
fn level_call_says_what_a_call_to_the_number_meets() {
    // …02earr: early, answered, response.
    let (_dir, path) = file("n.txt", "8613800021203\n8613800022109\n");
    let rows = rows(&run(&path).args(["--level", "call"]).run().exits(0).stdout);
    assert_eq!(column(&rows, "check_level"), ["call", "call"]);
    assert_eq!(column(&rows, "check_ring"), ["YES", "NO"]);
    assert_eq!(column(&rows, "check_answered"), ["NO", "YES"]);
    assert_eq!(column(&rows, "check_response"), ["no_response", "voicemail"]);
    assert_eq!(column(&rows, "check_validity"), ["", ""]);
}

#[test]
fn a_dash_is_standard_input_and_results_go_to_standard_output() {
    let ended = run(Path::new("-")).stdin("+852 5123 4567\n\n8526-123-4567\r\n").run().exits(0);
    let rows = rows(&ended.stdout);
    assert_eq!(column(&rows, "phone"), ["+852 5123 4567", "8526-123-4567"]);
    assert_eq!(column(&rows, "check_phone"), ["85251234567", "85261234567"]);
    assert_eq!(column(&rows, "check_state"), ["done", "done"]);
}

#[test]
fn json_writes_results_as_json_lines_on_standard_output_and_the_summary_as_json() {
    let input = "id,phone\n007,85251234567\n008,abc\n";
    for output in [&["--json"][..], &["--json", "-o", "-"]] {
        let ended = run(Path::new("-")).args(output).stdin(input).run().exits(3);
        let lines = ended.json_lines();
        assert_eq!(lines.len(), 2, "{output:?}");
        assert_eq!((&lines[0]["id"], &lines[0]["check"]["state"]), (&json!("007"), &json!("done")));
        assert_eq!((&lines[0]["check"]["code"], &lines[0]["check"]["price"]), (&json!(0), &json!("0.0020")));
        assert_eq!((&lines[1]["id"], &lines[1]["check"]["state"]), (&json!("008"), &json!("invalid")));
        let summary = ended.json_on_stderr();
        for (name, value) in [
            ("rows", json!(2)),
            ("checked", json!(1)),
            ("done", json!(1)),
            ("failed", json!(0)),
            ("invalid", json!(1)),
            ("duplicate", json!(0)),
            ("refused", json!(0)),
            ("in_doubt", json!(0)),
            ("pending", json!(0)),
            ("missing", json!(0)),
            ("submitted", json!(1)),
            ("reused", json!(0)),
            ("saved", json!({})),
            ("charged_again", json!(0)),
            ("unpriced", json!(0)),
            ("cost", json!({"USD": "0.0020"})),
            ("output", json!(null)),
            ("journal", json!(null)),
        ] {
            assert_eq!(summary[name], value, "{name}");
        }
    }
}

#[test]
fn an_output_named_jsonl_is_json_lines_and_json_puts_the_summary_on_standard_output() {
    let (dir, path) = file("n.csv", "phone\n85251234567\n");
    let out = dir.path().join("out.jsonl");
    let summary = run(&path).arg("-o").arg(&out).arg("--json").run().exits(0).json();
    assert_eq!((&summary["done"], &summary["output"]), (&json!(1), &json!(out)));
    let lines = json_lines(&fs::read_to_string(&out).unwrap());
    assert_eq!((lines.len(), &lines[0]["check"]["phone"]), (1, &json!("85251234567")));
}

#[test]
fn whatever_a_platform_does_with_a_result_every_row_ends_in_a_state() {
    // Shapes of a push (2xx) and ways of delivery (3xx), as `numcheck sandbox --magic` lists them.
    let cases = [
        ("3201", "done"),    // fields nobody knows
        ("3202", "done"),    // numbers as strings
        ("3203", "done"),    // data and cost null
        ("3204", "done"),    // no data, no cost
        ("3205", "done"),    // no cost
        ("3206", "done"),    // empty words
        ("3207", "done"),    // message instead of msg
        ("3208", "done"),    // data is a list
        ("3209", "pending"), // no JSON: nobody can say which number it is about
        ("3301", "done"),    // twice
        ("3302", "pending"), // never
        ("3303", "pending"), // ten minutes late
        ("3304", "done"),    // before the submit's answer
        ("3305", "done"),    // a foreign batch number: the capability says which it is
        ("3306", "done"),    // a foreign message id
        ("3307", "done"),    // twice, the second time as a failure: the first counts
    ];
    let content: String = cases.iter().map(|(magic, _)| format!("861380000{magic}\n")).collect();
    let (_dir, path) = file("n.txt", &content);
    let ended = run(&path).args(["--wait", "2s", "--json"]).run().exits(3);
    let lines = ended.json_lines();
    let states: Vec<&str> = lines.iter().map(|line| line["check"]["state"].as_str().unwrap()).collect();
    assert_eq!(states, cases.map(|(_, state)| state));
    assert_eq!(lines[1]["check"]["number_type"], "mobile");
    let summary = ended.json_on_stderr();
    assert_eq!(
        (&summary["repeats"], &summary["conflicts"], &summary["unmatched"]),
        (&json!(1), &json!(1), &json!(1))
    );
    // Three of the 13 have no price, the others that of a Chinese number.
    assert_eq!((&summary["unpriced"], &summary["cost"]), (&json!(3), &json!({"CNY": "0.1200"})));
}

#[test]
fn a_file_without_numbers_is_settled_at_once() {
    let (dir, path) = file("n.csv", "id;phone;note\r\n");
    let out = dir.path().join("out.csv");
    run(&path)
        .arg("-o")
        .arg(&out)
        .run()
        .exits(0)
        .says("checked 0: 0 done, 0 failed, 0 invalid, 0 duplicate; cost nothing;");
    let header = fs::read_to_string(&out).unwrap();
    assert_eq!(header, format!("id;phone;note;{}\r\n", COLUMNS.replace(',', ";")));
}

#[test]
fn a_name_that_promises_another_form_than_is_written_is_refused() {
    let (dir, path) = file("n.csv", "phone\n85251234567\n");
    for name in ["x.xlsx.gz", "x.XLS", "x.csv.zip", "x.json", "x.txt"] {
        let out = dir.path().join(name);
        let ended = run(&path).arg("-o").arg(&out).run().exits(2).says("is not written: name a .csv");
        assert!(ended.stderr.contains("nothing was sent") && !out.exists(), "{}", ended.stderr);
    }
    for name in ["x.csv", "x.tsv", "x", "x.jsonl"] {
        let out = dir.path().join(name);
        run(&path).arg("-o").arg(&out).run().exits(0);
        let rows = fs::read_to_string(&out).unwrap();
        assert_eq!(rows.starts_with('{'), name.ends_with(".jsonl"), "{rows}");
    }
}

#[test]
fn bad_input_gets_a_clear_error_and_nothing_is_sent() {
    for (content, options, word) in [
        ("", &[][..], "is empty: there is no phone number in it"),
        ("id,name\n1,a\n", &[][..], "--column"),
        ("id,phone,mobile\n1,85251234567,85251234568\n", &[][..], "--column"),
        ("id,phone\n1,85251234567\n", &["--column", "telefon"][..], "telefon"),
        ("\u{0}\u{1}\u{2}PNG", &[][..], "text"),
        ("phone,check_state\n85251234567,done\n", &[][..], "has check_ columns already"),
    ] {
        let (dir, path) = file("n.csv", content);
        let out = dir.path().join("out.csv");
        let ended = run(&path).args(options).arg("-o").arg(&out).run().exits(2).says(word);
        assert!(ended.stdout.is_empty() && !out.exists(), "{content:?}");
        assert_eq!(
            ended.stderr.lines().filter(|line| line.starts_with("numcheck: ")).count(),
            1,
            "{}",
            ended.stderr
        );
    }
    let ended = run(Path::new("no-such-file.csv")).run().exits(2).says("no-such-file.csv");
    assert!(ended.stderr.contains("because: "), "{}", ended.stderr);
}

#[test]
fn an_output_that_cannot_be_written_is_found_before_anything_is_sent() {
    let (dir, path) = file("n.csv", "phone\n85251234567\n");
    let before = fs::read(&path).unwrap();
    run(&path).arg("-o").arg(&path).run().exits(2).says("is the input itself");
    // Over a link too.
    let link = dir.path().join("link.csv");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    run(&path).arg("-o").arg(&link).run().exits(2).says("is the input itself");
    run(&path).arg("-o").arg(dir.path()).run().exits(2).says("nothing was sent");
    run(&path).arg("-o").arg(dir.path().join("no/such/folder.csv")).run().exits(2).says("nothing was sent");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn an_existing_file_is_replaced_at_the_end() {
    let (dir, path) = file("n.csv", "phone\n85251234567\n");
    let out = dir.path().join("out.csv");
    fs::write(&out, "something else").unwrap();
    run(&path).arg("-o").arg(&out).run().exits(0);
    assert_eq!(column(&rows(&fs::read(&out).unwrap()), "check_state"), ["done"]);
}

#[test]
fn results_go_to_what_a_shell_has_opened_under_whatever_name() {
    for (redirect, before) in [
        ("-o /dev/stdout >> out.csv", "before\n"),
        ("-o /dev/fd/1 >> out.csv", "before\n"),
        ("-o /dev/stdout | cat > out.csv", ""),
        ("-o >(cat > out.csv; : > done); until [ -e done ]; do sleep 0.01; done", ""),
    ] {
        let (dir, path) = file("numbers.txt", "447400123456\n");
        let out = dir.path().join("out.csv");
        fs::write(&out, "before\n").unwrap();
        let mut shell = std::process::Command::new("bash");
        shell.args(["-c", &format!("\"$0\" run \"$1\" --sandbox --callback-delay 10ms {redirect}")]);
        shell.arg(env!("CARGO_BIN_EXE_numcheck")).arg(&path);
        Call::new(shell).dir(dir.path()).run().exits(0);
        let written = fs::read_to_string(&out).unwrap();
        assert!(written.starts_with(&format!("{before}phone,check_phone,")), "{redirect}: {written}");
        assert!(written.ends_with('\n') && written.contains("447400123456,"), "{redirect}: {written}");
    }
}

#[test]
fn a_reader_that_goes_as_head_does_is_no_failure_to_talk_about() {
    let mut running = run(&data("example-numbers.csv")).start();
    assert!(running.stdout_line().starts_with("id,region,kind,phone,check_phone,"));
    running.stop_reading();
    let ended = running.end().exits(0);
    assert_eq!(ended.stderr, "");
}

#[test]
fn the_sandbox_takes_no_account_and_no_address_even_where_the_environment_has_them() {
    let (_dir, path) = file("n.csv", "phone\n85251234567\n");
    let ended = run(&path)
        .envs([
            ("NXCLOUD_ACCESS_KEY", "mine"),
            ("NXCLOUD_BASE_URL", "http://127.0.0.1:9"),
            ("NUMCHECK_LISTEN", "127.0.0.1:9"),
        ])
        .env("NUMCHECK_PUBLIC_URL", "https://example.org")
        .run();
    assert_eq!(column(&rows(&ended.exits(0).stdout), "check_state"), ["done"]);
}

#[test]
fn every_option_can_come_from_the_environment() {
    let (dir, path) = file("n.csv", "a,b\n1,8613800001123\n");
    let out = dir.path().join("out.csv");
    let ended = numcheck(["run"])
        .arg(&path)
        .envs([
            ("NUMCHECK_SANDBOX", "1"),
            ("NUMCHECK_COLUMN", "b"),
            ("NUMCHECK_LEVEL", "hlr"),
            ("NUMCHECK_JSON", "yes"),
        ])
        .envs([("NUMCHECK_CALLBACK_DELAY", "10ms"), ("NUMCHECK_OUTPUT", out.to_str().unwrap())])
        .run()
        .exits(0);
    assert_eq!(ended.json()["done"], 1);
    assert_eq!(column(&rows(&fs::read(&out).unwrap()), "check_validity"), ["YES"]);
}

#[test]
fn a_sandbox_that_is_switched_off_is_no_reason_to_pay_for_results_that_cannot_arrive() {
    let (_dir, path) = file("n.csv", "phone\n85251234567\n");
    let account = [("NXCLOUD_ACCESS_KEY", "k"), ("NXCLOUD_ACCESS_SECRET", "s"), ("NXCLOUD_APPKEY", "a")];
    for off in ["0", "false", "no"] {
        let ended = numcheck(["run"]).arg(&path).envs(account).env("NUMCHECK_SANDBOX", off).run();
        ended.exits(2).says("--listen and --public-url are both needed").says("nothing was sent");
    }
}
