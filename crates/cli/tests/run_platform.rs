//! `numcheck run FILE` against a platform that fails on purpose: nothing is sent twice, nothing paid is lost.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)] // a test may fail where it stands

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};
use support::{
    Call, Platform, Row, Running, Sandbox, column, free_address, header, numcheck, push, rows, signal,
};

/// A folder with a file of numbers, one a line.
struct Job {
    dir: tempfile::TempDir,
    /// Where its store is.
    kept: tempfile::TempDir,
    platform: Platform,
}

impl Job {
    /// Numbers of Hong Kong, so that they are of one country: 85251000000, 85251000001, …
    fn of(count: usize) -> Self {
        let numbers = (0..count).map(|at| format!("{}\n", number(at))).collect::<String>();
        Self::with(&numbers)
    }

    fn with(content: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("numbers.txt"), content).unwrap();
        Self { dir, kept: tempfile::tempdir().unwrap(), platform: Platform::start() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn store(&self) -> PathBuf {
        self.kept.path().join("jobs.db")
    }

    /// What was kept aside: results of no number, or second ones with other content.
    fn quarantine(&self) -> String {
        numcheck(["receive", "--show-quarantine"])
            .env("NUMCHECK_STORE", self.store())
            .run()
            .exits(0)
            .text()
            .to_owned()
    }

    /// The run, with the summary as JSON on standard output.
    fn run(&self) -> Call {
        let run = self.platform.run(&self.path("numbers.txt")).env("NUMCHECK_STORE", self.store());
        run.arg("-o").arg(self.path("out.csv")).arg("--json")
    }

    fn start(&self, arguments: &[&str]) -> Running {
        self.run().args(arguments).start()
    }

    fn rows(&self) -> Vec<Row> {
        rows(&fs::read(self.path("out.csv")).unwrap())
    }

    fn states(&self) -> Vec<String> {
        column(&self.rows(), "check_state").into_iter().map(str::to_owned).collect()
    }

    /// The names of the files in its folder.
    fn files(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(self.dir.path()).unwrap().map(name).collect();
        names.sort();
        names
    }
}

fn number(at: usize) -> String {
    format!("8525{:07}", 1_000_000 + at)
}

#[test]
fn a_number_is_submitted_at_most_once_and_a_lost_answer_leaves_it_in_doubt() {
    let job = Job::of(4);
    let run = job.start(&["--batch-size", "1", "--wait", "1s"]);
    for _ in 0..4 {
        job.platform.submit().lose();
    }
    let summary = run.end().exits(3).json();
    assert_eq!((&summary["in_doubt"], &summary["cost"]), (&json!(4), &json!({})));
    assert_eq!(job.states(), ["in_doubt"; 4]);
    for row in job.rows() {
        assert!(row["check_message"].contains("do not send it again"), "{row:?}");
    }
    let seen = job.platform.seen();
    assert_eq!(
        (seen.len(), seen.iter().collect::<BTreeSet<_>>().len()),
        (4, 4),
        "one request a batch: {seen:?}"
    );
}

#[test]
fn a_pushed_result_settles_what_was_in_doubt() {
    let job = Job::of(3);
    let run = job.start(&["--batch-size", "2", "--wait", "1s"]);
    let mut batches = [job.platform.submit(), job.platform.submit()].map(|submit| {
        let batch = submit.batch();
        submit.lose();
        batch
    });
    batches.sort_by_key(|batch| batch.numbers.len());
    batches[1].push(&number(0));
    run.end().exits(3);
    let rows = job.rows();
    // That its neighbour has a result proves that the batch was accepted.
    assert_eq!(column(&rows, "check_state"), ["done", "missing", "in_doubt"]);
    assert_eq!(column(&rows, "check_price"), ["0.1912", "", ""]);
    assert_eq!(job.platform.seen().len(), 2);
}

#[test]
fn results_for_all_that_was_in_doubt_settle_the_run() {
    let job = Job::of(3);
    let run = job.start(&[]);
    let submit = job.platform.submit();
    let batch = submit.batch();
    submit.lose();
    batch.push_all();
    // It does not wait the 61 minutes of the default.
    assert_eq!(run.end().exits(0).json()["done"], 3);
}

#[test]
fn a_balance_too_low_ends_the_submitting() {
    let job = Job::of(30);
    let run = job.start(&["--batch-size", "1"]);
    job.platform.submit().refuse(211, "Insufficient balance");
    // Whatever was under way by then is refused as well.
    let run = thread::spawn(move || run.end());
    while !run.is_finished() {
        if let Some(submit) = job.platform.try_submit() {
            submit.refuse(211, "Insufficient balance");
        }
    }
    let summary = run.join().unwrap().exits(3).json();
    let sent = job.platform.seen().len();
    assert!(sent <= 8, "{sent} requests after the first refusal");
    assert_eq!((&summary["refused"], &summary["cost"]), (&json!(30), &json!({})));
    let rows = job.rows();
    assert_eq!(rows.iter().filter(|row| row["check_code"] == "211").count(), sent);
    let not_sent =
        rows.iter().filter(|row| row["check_message"].starts_with("not sent: refused with 211 ")).count();
    assert_eq!(not_sent, 30 - sent);
}

#[test]
fn a_wrong_secret_is_refused_with_1003_and_the_message_says_what_to_do() {
    let job = Job::of(2);
    let sandbox = Sandbox::start();
    let ended =
        job.run().envs(sandbox.account()).env("NXCLOUD_ACCESS_SECRET", "another-secret").run().exits(3);
    let summary = ended.json();
    let reason = summary["reasons"][0]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("refused with 1003 ") && reason.contains("Check NXCLOUD_ACCESS_SECRET"),
        "{reason}"
    );
    assert_eq!(column(&job.rows(), "check_code"), ["1003", "1003"]);
    assert_eq!(job.states(), ["refused", "refused"]);
    // The same for a person.
    let out = job.path("again.csv");
    let run = job.platform.run(&job.path("numbers.txt")).arg("-o").arg(out).envs(sandbox.account());
    run.env("NXCLOUD_ACCESS_SECRET", "another-secret")
        .run()
        .exits(3)
        .says("note: 2 refused: refused with 1003 ");
}

