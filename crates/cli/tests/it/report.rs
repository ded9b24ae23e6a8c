//! `numcheck report JOB`: a page for others, and its figures, which are the ledger's.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::support::job::{Job, number};
use crate::support::qxt::{self, mobiles};
use crate::support::{Call, Sandbox, column, free_address, numcheck, push, rows};

fn name(job: &Job) -> String {
    let jobs = numcheck(["jobs", "--json"]).env("NUMCHECK_STORE", job.store()).run().exits(0);
    jobs.json_lines()[0]["job"].as_str().unwrap().to_owned()
}

fn report(job: &Job, arguments: &[&str]) -> Call {
    numcheck(["report", &name(job)]).args(arguments).env("NUMCHECK_STORE", job.store())
}

/// What a reader sees: the page without its style, and without what stands in tags.
fn seen(page: &str) -> String {
    let (_, body) = page.split_once("<body>").unwrap();
    let texts = body.split('<').filter_map(|part| part.split_once('>'));
    texts.map(|(_, text)| text.trim()).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

fn count_of(counts: &Value, key: &str, name: &str) -> u64 {
    let counts = counts.as_array().unwrap();
    counts.iter().find(|one| one[key] == name).map_or(0, |one| one["count"].as_u64().unwrap())
}

fn finding<'a>(details: &'a Value, column: &str) -> &'a Value {
    let found = details["findings"].as_array().unwrap().iter().find(|one| one["column"] == column);
    found.unwrap_or_else(|| panic!("no {column} in {details}"))
}

/// Whether so many digits follow each other in it.
fn has_run(text: &str, length: usize) -> bool {
    text.split(|char: char| !char.is_ascii_digit()).any(|run| run.len() >= length)
}

#[test]
fn no_number_is_in_a_report_whatever_the_platform_and_the_file_are_called() {
    let mut job = Job::of(0);
    let file = job.path("8613912345678 of 85251000000.csv");
    let cells = format!("who,phone\na,{}\nd,{}\nb,138****5678\nc,8613912345678x\n", number(0), number(1));
    fs::write(&file, cells).unwrap();
    let run = job.platform.run(&file).env("NUMCHECK_STORE", job.store());
    let running = run.arg("-o").arg(job.path("out.csv")).arg("--json").start();
    let batch = job.platform.accept();
    let mut result = batch.result(&batch.numbers[0]);
    result["data"]["basic"]["carrier"] =
        json!("<b onclick='x'>&Tele\u{202e}com</b> +852 5100-0000 (85251000000)");
    result["data"]["basic"]["regionCode"] = json!("85251000000");
    assert_eq!(push(&batch.dr_url, &result.to_string()).unwrap(), 200);
    let mut failed = batch.result(&batch.numbers[1]);
    failed["code"] = json!(85_251_000_001_u64);
    (failed["msg"], failed["data"]) = (json!("+852 5100 0001 is not known"), Value::Null);
    assert_eq!(push(&batch.dr_url, &failed.to_string()).unwrap(), 200);
    running.end().exits(3);
    let page = report(&job, &[]).run().exits(0).text().to_owned();
    let figures = report(&job, &["--json"]).run().exits(0).text().to_owned();
    let name = name(&job);
    for text in [seen(&page), figures.clone()] {
        let text = text.replace(&name, "").replace(&job.platform.url, "");
        for part in
            ["525100000", "5100000", "5100 000", "1000000", "8613", "912345678", "5678x", "138*", "**5678"]
        {
            assert!(!text.contains(part), "{part} in {text}");
        }
        assert!(!has_run(&text, 5), "{text}");
        assert!(text.contains("*** of ***.csv"), "{text}");
        assert!(text.contains("+*** is not known"), "{text}");
    }
    assert!(page.contains("&lt;b onclick=&#x27;x&#x27;&gt;&amp;Tele"), "escaped: {page}");
    assert!(!page.contains("<b ") && !page.contains('\u{202e}'), "{page}");
    // The platform's word for a country is none, so it is told by the number's form.
    assert_eq!(
        serde_json::from_str::<Value>(&figures).unwrap()["details"]["countries"][0]["name"],
        "Hong Kong"
    );
    job.platform.url.clear();
}

