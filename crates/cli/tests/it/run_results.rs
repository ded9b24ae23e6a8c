//! Results that are pushed into a run: kept before they are acknowledged, whatever they hold and whatever happens.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::job::{Job, number};
use crate::support::{Call, Sandbox, column, free_address, get, numcheck, post_bytes, push, signal};
use serde_json::{Value, json};

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
        (drift.len(), count("new_value"), count("new_field"), count("odd_shape")),
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
        format!("{path}/"),
        format!("{root}/"),
    ] {
        assert_eq!(push(&wrong, &body).unwrap(), 404, "{wrong}");
    }
    assert_eq!(run.end().exits(3).json()["pending"], 2);
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
fn numbers_whose_results_never_come_are_pending_and_missing_after_the_platform_s_time() {
    let job = Job::of(3);
    let run = job.start(&["--wait", "1s"]);
    let batch = job.platform.accept();
    batch.push(&number(1));
    let summary = run.end().exits(3).json();
    assert_eq!(job.states(), ["pending", "done", "pending"]);
    assert_eq!(
        (&summary["pending"], &summary["missing"], &summary["done"]),
        (&json!(2), &json!(0), &json!(1))
    );
    // On a platform whose minute is short, the time is over.
    let run = job.start(&["--wait", "1s", "--minute", "10ms"]);
    let run = thread::spawn(move || run.end());
    while !run.is_finished() {
        if let Some(query) = job.platform.try_submit() {
            assert!(query.head.contains("/api/number/query "), "{}", query.head);
            let nothing = r#"{"code":0,"data":{"totalPage":0,"totalSize":0,"result":[]}}"#;
            query.answer_http("200 OK", "application/json", nothing);
        }
    }
    let summary = run.join().unwrap().exits(3).json();
    assert_eq!(job.states(), ["missing", "done", "missing"]);
    assert_eq!((&summary["pending"], &summary["missing"]), (&json!(0), &json!(2)));
    assert!(job.rows()[0]["check_message"].contains("it may have been charged"));
}