#[test]
fn a_gateway_s_error_page_leaves_the_batch_in_doubt() {
    let job = Job::of(2);
    let run = job.start(&["--wait", "1s"]);
    job.platform.submit().answer_http(
        "502 Bad Gateway",
        "text/html",
        "<html><h1>502 Bad Gateway</h1></html>",
    );
    let summary = run.end().exits(3).json();
    let reason = summary["reasons"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("HTTP 502") && reason.contains("may have been carried out"), "{reason}");
    assert_eq!((job.states(), job.platform.seen().len()), (vec!["in_doubt".to_owned(); 2], 1));
}

#[test]
fn a_refusal_that_may_have_been_charged_is_in_doubt_and_not_refused() {
    // 299 is a system error, 4711 a code that no document lists: neither says whether something was paid.
    for (code, shown) in [(299, "299"), (4711, "4711")] {
        let job = Job::of(1);
        let run = job.start(&["--wait", "1s"]);
        job.platform.submit().refuse(code, "system error");
        run.end().exits(3);
        let rows = job.rows();
        assert_eq!((rows[0]["check_state"].as_str(), rows[0]["check_code"].as_str()), ("in_doubt", shown));
    }
}

#[test]
fn an_address_where_nobody_listens_means_that_nothing_was_sent_and_the_message_says_so() {
    let job = Job::of(2);
    let nobody = format!("http://{}", free_address());
    let summary = job.run().env("NXCLOUD_BASE_URL", &nobody).run().exits(3).says("sent=no").json();
    let reason = summary["reasons"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("not sent: ") && reason.contains("could not connect"), "{reason}");
    assert!(reason.contains("check the address"), "{reason}");
    assert_eq!((job.states(), &summary["cost"]), (vec!["refused".to_owned(); 2], &json!({})));
}