#[test]
fn a_report_is_one_file_that_asks_nobody() {
    let job = Job::of(2);
    let run = job.start(&[]);
    job.platform.accept().push_all();
    run.end().exits(0);
    let ended = report(&job, &["-o", job.path("report.html").to_str().unwrap()]).run().exits(0);
    assert!(ended.stdout.is_empty() && ended.stderr.is_empty(), "{}", ended.stderr);
    let page = fs::read_to_string(job.path("report.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"), "{page}");
    for foreign in ["http:", "https:", "//", "src=", "url(", "@import", "<script", "<iframe"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("default-src 'none'"), "and a browser would not let it");
    let count = |what: &str| page.matches(what).count();
    assert_eq!(count("<table>"), count("<caption>"), "every table has a caption");
    assert_eq!(count("<section "), count("<h2 "), "every section has a heading");
    assert_eq!(
        count("class=\"bar"),
        count("class=\"bar\" aria-hidden") + count("class=\"bar tall\" aria-hidden")
    );
    // What stands there is the same as on standard output, but for the time.
    assert_eq!(report(&job, &[]).run().exits(0).text().lines().count(), page.lines().count());
}

#[test]
fn a_report_s_figures_are_those_of_the_ledger_and_the_rows() {
    let sandbox = Sandbox::start_with(&["--callback-delay", "0s"]);
    let folder = tempfile::tempdir().unwrap();
    let numbers = [
        "85251234567",
        "85251234568",
        "85251234569",
        "8613800001123",
        "8613800001321",
        "8613800000114",
        "8613800000103",
        "8613800003205",
        "447400123456",
        "+85251234567",
        "n/a",
        "",
        "4.47E+11",
        "letters",
    ];
    let lines: Vec<String> =
        numbers.iter().enumerate().map(|(at, number)| format!("{at},{number}")).collect();
    fs::write(folder.path().join("in.csv"), format!("id,phone\n{}\n", lines.join("\n"))).unwrap();
    let call = |arguments: &[&str]| {
        let call = numcheck(arguments).dir(folder.path()).envs(sandbox.account());
        call.env("NUMCHECK_STORE", folder.path().join("jobs.db"))
    };
    let listen = free_address();
    let url = format!("http://{listen}");
    let push =
        ["run", "in.csv", "--level", "hlr", "--listen", &listen, "--public-url", &url, "-o", "out.csv"];
    call(&push).run().exits(3);
    let job = call(&["jobs", "--json"]).run().exits(0).json()["job"].as_str().unwrap().to_owned();
    let status = call(&["status", &job, "--json"]).run().exits(0).json();
    let report = call(&["report", &job, "--json"]).run().exits(0).json();

    assert_eq!(
        (&report["level"], &report["file"], &report["state"]),
        (&json!("hlr"), &json!("in.csv"), &json!("finished"))
    );
    assert_eq!((&report["invented"], &report["service"]), (&json!(true), &json!("number_check")));
    for (key, value) in [("rows", 14), ("numbers", 9), ("duplicates", 1), ("invalid", 4), ("open", 0)] {
        assert_eq!(report[key], value, "{key}");
    }
    let outcomes = &report["outcomes"];
    assert_eq!(count_of(outcomes, "outcome", "done"), status["settled"].as_u64().unwrap());
    assert_eq!(count_of(outcomes, "outcome", "failed"), status["failed"].as_u64().unwrap());
    assert_eq!(report["cost"]["charges"], status["costs"]);
    assert_eq!((&report["cost"]["unpriced"], &status["unpriced"]), (&json!(1), &json!(1)));

    // Once more from the file of results.
    let results = rows(&fs::read(folder.path().join("out.csv")).unwrap());
    let details = &report["details"];
    let mut countries: BTreeMap<&str, u64> = BTreeMap::new();
    for row in results.iter().filter(|row| ["done", "failed"].contains(&row["check_state"].as_str())) {
        let region = row["check_region"].as_str();
        *countries.entry(if region.is_empty() { "CN" } else { region }).or_default() += 1;
    }
    let told = details["countries"].as_array().unwrap().iter();
    let told: BTreeMap<&str, u64> =
        told.map(|one| (one["code"].as_str().unwrap(), one["numbers"].as_u64().unwrap())).collect();
    assert_eq!(told, countries);
    for (name, words) in [("validity", ["YES", "NO", "UNKNOWN"]), ("reachable", ["YES", "NO", "UNKNOWN"])] {
        let done: Vec<_> = results.iter().filter(|row| row["check_state"] == "done").cloned().collect();
        let cells = column(&done, &format!("check_{name}"));
        for word in words {
            let expected = cells.iter().filter(|cell| **cell == word).count() as u64;
            let counted = count_of(&finding(details, name)["first"], "name", &word.to_lowercase());
            assert_eq!(counted, expected, "{name} {word}");
        }
    }
    let invalid = details["invalid"].as_array().unwrap();
    let reasons: Vec<_> =
        invalid.iter().map(|one| (one["reason"].as_str().unwrap(), &one["lines"])).collect();
    assert_eq!(
        reasons,
        [("letters", &json!([12, 15])), ("blank", &json!([13])), ("scientific_notation", &json!([14]))]
    );
    let failed = details["reasons"].as_array().unwrap();
    let codes: Vec<_> = failed.iter().map(|one| one["code"].as_i64().unwrap()).collect();
    assert_eq!(codes, [103, 114]);
    assert!(report["took"]["seconds"].as_f64().unwrap() >= 0.0);

    // The page shows them, too, and says that they are invented.
    let page = seen(call(&["report", &job]).run().exits(0).text());
    for text in [
        "Phone number check: in.csv",
        "Invented results.",
        "14 rows: 9 different phone numbers, 1 that repeats one, 4 that hold none.",
        "1 result has no price that can be read: the cost is not in the sums.",
        "Hong Kong",
        "letters: lines 12, 15",
        "number format wrong",
    ] {
        assert!(page.contains(text), "no `{text}` in {page}");
    }
}

