//! `numcheck run FILE` against a platform that fails on purpose: nothing is sent twice, and nothing is sent that cannot succeed.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::thread;

use crate::support::job::{Job, number};
use crate::support::{Sandbox, column, free_address, header, numcheck};
use numcheck_testing::postgres::{Cluster, PASSWORD};
use serde_json::json;

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
    assert_eq!(column(&rows, "check_state"), ["done", "pending", "in_doubt"]);
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
    // What refuses the account is no word about a number: a later run sends them all.
    assert_eq!((&summary["pending"], &summary["cost"]), (&json!(30), &json!({})));
    let rows = job.rows();
    assert_eq!(rows.iter().filter(|row| row["check_code"] == "211").count(), sent);
    let not_sent =
        rows.iter().filter(|row| row["check_message"].starts_with("not sent: refused with 211 ")).count();
    assert_eq!(not_sent, 30 - sent);
    let run = thread::spawn({
        let run = job.start(&["--batch-size", "30"]);
        move || run.end()
    });
    let mut again = BTreeSet::new();
    while !run.is_finished() {
        if let Some(submit) = job.platform.try_submit() {
            let batch = submit.batch();
            submit.accept();
            again.extend(batch.numbers.clone());
            batch.push_all();
        }
    }
    assert_eq!(run.join().unwrap().exits(0).json()["done"], 30);
    assert_eq!(again.len(), 30);
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
    assert_eq!(job.states(), ["pending", "pending"], "with the right secret they are sent");
    // The same for a person.
    let out = job.path("again.csv");
    let run = job.platform.run(&job.path("numbers.txt")).arg("-o").arg(out).envs(sandbox.account());
    let ended = run.env("NXCLOUD_ACCESS_SECRET", "another-secret").run().exits(3);
    let ended = ended.says("submitting ended: refused with 1003 ");
    assert_eq!(ended.stderr.matches("refused with 1003").count(), 1, "{}", ended.stderr);
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
fn replies_that_are_not_the_platforms_end_the_run_at_the_third_in_a_row() {
    let redirects = [301, 302, 303, 307, 308].map(|status| (status, "redirects"));
    let others = [
        (401, "lets this machine's address in"),
        (403, "lets this machine's address in"),
        (404, "the path of the base URL"),
        (405, "the path of the base URL"),
        (407, "the proxy's user name"),
        (413, "send less"),
        (429, "at a lower rate"),
    ];
    for (status, advice) in redirects.into_iter().chain(others) {
        let job = Job::of(6);
        let run = job.start(&["--batch-size", "1", "--concurrency", "1"]);
        for _ in 0..3 {
            let submit = job.platform.submit();
            let headers = "retry-after: 0\r\nlocation: https://portal.example.org/login?from=test-appkey\r\n";
            let page = format!("<title>Go away</title> {}", submit.body["phone"]);
            submit.answer_with(&format!("{status} No"), headers, &page);
        }
        let ended = run.end().exits(3);
        let summary = ended.json();
        assert_eq!((job.states(), job.platform.seen().len()), (vec!["pending".to_owned(); 6], 3), "{status}");
        for reason in summary["reasons"].as_array().unwrap() {
            let reason = reason["reason"].as_str().unwrap();
            for part in [
                &format!("HTTP {status} to https://portal.example.org/login"),
                "Go away",
                "not carried out",
                advice,
            ] {
                assert!(reason.contains(part), "{part}: {reason}");
            }
        }
        let shown = format!("{summary}{}", ended.stderr);
        assert!(!shown.contains("test-appkey") && !shown.contains(&number(0)[3..]), "{shown}");
        assert!(shown.contains("nothing gets through to the platform"), "{shown}");
    }
}

/// Keys that one batch was refused for are those of the next: only that one is in doubt.
#[test]
fn an_authentication_error_that_leaves_a_batch_in_doubt_ends_the_run() {
    for code in [1000, 1006, 1009] {
        let job = Job::of(3);
        let run = job.start(&["--batch-size", "1", "--concurrency", "1", "--wait", "0s"]);
        job.platform.submit().refuse(code, "no");
        run.end().exits(3);
        assert_eq!(job.states(), ["in_doubt", "pending", "pending"], "{code}");
        assert_eq!(job.platform.seen().len(), 1, "{code}");
    }
}