#[test]
fn unknown_codes_words_fields_and_shapes_never_fail_a_run_stand_in_the_row_and_are_counted() {
    let job = Job::of(5);
    let run = job.start(&[]);
    let batch = job.platform.accept();
    let push_changed = |at: usize, change: &dyn Fn(&mut Value)| {
        let mut body = batch.result(&number(at));
        change(&mut body);
        assert_eq!(push(&batch.dr_url, &body.to_string()).unwrap(), 200);
    };
    push_changed(0, &|body| body["code"] = json!(4711));
    push_changed(1, &|body| body["data"]["basic"]["preCheck"] = json!("PERHAPS"));
    push_changed(2, &|body| body["data"]["basic"]["numberType"] = json!(77));
    push_changed(3, &|body| body["data"]["basic"]["risk"] = json!({"score": 7}));
    push_changed(4, &|body| body["data"] = json!(["a", "b"]));
    let ended = run.end().exits(0);
    let (summary, rows) = (ended.json(), job.rows());
    assert_eq!(column(&rows, "check_state"), ["failed", "done", "done", "done", "done"]);
    assert_eq!(column(&rows, "check_code"), ["4711", "0", "0", "0", "0"]);
    assert_eq!(column(&rows, "check_valid"), ["YES", "PERHAPS", "YES", "YES", ""]);
    assert_eq!(column(&rows, "check_number_type"), ["mobile", "mobile", "77", "mobile", ""]);
    let drift = summary["drift"].as_array().unwrap();
    let kinds: Vec<&str> = drift.iter().map(|drift| drift["kind"].as_str().unwrap()).collect();
    let count = |kind: &str| kinds.iter().filter(|one| **one == kind).count();
    assert_eq!(
        (drift.len(), count("new value"), count("new field"), count("odd shape")),
        (5, 3, 1, 1),
        "{summary}"
    );
    assert!(drift.iter().all(|drift| drift["count"] == 1), "{summary}");
}

#[test]
fn numbers_that_come_as_strings_and_words_that_are_empty_are_read() {
    let job = Job::of(2);
    let run = job.start(&[]);
    let batch = job.platform.accept();
    let mut body = batch.result(&number(0));
    body["code"] = json!("0");
    body["data"]["basic"]["numberType"] = json!("2");
    body["cost"]["price"] = json!("0.1912");
    assert_eq!(push(&batch.dr_url, &body.to_string()).unwrap(), 200);
    let mut body = batch.result(&number(1));
    body["data"]["basic"]["preCheck"] = json!("");
    assert_eq!(push(&batch.dr_url, &body.to_string()).unwrap(), 200);
    let summary = run.end().exits(0).json();
    let rows = job.rows();
    assert_eq!(column(&rows, "check_state"), ["done", "done"]);
    assert_eq!(
        (column(&rows, "check_number_type"), column(&rows, "check_valid")),
        (vec!["mobile"; 2], vec!["YES", ""])
    );
    assert_eq!(summary["cost"], json!({"USD": "0.3824"}));
}

#[test]
fn a_failed_check_shows_the_platform_s_code_and_text_and_costs_nothing() {
    let job = Job::of(1);
    let run = job.start(&[]);
    let batch = job.platform.accept();
    let body = json!({"messageId": "cc5e", "code": 114, "msg": "号码格式有误", "batchNo": batch.batch_no, "phone": number(0)});
    assert_eq!(push(&batch.dr_url, &body.to_string()).unwrap(), 200);
    let summary = run.end().exits(0).json();
    assert_eq!(
        (&summary["failed"], &summary["cost"], &summary["unpriced"]),
        (&json!(1), &json!({}), &json!(0))
    );
    let rows = job.rows();
    assert_eq!(
        (rows[0]["check_state"].as_str(), rows[0]["check_message"].as_str()),
        ("failed", "号码格式有误")
    );
}