#[test]
fn a_report_may_be_written_half_way_and_says_what_is_open() {
    let job = Job::of(3);
    let mut run = job.start(&[]);
    let batch = job.platform.accept();
    batch.push(&batch.numbers[0]);
    let page = seen(report(&job, &[]).run().exits(3).text());
    assert!(page.contains("2 of 3 phone numbers have no result yet"), "{page}");
    assert!(
        page.contains("2 phone numbers were submitted, or may have been, and the cost is not known yet."),
        "{page}"
    );
    assert!(page.contains("accepted; the result may still come\npending\n2"), "{page}");
    let figures = report(&job, &["--json"]).run().exits(3).json();
    assert_eq!(
        (&figures["state"], &figures["open"], &figures["checked"]),
        (&json!("open"), &json!(2), &json!(1))
    );
    assert!(run.is_running());
    batch.push(&batch.numbers[1]);
    batch.push(&batch.numbers[2]);
    run.end().exits(0);
    let figures = report(&job, &["--json"]).run().exits(0).json();
    assert_eq!((&figures["state"], &figures["cost"]["total"]["USD"]), (&json!("finished"), &json!("0.5736")));
}

#[test]
fn what_was_reused_is_no_cost_of_the_job_and_stands_there_as_saved() {
    let job = Job::of(2);
    let run = job.start(&[]);
    job.platform.accept().push_all();
    run.end().exits(0);
    fs::write(job.path("numbers.txt"), format!("{}\n{}\n{}\n", number(0), number(1), number(2))).unwrap();
    let run = job.start(&[]);
    job.platform.accept().push_all();
    run.end().exits(0);
    let figures = report(&job, &["--json"]).run().exits(0).json();
    let cost = &figures["cost"];
    assert_eq!((&cost["reused"], &cost["saved"]), (&json!(2), &json!({"USD": "0.3824"})));
    assert_eq!((&cost["total"], &figures["checked"]), (&json!({"USD": "0.1912"}), &json!(3)));
    assert_eq!(figures["details"]["countries"][0]["cost"], json!({"USD": "0.1912"}));
    let page = seen(report(&job, &[]).run().exits(0).text());
    assert!(page.contains("cost nothing again, which saved 0.3824 USD."), "{page}");
}