#[test]
fn a_pushed_number_is_known_in_any_spelling_and_sums_have_four_decimals_and_capitals() {
    let job = Job::of(4);
    let run = job.start(&[]);
    let batch = job.platform.accept();
    let spelled = [
        format!("00{}", number(0)),
        format!(" +{}\r\n", number(1)),
        format!("+852 {}", &number(2)[3..]),
        format!("852-{}-{}", &number(3)[3..7], &number(3)[7..]),
    ];
    for phone in &spelled {
        let mut body = batch.result(phone);
        body["cost"] = json!({"price": 0.1, "currency": "usd"});
        assert_eq!(push(&batch.dr_url, &body.to_string()).unwrap(), 200);
    }
    let summary = run.end().exits(0).json();
    assert_eq!((&summary["done"], &summary["unmatched"]), (&json!(4), &json!(0)));
    assert_eq!(summary["cost"], json!({"USD": "0.4000"}));
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
    let rows = job.export();
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
    command.args(["--public-url", &public_url, "--json", "-o"]);
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
    run.signal("TERM");
    run.end().says("could not be stored");
    assert_eq!(column(&job.export(), "check_state"), ["done", "pending", "pending"]);
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
fn a_receiver_that_only_stores_leaves_entering_to_another_process() {
    let job = Job::of(2);
    let run = job.start(&["--wait", "1s"]);
    let batch = job.platform.accept();
    run.end().exits(3);
    let listen = free_address();
    let public_url = format!("http://{listen}");
    let receive = ["receive", "--store-only", "--json", "--listen", &listen, "--public-url", &public_url];
    let mut receive = numcheck(receive).env("NUMCHECK_STORE", job.store()).start();
    receive.stdout_line();
    // The same capability, behind another address.
    let path = batch.dr_url.splitn(4, '/').nth(3).unwrap();
    for phone in &batch.numbers {
        assert_eq!(push(&format!("{public_url}/{path}"), &batch.result(phone).to_string()).unwrap(), 200);
    }
    receive.signal("TERM");
    receive.end().exits(0);
    let of_job = numcheck(["jobs", "--json"]).env("NUMCHECK_STORE", job.store()).run().exits(0).json();
    let status =
        numcheck(["status", "--json", of_job["job"].as_str().unwrap()]).env("NUMCHECK_STORE", job.store());
    assert_eq!(status.run().json()["settled"], 2, "whoever reads enters them");
    job.start(&["--wait", "1s"]).end().exits(0);
    assert_eq!(job.states(), ["done", "done"]);
}

/// A push, with places for what a test puts in.
const PUSH: &str = r#"{"messageId":"m-1","code":0,"msg":"success","batchNo":"BATCH","phone":"PHONE","data":{"basic":{"preCheck":"YES","carrier":"CARRIER"}},"cost":{"price":0.0300,"currency":"USD"}EXTRA}"#;

/// Pushes as they have come, each of which was quarantined for one odd field, and its number was missing.
#[test]
fn a_result_is_not_lost_for_one_odd_field_or_another_spelling_of_its_number() {
    let odd: &[(&str, &str)] = &[
        (r#"CARRIER"#, r#"China\udc00Mobile"#),
        ("EXTRA", r#","remark":"x\ud83d""#),
        ("EXTRA", r#","trace":1,"trace":2"#),
        ("EXTRA", r#","score":1e400"#),
        ("EXTRA", r#","score":NaN"#),
        ("PHONE", "00PHONE"),
        ("PHONE", r#"PHONE\r\n"#),
        ("PHONE", "+852 PHONE"),
        ("USD", "usd"),
        (r#""code":0,"#, ""),
        ("EXTRA", r#","phone":"PHONE","code":0"#),
        ("EXTRA", ",\"remark\":\"a\tb\\x\","),
        ("PHONE", "tel:+PHONE\u{200b}"),
    ];
    let job = Job::of(odd.len());
    let run = job.start(&["--wait", "20s"]);
    let batch = job.platform.accept();
    for (at, (from, to)) in odd.iter().enumerate() {
        let phone = number(at);
        let to = to.replace("+852 PHONE", &format!("+852 {}", &phone[3..]));
        let body = PUSH.replace(from, &to).replace("BATCH", &batch.batch_no).replace("PHONE", &phone);
        let body = body.replace("EXTRA", "");
        assert_eq!(push(&batch.dr_url, &body).unwrap(), 200, "{from} {to}");
    }
    run.end().exits(0);
    let rows = job.rows();
    assert_eq!(column(&rows, "check_state"), vec!["done"; odd.len()]);
    assert!(rows.iter().all(|row| row["check_price"] == "0.0300"), "{rows:?}");
    assert_eq!(rows[0]["check_carrier"], r"China\udc00Mobile");
    assert_eq!(rows[8]["check_currency"], "usd");
    assert_eq!(job.quarantine(), "");
}

#[test]
fn a_push_in_gbk_is_read_declared_or_not_and_what_cannot_be_read_is_shown_in_base64() {
    let job = Job::of(2);
    let run = job.start(&["--wait", "20s"]);
    let batch = job.platform.accept();
    let gbk = |at: usize, id: &str| {
        let body = PUSH.replace("m-1", id).replace("BATCH", &batch.batch_no);
        let body = body.replace("PHONE", &number(at)).replace("EXTRA", "");
        let (head, tail) = body.split_once("CARRIER").unwrap();
        [head.as_bytes(), b"\xd6\xd0\xb9\xfa\xd2\xc6\xb6\xaf", tail.as_bytes()].concat()
    };
    let push = |headers: &str, body: &[u8]| {
        let answer = post_bytes(&batch.dr_url, headers, body).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(push("content-type: application/json;charset=iso-8859-1\r\n", &gbk(0, "m-1")), "415");
    assert_eq!(push("content-encoding: gzip\r\n", b"\x1f\x8b"), "415");
    assert_eq!(push("content-type: application/json\r\n", b"\xb3\xc9\xb9\xa6"), "200");
    for (at, headers) in ["content-type: application/json;charset=GBK\r\n", ""].into_iter().enumerate() {
        assert_eq!(push(headers, &gbk(at, "m-1")), "200");
        assert_eq!(push(headers, &gbk(at, "m-2")), "200", "a repeat under another id");
    }
    run.end().exits(0);
    assert_eq!(column(&job.rows(), "check_carrier"), ["中国移动"; 2]);
    let kept: Value = serde_json::from_str(&job.quarantine()).unwrap();
    assert_eq!((&kept["body"], &kept["body_base64"]), (&Value::Null, &"s8m5pg==".into()));
}

/// Whoever knows the capability is let in, whatever a proxy does to the request; who is not let in is seen, and shows nothing of it.
#[test]
fn what_is_turned_away_is_told_once_per_kind_and_counted_wherever_a_person_looks() {
    let job = Job::of(4);
    let run = job.start(&["--wait", "20s"]);
    let batch = job.platform.accept();
    let (host, path) = batch.dr_url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mac = path.rsplit('/').next().unwrap().to_owned();
    for (times, url, headers, status) in [
        (3, format!("http://{host}/wp-login.php?phone={}", number(0)), "", "404"),
        (1, format!("http://{host}/{path}0"), "", "404"),
        (2, batch.dr_url.clone(), "content-encoding: gzip\r\n", "415"),
        (1, batch.dr_url.clone(), "content-length: 1x\r\n", "400"),
    ] {
        for _ in 0..times {
            let answer = post_bytes(&url, headers, number(0).as_bytes()).unwrap();
            assert_eq!(answer.split(' ').nth(1), Some(status), "{url} {headers}");
        }
    }
    let mut balancer = std::net::TcpStream::connect(host).unwrap();
    let proxied = format!("PROXY TCP4 192.0.2.7 192.0.2.8 4711 80\r\nPOST /{path} HTTP/1.1\r\n\r\n");
    balancer.write_all(proxied.as_bytes()).unwrap();
    let mut answer = String::new();
    balancer.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");

    let urls = [format!("hooks/{path}"), format!("/{path}"), format!("{path}/"), format!("a//b/{path}//")];
    let types = ["", "content-type: text/plain\r\n", "content-type: \r\n", "content-type: a/b; c=d\r\n"];
    for (at, (url, headers)) in urls.iter().zip(types).enumerate() {
        let url = format!("http://{host}/{url}");
        let body = batch.result(&number(at)).to_string();
        let answer = post_bytes(&url, headers, body.as_bytes()).unwrap();
        assert_eq!(answer.split(' ').nth(1), Some("200"), "{url} {headers}");
    }
    let ended = run.end().exits(0);
    assert_eq!(job.states(), ["done"; 4]);
    let counts = [("compressed", 2), ("malformed", 1), ("not_found", 4), ("proxy_protocol", 1)];
    let told: Value = serde_json::from_str(ended.text()).unwrap();
    let kinds = |told: &Value| {
        let kinds = told["turned_away"].as_array().unwrap().iter();
        let count = |one: &Value| (one["kind"].as_str().unwrap().to_owned(), one["count"].as_u64().unwrap());
        kinds.map(count).collect::<Vec<_>>()
    };
    let counts = counts.map(|(kind, count)| (kind.to_owned(), count));
    assert_eq!(kinds(&told), counts);
    for hint in
        ["HTTP 404: the path", "HTTP 415: the body is compressed", "the PROXY protocol", "not HTTP/1.1"]
    {
        assert_eq!(ended.stderr.matches(hint).count(), 1, "{hint}: {}", ended.stderr);
    }

    let status = |options: &[&str]| {
        let call = numcheck(["status", told["job"].as_str().unwrap()]).args(options);
        call.env("NUMCHECK_STORE", job.store()).run().exits(0).text().to_owned()
    };
    let (text, json, metrics) = (status(&[]), status(&["--json"]), status(&["--metrics"]));
    assert!(text.contains("4 requests turned away: HTTP 404") && text.contains("look at"), "{text}");
    let all: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(kinds(&all), counts);
    assert!(metrics.contains("numcheck_turned_away_total{kind=\"not_found\"} 4\n"), "{metrics}");
    for shown in [&ended.stderr, &text, &json, &metrics] {
        assert!(
            !shown.contains(&mac) && !shown.contains("wp-login") && !shown.contains(&number(0)),
            "{shown}"
        );
    }

    // A receiver says the same at its end, and adds to the counts.
    let listen = free_address();
    let mut receive =
        numcheck(["receive", "--json", "--listen", &listen]).env("NUMCHECK_STORE", job.store()).start();
    receive.stdout_line();
    assert_eq!(push(&format!("http://{listen}/"), "{}").unwrap(), 404);
    receive.signal("TERM");
    let ended = receive.end().exits(0);
    assert!(ended.stderr.contains("1 request turned away: HTTP 404"), "{}", ended.stderr);
    assert!(status(&[]).contains("5 requests turned away: HTTP 404"));
}

/// What was submitted without a URL is pushed to the one that is configured on the platform.
#[test]
fn a_receivers_fixed_url_takes_results_of_any_batch_of_its_store() {
    let job = Job::of(2);
    let run = job.start(&["--wait", "1s"]);
    let batch = job.platform.accept();
    run.end().exits(3);
    let listen = free_address();
    let public_url = format!("http://{listen}");
    let store = |arguments: &[&str]| numcheck(arguments).env("NUMCHECK_STORE", job.store());
    store(&["receive", "--print-url"]).run().exits(2).says("--public-url");
    let print =
        || store(&["receive", "--print-url", "--public-url", &public_url]).run().exits(0).text().to_owned();
    let url = print();
    assert_eq!(print(), url, "it is fixed");
    let url = url.trim();
    assert!(url.starts_with(&format!("{public_url}/numcheck/results/")), "{url}");

    let mut receive = store(&["receive", "--json", "--listen", &listen]).start();
    receive.stdout_line();
    let mut without_batch = batch.result(&batch.numbers[0]);
    without_batch.as_object_mut().unwrap().remove("batchNo");
    without_batch["messageId"] = "301ef45b8de54d8aad95c5264c3756be-000001".into();
    assert_eq!(push(url, &without_batch.to_string()).unwrap(), 200, "by the id of its submit");
    assert_eq!(push(url, &batch.result(&batch.numbers[1]).to_string()).unwrap(), 200);
    // Acknowledged and kept for a person: of a batch that nobody knows, and of none at all.
    for odd in
        [r#"{"batchNo":"canary","code":0,"phone":"8613800000001"}"#, r#"{"code":0,"phone":"8613800000002"}"#]
    {
        assert_eq!(push(url, odd).unwrap(), 200);
    }
    let wrong = format!("{}x", &url[..url.len() - 1]);
    assert_eq!(push(&wrong, "{}").unwrap(), 404);
    receive.signal("TERM");
    receive.end().exits(0);
    job.start(&["--wait", "1s"]).end().exits(0);
    assert_eq!(job.states(), ["done", "done"]);
    let quarantine = job.quarantine();
    assert!(quarantine.contains("8613800000001") && quarantine.contains("8613800000002"), "{quarantine}");
}

#[test]
fn the_sandbox_pushes_to_the_url_of_the_application_what_was_submitted_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let listen = free_address();
    let public_url = format!("http://{listen}");
    let store = |arguments: &[&str]| numcheck(arguments).env("NUMCHECK_STORE", folder.path().join("jobs.db"));
    let url =
        store(&["receive", "--print-url", "--public-url", &public_url]).run().exits(0).text().to_owned();
    let sandbox = Sandbox::start_with(&["--callback-delay", "10ms", "--callback-url", url.trim()]);
    let mut receive = store(&["receive", "--json", "--listen", &listen]).start();
    receive.stdout_line();
    store(&["submit", "--yes", "--phone", "8613800138000"]).envs(sandbox.account()).run().exits(0);
    let journal = format!("{}/_sandbox/journal.json", sandbox.text("nxcloud"));
    let late = Instant::now() + Duration::from_secs(60);
    while !get(&journal).unwrap().contains(r#""accepted":1"#) {
        assert!(Instant::now() < late, "no push was accepted");
        thread::yield_now();
    }
    receive.signal("TERM");
    receive.end().exits(0);
    assert_eq!(store(&["receive", "--show-quarantine"]).run().exits(0).text(), "");
}