#[test]
fn a_text_of_the_platform_is_no_formula_in_a_spreadsheet() {
    let job = Job::of(1);
    let run = job.start(&[]);
    let batch = job.platform.accept();
    let mut body = batch.result(&number(0));
    body["data"]["basic"]["carrier"] = json!("=HYPERLINK(\"http://x\")");
    body["msg"] = json!("a\r\nb,\"c\"");
    assert_eq!(push(&batch.dr_url, &body.to_string()).unwrap(), 200);
    run.end().exits(0);
    let rows = job.rows();
    assert_eq!((rows.len(), rows[0]["check_carrier"].as_str()), (1, "'=HYPERLINK(\"http://x\")"));
    assert_eq!(rows[0]["check_message"], "a\r\nb,\"c\"");
}

#[test]
fn the_same_push_fifty_times_is_one_result_and_one_price() {
    let job = Job::of(2);
    let run = job.start(&[]);
    let batch = job.platform.accept();
    for _ in 0..50 {
        batch.push(&number(0));
    }
    batch.push(&number(1));
    let summary = run.end().exits(0).json();
    assert_eq!(
        (&summary["done"], &summary["repeats"], &summary["conflicts"]),
        (&json!(2), &json!(49), &json!(0))
    );
    assert_eq!(summary["cost"], json!({"USD": "0.3824"}));
    assert_eq!(job.files(), ["numbers.txt", "out.csv"]);
}

#[test]
fn a_second_result_with_other_content_is_kept_and_the_first_counts() {
    let job = Job::of(2);
    let run = job.start(&[]);
    let batch = job.platform.accept();
    batch.push(&number(0));
    let mut other = batch.result(&number(0));
    other["code"] = json!(122);
    assert_eq!(push(&batch.dr_url, &other.to_string()).unwrap(), 200);
    batch.push(&number(1));
    let summary = run.end().exits(0).json();
    assert_eq!(summary["conflicts"], 1);
    assert_eq!(column(&job.rows(), "check_code"), ["0", "0"]);
    let kept = job.quarantine();
    assert!(kept.contains("\"why\":\"conflict\"") && kept.contains("122"), "{kept}");
}

#[test]
fn nobody_else_can_push_results_into_a_run() {
    let job = Job::of(2);
    let run = job.start(&["--batch-size", "1", "--wait", "1s"]);
    let (one, other) = (job.platform.accept(), job.platform.accept());
    let body = one.result(&one.numbers[0]).to_string();
    let (path, mac) = one.dr_url.rsplit_once('/').unwrap();
    let (_, other_mac) = other.dr_url.rsplit_once('/').unwrap();
    let root = one.dr_url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let flipped = if mac.starts_with('0') { "1" } else { "0" };
    for wrong in [
        format!("{path}/{other_mac}"),
        format!("{path}/{flipped}{}", &mac[1..]),
        format!("{path}/{}", &mac[..mac.len() - 1]),
        format!("{path}/{mac}/"),
        format!("{path}/"),
        format!("{root}/"),
    ] {
        assert_eq!(push(&wrong, &body).unwrap(), 404, "{wrong}");
    }
    assert_eq!(run.end().exits(3).json()["missing"], 2);
    assert_eq!(job.files(), ["numbers.txt", "out.csv"]);
}

#[test]
fn a_result_for_no_number_of_its_batch_is_acknowledged_and_kept() {
    let job = Job::of(2);
    let run = job.start(&[]);
    let batch = job.platform.accept();
    batch.push("85259999999");
    assert_eq!(push(&batch.dr_url, "{this is no JSON").unwrap(), 200);
    batch.push_all();
    let summary = run.end().exits(0).json();
    assert_eq!((&summary["unmatched"], &summary["done"]), (&json!(2), &json!(2)));
    let kept = job.quarantine();
    assert!(kept.contains("85259999999") && kept.contains("{this is no JSON"), "{kept}");
}