#[test]
fn a_second_charge_of_a_number_is_in_the_sums_and_is_told() {
    let job = Job::of(1);
    let run = job.start(&["--wait", "1s"]);
    let first = job.platform.submit();
    let lost = first.batch();
    first.lose();
    run.end().exits(3);
    let resume = numcheck(["resume", &name(&job), "--resubmit-doubtful", "--yes", "--delivery", "push"]);
    let listen = free_address();
    let url = format!("http://{listen}");
    let resume = resume.args(["--listen", &listen, "--public-url", &url]).envs(job.platform.account());
    let resume = resume.env("NUMCHECK_STORE", job.store()).arg("-o").arg(job.path("out.csv")).start();
    let again = job.platform.accept();
    let figures = report(&job, &["--json"]).run().exits(3).json();
    assert_eq!(figures["cost"]["may_be_charged"], 1);
    again.push_all();
    resume.end().exits(0);
    let receive = numcheck(["receive", "--listen", &listen, "--public-url", &url]);
    let mut receive = receive.envs(job.platform.account()).env("NUMCHECK_STORE", job.store()).start();
    receive.wait_for("receiving at");
    let path = lost.dr_url.splitn(4, '/').nth(3).unwrap();
    let late = lost.result(&lost.numbers[0]).to_string();
    assert_eq!(push(&format!("{url}/{path}"), &late).unwrap(), 200);
    receive.signal("TERM");
    receive.end().exits(0);
    let figures = report(&job, &["--json"]).run().exits(0).json();
    let cost = &figures["cost"];
    assert_eq!((&cost["charged_again"], &cost["may_be_charged"]), (&json!(1), &json!(0)));
    assert_eq!(
        (&cost["total"], &figures["details"]["charged_beside"]),
        (&json!({"USD": "0.3824"}), &json!({"USD": "0.1912"}))
    );
    let page = seen(report(&job, &[]).run().exits(0).text());
    assert!(page.contains("1 phone number was charged for two sendings; both are in the sums."), "{page}");
    assert!(
        page.contains("Beside these: 0.1912 USD for second results of the same phone numbers."),
        "{page}"
    );
}

#[test]
fn of_a_forgotten_job_the_report_has_the_sums_only_and_says_so() {
    let job = Job::of(2);
    let run = job.start(&[]);
    job.platform.accept().push_all();
    run.end().exits(0);
    numcheck(["forget", &name(&job)]).env("NUMCHECK_STORE", job.store()).run().exits(0);
    let figures = report(&job, &["--json"]).run().exits(0).json();
    assert_eq!(
        (&figures["state"], &figures["details"], &figures["file"]),
        (&json!("forgotten"), &Value::Null, &Value::Null)
    );
    assert_eq!((&figures["cost"]["total"]["USD"], &figures["checked"]), (&json!("0.3824"), &json!(2)));
    let page = seen(report(&job, &[]).run().exits(0).text());
    assert!(page.contains("The job was forgotten."), "{page}");
    assert!(page.contains("only its sums are left") && !page.contains("Countries"), "{page}");
}

#[test]
fn a_job_that_a_program_made_has_a_report_without_a_file() {
    let job = Job::of(2);
    let run = job.start(&[]);
    job.platform.accept().push_all();
    run.end().exits(0);
    let store = rusqlite::Connection::open(job.store()).unwrap();
    assert_eq!(store.execute("UPDATE jobs SET spec = json_set(spec, '$.notes', NULL)", ()).unwrap(), 1);
    store.execute("DELETE FROM input", ()).unwrap();
    drop(store);
    let figures = report(&job, &["--json"]).run().exits(0).json();
    assert_eq!(
        (&figures["file"], &figures["level"], &figures["checked"]),
        (&Value::Null, &json!("basic"), &json!(2))
    );
    assert_eq!(figures["details"]["countries"][0]["code"], "CN");
}