/// A gateway may answer so after the platform has worked: only a person sends it again.
#[test]
fn a_gateway_that_answers_once_does_not_end_the_run_and_its_batch_is_left_to_a_person() {
    let job = Job::of(3);
    let run = job.start(&["--batch-size", "1", "--concurrency", "1"]);
    job.platform.submit().answer_http("404 Not Found", "text/html", "<h1>no service</h1>");
    job.platform.submit().answer_with("429 Too Many", "retry-after: 0\r\n", "slower");
    job.platform.accept().push_all();
    job.platform.accept().push_all();
    let summary = run.end().exits(3).json();
    assert_eq!((&summary["done"], &summary["pending"]), (&2.into(), &1.into()), "{summary}");
    assert!(summary["reasons"][0]["reason"].as_str().unwrap().contains("HTTP 404"), "{summary}");
    let seen = job.platform.seen();
    assert_eq!(
        (seen.len(), seen[1] == seen[2], seen[0] == seen[3]),
        (4, true, false),
        "only a 429 is tried again"
    );
    let run = job.start(&["--batch-size", "1"]);
    job.platform.accept().push_all();
    assert_eq!(run.end().exits(0).json()["done"], 3);
}

#[test]
fn a_reply_that_leaves_a_doubt_is_said_while_its_result_is_waited_for() {
    for status in [200, 500, 502, 503, 504] {
        let job = Job::of(1);
        let mut run = job.start(&["--wait", "1h"]);
        let submit = job.platform.submit();
        let batch = submit.batch();
        submit.answer_http(&format!("{status} Hm"), "text/html", "<h1>Try later</h1>");
        let said = run.wait_for("in doubt: ");
        assert!(said.contains(&format!("HTTP {status} (\"Try later\")")), "{said}");
        batch.push_all();
        assert_eq!(run.end().exits(0).json()["done"], 1);
        assert_eq!(job.platform.seen().len(), 1, "{status}");
    }
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
fn what_no_document_lists_in_a_refusal_is_told_once() {
    let job = Job::of(1);
    let run = job.start(&["--wait", "1s"]);
    let body = r#"{"msg": "no balance", "code": 211, "data": {}, "hint": "top up"}"#;
    job.platform.submit().answer_http("200 OK", "application/json", body);
    let ended = run.end().exits(3);
    let told = "place=SubmitReply.hint kind=\"new_field\"";
    assert_eq!(ended.stderr.matches(told).count(), 1, "{}", ended.stderr);
}

#[test]
fn an_address_where_nobody_listens_means_that_nothing_was_sent_and_the_message_says_so() {
    let job = Job::of(2);
    let nobody = format!("http://{}", free_address());
    let summary = job.run().env("NXCLOUD_BASE_URL", &nobody).run().exits(3).says("sent=no").json();
    let reason = summary["reasons"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("not sent: ") && reason.contains("could not connect"), "{reason}");
    assert!(reason.contains("check the address"), "{reason}");
    assert_eq!((job.states(), &summary["cost"]), (vec!["pending".to_owned(); 2], &json!({})));
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
    assert_eq!(job.states(), ["done", "pending", "pending"]);
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
    let sent = job.platform.seen().len();
    assert!(sent < 40, "it went on");
    assert_eq!(job.states(), ["pending"; 40], "accepted ones may have a result yet, the others never left");
    let left = job.rows().iter().filter(|row| row["check_message"] == "not sent yet").count();
    assert_eq!(left, 40 - sent);
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
fn a_server_with_too_few_connections_for_the_store_is_found_before_anything_is_paid() {
    let Some(cluster) = Cluster::shared() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = runtime.block_on(cluster.database("few_for_a_run"));
    let role = |name: &str| {
        let sql = format!(
            "CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 5; GRANT ALL ON DATABASE few_for_a_run TO {name}"
        );
        runtime.block_on(cluster.admin("few_for_a_run", &sql));
        url.replace("numcheck:", &format!("{name}:"))
    };
    let job = Job::of(2);
    let few = job.run().env("NUMCHECK_STORE", role("few_to_run")).run().exits(1);
    few.says("nothing was sent").says("gives 5 connections, and a command needs 6");
    assert!(job.platform.seen().is_empty());

    let few = role("few_to_resume");
    let grant = "GRANT ALL ON SCHEMA numcheck TO few_to_resume; GRANT ALL ON ALL TABLES IN SCHEMA numcheck TO few_to_resume";
    runtime.block_on(cluster.admin("few_for_a_run", grant));
    let mut run = job.run().env("NUMCHECK_STORE", &url).start();
    job.platform.accept();
    run.signal("TERM");
    run.wait_for("stopping");
    run.end().exits(3);
    let jobs = numcheck(["jobs", "--json"]).env("NUMCHECK_STORE", &few).run().exits(0).json();
    let resume = numcheck(["resume", jobs["job"].as_str().unwrap(), "--delivery", "poll"]);
    let resume = resume.env("NUMCHECK_STORE", &few).envs(job.platform.account());
    resume.run().exits(1).says("a command needs 6");
    assert_eq!(job.platform.seen().len(), 1);
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
    batches.iter().for_each(crate::support::Batch::push_all);
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