#[test]
fn numbers_whose_results_never_come_are_missing() {
    let job = Job::of(3);
    let run = job.start(&["--wait", "1s"]);
    let batch = job.platform.accept();
    batch.push(&number(1));
    let summary = run.end().exits(3).json();
    assert_eq!(job.states(), ["missing", "done", "missing"]);
    assert_eq!((&summary["missing"], &summary["done"]), (&json!(2), &json!(1)));
    assert!(job.rows()[0]["check_message"].contains("it may have been charged"));
}

#[test]
fn sigterm_sends_no_further_batch_and_writes_the_results_so_far() {
    let job = Job::of(3);
    let mut run = job.start(&["--batch-size", "2"]);
    let batches = [job.platform.accept(), job.platform.accept()];
    let batch = batches.iter().find(|batch| batch.numbers.len() == 2).unwrap();
    batch.push(&number(0));
    run.signal("TERM");
    run.wait_for("stopping: no further batch is sent, results so far are written");
    run.end().exits(3);
    assert_eq!(job.states(), ["done", "missing", "missing"]);
    assert_eq!(job.files(), ["numbers.txt", "out.csv"]);
}

#[test]
fn sigterm_lets_the_submit_under_way_have_its_answer() {
    let job = Job::of(40);
    let mut run = job.start(&["--batch-size", "1"]);
    let first = job.platform.submit();
    run.signal("TERM");
    run.wait_for("stopping");
    first.accept();
    let run = thread::spawn(move || run.end());
    while !run.is_finished() {
        if let Some(submit) = job.platform.try_submit() {
            submit.accept();
        }
    }
    run.join().unwrap().exits(3);
    let (sent, states) = (job.platform.seen().len(), job.states());
    let count = |state: &str| states.iter().filter(|one| *one == state).count();
    assert!(sent < 40, "it went on");
    assert_eq!(
        (count("missing"), count("refused")),
        (sent, 40 - sent),
        "accepted ones are missing, the others never left"
    );
}