#[test]
fn only_what_this_machine_has_answered_is_called_invented() {
    let job = Job::of(1);
    let run = job.start(&[]);
    job.platform.accept().push_all();
    run.end().exits(0);
    assert!(report(&job, &[]).run().exits(0).text().contains("Invented results."));
    let store = rusqlite::Connection::open(job.store()).unwrap();
    let moved = "UPDATE learnt SET word = 'https://example.org' WHERE name LIKE 'address of %'";
    assert_eq!(store.execute(moved, ()).unwrap(), 1);
    drop(store);
    assert!(!report(&job, &[]).run().exits(0).text().contains("nvented"));
    assert_eq!(report(&job, &["--json"]).run().exits(0).json()["invented"], false);
}

#[test]
fn of_a_job_that_nobody_has_answered_nothing_is_called_invented() {
    let job = Job::of(1);
    let dead = job.run().env("NXCLOUD_BASE_URL", "http://127.0.0.1:1");
    dead.run().exits(3);
    assert_eq!(report(&job, &["--json"]).run().exits(3).json()["invented"], false);
}

#[test]
fn a_report_of_privacy_checks_counts_statuses_areas_and_carriers() {
    let platform = qxt::Platform::start(|mobile| match mobile {
        "13800000002" => qxt::refusal(-8),
        "13800000001" => qxt::reply(mobile, "非隐私号"),
        _ => qxt::reply(mobile, "隐私号"),
    });
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.csv"), format!("mobile\n{}\n", mobiles(4).join("\n"))).unwrap();
    let call = |arguments: &[&str]| {
        let call =
            numcheck(arguments).dir(folder.path()).env("NUMCHECK_STORE", folder.path().join("jobs.db"));
        call.env("QXT_BASE_URL", &platform.url).env("QXT_API_KEY", "abcdefghijklmnopqrstuvwxyz012345")
    };
    let run =
        ["run", "in.csv", "--level", "privacy", "--price", "privacy:*=0.05CNY", "--yes", "-o", "out.csv"];
    call(&run).run().exits_with(&[0, 3]);
    let job = call(&["jobs", "--json"]).run().exits(0).json()["job"].as_str().unwrap().to_owned();
    let report = call(&["report", &job, "--json"]).run().exits_with(&[0, 3]).json();
    let details = &report["details"];
    assert_eq!(report["service"], "privacy");
    assert_eq!(count_of(&finding(details, "privacy")["first"], "name", "yes"), 2);
    assert_eq!(count_of(&finding(details, "privacy")["first"], "name", "no"), 1);
    assert_eq!(count_of(&finding(details, "area")["first"], "name", "广东-深圳"), 3);
    assert_eq!(finding(details, "carrier")["total"], 3);
    assert_eq!(report["cost"]["total"], json!({"CNY": "0.1500"}));
    let page = seen(call(&["report", &job]).run().exits_with(&[0, 3]).text());
    assert!(page.contains("Privacy number check: in.csv"), "{page}");
}

#[test]
fn a_report_s_file_is_there_complete_or_not_at_all() {
    let job = Job::of(1);
    let run = job.start(&[]);
    job.platform.accept().push_all();
    run.end().exits(0);
    let output = job.path("report.html");
    let to = |path: &std::path::Path| report(&job, &["-o", path.to_str().unwrap()]);
    to(&job.path("no folder/report.html")).run().exits(2).says("cannot be written");
    to(job.dir.path()).run().exits(2).says("it is a directory");
    let results = job.rows();
    to(&job.path("out.csv")).run().exits(2).says("name a .html");
    let call = report(&job, &[]).env("NUMCHECK_OUTPUT", job.path("out.csv"));
    assert!(call.run().exits(0).text().starts_with("<!DOCTYPE html>"), "another verb's variable");
    assert_eq!(job.rows(), results);
    fs::write(&output, "before").unwrap();
    #[cfg(unix)]
    fs::set_permissions(&output, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    let before = job.files();
    if std::path::Path::new("/dev/full").exists() {
        to("/dev/full".as_ref()).run().exits(1).says("/dev/full cannot be written");
    }
    to(&output).run().exits(0);
    assert!(fs::read_to_string(&output).unwrap().ends_with("</html>\n"));
    assert_eq!(job.files(), before);
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&output).unwrap().permissions()) & 0o777,
        0o640
    );
    numcheck(["report", "0123456789abcdef"])
        .env("NUMCHECK_STORE", job.store())
        .run()
        .exits(2)
        .says("there is no job");
}