#[test]
fn a_result_is_flushed_to_disk_before_it_is_acknowledged_whatever_kills_the_run() {
    const NUMBERS: usize = 400;
    const KILL_AFTER: usize = 120;
    let job = Job::of(NUMBERS);
    let run = job.start(&[]);
    let batch = job.platform.accept();
    let acknowledged = AtomicUsize::new(0);
    let told: Vec<String> = thread::scope(|scope| {
        let pushers: Vec<_> = (0..4)
            .map(|own| {
                let (batch, pid, acknowledged) = (&batch, run.pid(), &acknowledged);
                scope.spawn(move || {
                    let mut told = Vec::new();
                    for at in (own..NUMBERS).step_by(4) {
                        if push(&batch.dr_url, &batch.result(&number(at)).to_string()).ok() != Some(200) {
                            break;
                        }
                        told.push(number(at));
                        if acknowledged.fetch_add(1, Ordering::SeqCst) + 1 == KILL_AFTER {
                            signal(pid, "KILL");
                        }
                    }
                    told
                })
            })
            .collect();
        pushers.into_iter().flat_map(|pusher| pusher.join().unwrap()).collect()
    });
    assert_eq!(run.end().status.code(), None, "killed");
    assert!((KILL_AFTER..NUMBERS).contains(&told.len()), "{}", told.len());
    let jobs = numcheck(["jobs", "--json"]).env("NUMCHECK_STORE", job.store()).run().exits(0).json();
    let name = jobs["job"].as_str().unwrap();
    numcheck(["export", name, "-o"])
        .arg(job.path("half.csv"))
        .env("NUMCHECK_STORE", job.store())
        .run()
        .exits(3);
    let rows = rows(&fs::read(job.path("half.csv")).unwrap());
    let done = rows.iter().filter(|row| row["check_state"] == "done");
    let kept: BTreeSet<String> = done.map(|row| row["check_phone"].clone()).collect();
    let lost: Vec<&String> = told.iter().filter(|phone| !kept.contains(*phone)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(!job.path("out.csv").exists());
}

#[test]
fn on_any_doubt_503_a_full_disk_acknowledges_nothing() {
    let job = Job::of(3);
    let listen = free_address();
    let public_url = format!("http://{listen}");
    // No file of this run can grow above 1 MiB, as on a disk that is full by then.
    let mut command = Command::new("bash");
    let script = "trap '' XFSZ; ulimit -f 1024; exec \"$@\"";
    command.args(["-c", script, "run", env!("CARGO_BIN_EXE_numcheck"), "run", "--listen", &listen]);
    command.args(["--public-url", &public_url, "--wait", "1s", "--json", "-o"]);
    let run = Call::new(command).envs(job.platform.account()).env("NUMCHECK_STORE", job.store());
    let run = run.arg(job.path("out.csv")).arg(job.path("numbers.txt"));
    let run = run.start();
    let batch = job.platform.accept();
    batch.push(&number(0));
    let mut refused = 0;
    // Pushes of nearly 64 KiB, each of its own content, so that each is to be stored.
    for round in 0..40 {
        let mut body = batch.result("85259999999");
        body["filler"] = json!(format!("{round:060000}"));
        match push(&batch.dr_url, &body.to_string()).unwrap() {
            200 => assert_eq!(refused, 0, "200 after the disk was full"),
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(refused > 10, "{refused}");
    let mut large = batch.result(&number(1));
    large["filler"] = json!("x".repeat(60_000));
    assert_eq!(push(&batch.dr_url, &large.to_string()).unwrap(), 503);
    // It ends, in whatever way a full disk allows; what was acknowledged is there.
    run.end().says("could not be stored");
    let jobs = numcheck(["jobs", "--json"]).env("NUMCHECK_STORE", job.store()).run().exits(0).json();
    let name = jobs["job"].as_str().unwrap();
    numcheck(["export", name, "-o"])
        .arg(job.path("half.csv"))
        .env("NUMCHECK_STORE", job.store())
        .run()
        .exits(3);
    let rows = rows(&fs::read(job.path("half.csv")).unwrap());
    assert_eq!(column(&rows, "check_state"), ["done", "missing", "missing"]);
}

#[test]
fn a_variable_that_is_missing_is_named_and_nothing_is_left_behind() {
    for name in ["NXCLOUD_ACCESS_KEY", "NXCLOUD_ACCESS_SECRET", "NXCLOUD_APPKEY"] {
        let job = Job::of(1);
        job.run().env(name, "").run().exits(2).says(&format!("{name} is not set"));
        assert_eq!((job.platform.seen(), job.files()), (vec![], vec!["numbers.txt".to_owned()]));
    }
}

#[test]
fn everything_that_can_fail_at_home_is_tried_before_the_first_submit() {
    let job = Job::of(1);
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = busy.local_addr().unwrap().to_string();
    let again = |name: &str, value: &str, code: i32| {
        let (mut listen, mut url) = (free_address(), "http://127.0.0.1:1".to_owned());
        match name {
            "--listen" => listen = value.to_owned(),
            _ => url = value.to_owned(),
        }
        let call = numcheck(["run", "--listen", &listen, "--public-url", &url]).arg(job.path("numbers.txt"));
        let ended = call.envs(job.platform.account()).arg("-o").arg(job.path("out.csv")).run().exits(code);
        assert_eq!((job.platform.seen(), job.files()), (vec![], vec!["numbers.txt".to_owned()]), "{value}");
        ended
    };
    again("--listen", &busy, 1).says(&busy);
    again("--public-url", "ftp://example.org", 2).says("--public-url cannot be used");
    again("--public-url", "http://127.0.0.1:1/?a=b", 2).says("must not have a query");
    for url in ["not a url", ""] {
        again("--public-url", url, 2).says("--public-url");
    }
    // Only one of the two.
    let call = numcheck(["run", "--listen", &busy]).arg(job.path("numbers.txt")).envs(job.platform.account());
    call.run().exits(2).says("--listen and --public-url are both needed");
}

#[test]
fn a_proxy_may_pass_results_on_below_a_path() {
    let job = Job::of(2);
    let listen = free_address();
    let url = format!("http://{listen}/hooks/nx/");
    let call = numcheck(["run", "--listen", &listen, "--public-url", &url]).arg(job.path("numbers.txt"));
    let run = call.envs(job.platform.account()).start();
    let batch = job.platform.accept();
    assert!(
        batch.dr_url.starts_with(&format!("http://{listen}/hooks/nx/numcheck/push/")),
        "{}",
        batch.dr_url
    );
    batch.push_all();
    run.end().exits(0);
}

#[test]
fn a_batch_holds_numbers_of_one_country_up_to_the_batch_size_and_is_signed() {
    let job =
        Job::with("+852 5123 4567\n447400123456\n85251234568\n85251234569\n+1 415 555 0100\n12423591234\n");
    let run = job.start(&["--batch-size", "2", "--level", "call"]);
    let mut batches = Vec::new();
    for _ in 0..5 {
        let submit = job.platform.submit();
        let (head, body) = (submit.head.clone(), submit.body.clone());
        batches.push(submit.batch());
        assert_eq!((&body["checkLevel"], &body["appkey"]), (&json!(4), &json!("test-appkey")));
        assert_eq!(header(&head, "action"), Some("numbercheck"));
        assert_eq!(header(&head, "bizType"), Some("1"));
        assert_eq!(header(&head, "accessKey"), Some("test-access-key"));
        assert_eq!(header(&head, "sign").map(str::len), Some(32));
        assert!(head.starts_with("POST /api/number/check HTTP/1.1\r\n"), "{head}");
        assert!(!head.contains("test-access-secret"));
        submit.accept();
    }
    batches.iter().for_each(support::Batch::push_all);
    run.end().exits(0);
    let mut sent: Vec<Vec<String>> = batches.into_iter().map(|batch| batch.numbers).collect();
    sent.sort();
    let one = |number: &str| vec![number.to_owned()];
    // The United States and the Bahamas share a country code and are two countries.
    let expect = [
        one("12423591234"),
        one("14155550100"),
        one("447400123456"),
        vec!["85251234567".to_owned(), "85251234568".to_owned()],
        one("85251234569"),
    ];
    assert_eq!(sent, expect);
}

#[test]
fn a_file_without_a_number_sends_nothing_and_needs_no_account() {
    let job = Job::with("phone\nabc\n4.47400E+11\n\"\"\n");
    let run = job.run().env("NXCLOUD_ACCESS_KEY", "");
    assert_eq!(run.run().exits(3).json()["invalid"], 3);
    assert_eq!(
        (job.platform.seen(), job.files()),
        (vec![], vec!["numbers.txt".to_owned(), "out.csv".to_owned()])
    );
}

#[test]
fn secrets_may_stand_in_files() {
    let job = Job::of(1);
    let sandbox = Sandbox::start_with(&["--callback-delay", "10ms"]);
    let (secret, appkey) = (job.path("secret"), job.path("appkey"));
    fs::write(&secret, format!("{}\n", sandbox.text("access_secret"))).unwrap();
    fs::write(&appkey, sandbox.text("appkey")).unwrap();
    let run = job.run().envs(sandbox.account()).env("NXCLOUD_ACCESS_SECRET", "").env("NXCLOUD_APPKEY", "");
    let run = run.env("NXCLOUD_ACCESS_SECRET_FILE", &secret).env("NXCLOUD_APPKEY_FILE", &appkey);
    assert_eq!(run.run().exits(0).json()["done"], 1);
}
