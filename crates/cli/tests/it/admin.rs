//! What an operator's machines see of a receiver: health, readiness, metrics, and how it drains.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::job::Job;
use crate::support::{Call, Running, free_address, get, numcheck, push};

/// The whole answer to a request without a body.
fn ask(address: &str, method: &str, path: &str, host: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn status(address: &str, path: &str) -> u16 {
    ask(address, "GET", path, address).split(' ').nth(1).unwrap().parse().unwrap()
}

fn receive(job: &Job) -> Call {
    let call = numcheck(["receive", "--json", "--listen", &free_address()]);
    call.args(["--admin-listen", "127.0.0.1:0"]).env("NUMCHECK_STORE", job.store())
}

/// The addresses of pushes and of the pages.
fn addresses(receiver: &mut Running) -> [String; 2] {
    let line: serde_json::Value = serde_json::from_str(&receiver.stdout_line()).unwrap();
    ["listening", "admin"].map(|name| line[name].as_str().unwrap().to_owned())
}

/// A figure of the page.
fn figure(page: &str, name: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
}

/// A job with a batch whose results go to a receiver, which takes no part in the run.
fn submitted(job: &Job, receiver: &str) -> crate::support::Batch {
    let url = format!("http://{receiver}");
    let run = numcheck(["run", "--listen", &free_address(), "--public-url", &url, "--wait", "1ms"]);
    let run = run.arg(job.path("numbers.txt")).arg("-o").arg(job.path("out.csv"));
    let run = run.envs(job.platform.account()).env("NUMCHECK_STORE", job.store()).start();
    let batch = job.platform.accept();
    run.end().exits(3);
    batch
}

#[test]
fn a_receiver_tells_health_readiness_and_metrics_without_numbers_or_batches() {
    let job = Job::of(3);
    let mut receiver = receive(&job).start();
    let [listening, admin] = addresses(&mut receiver);
    let batch = submitted(&job, &listening);
    assert_eq!([status(&admin, "/healthz"), status(&admin, "/readyz")], [200, 200]);
    batch.push(&batch.numbers[0]);
    batch.push(&batch.numbers[0]);
    batch.push(&batch.numbers[1]);
    let stray = batch.result("85259999999");
    assert_eq!(push(&batch.dr_url, &stray.to_string()).unwrap(), 200);
    assert_eq!(push(&format!("http://{listening}/nothing"), "{}").unwrap(), 404);
    // They are stored at once, and entered a moment later.
    let page = loop {
        let page = get(&format!("http://{admin}/metrics")).unwrap();
        if figure(&page, "numcheck_fold_backlog") == 0.0
            && figure(&page, "numcheck_entered_total{kind=\"stray\"}") == 1.0
        {
            break page;
        }
    };
    for (name, value) in [
        ("numcheck_pushes_total{outcome=\"stored\"}", 4.0),
        ("numcheck_pushes_total{outcome=\"busy\"}", 0.0),
        ("numcheck_pushes_turned_away_total{kind=\"not_found\"}", 1.0),
        ("numcheck_entered_total{kind=\"repeat\"}", 1.0),
        ("numcheck_entered_total{kind=\"conflict\"}", 0.0),
        ("numcheck_store_seconds_count", 4.0),
        ("numcheck_store_seconds_bucket{le=\"+Inf\"}", 4.0),
        ("numcheck_store_writable", 1.0),
        ("numcheck_draining", 0.0),
    ] {
        assert_eq!(figure(&page, name), value, "{name}: {page}");
    }
    assert!(figure(&page, "numcheck_store_bytes") > 0.0);
    assert!(page.contains("numcheck_build_info{version=\""), "{page}");
    let jobs = numcheck(["jobs", "--json"]).env("NUMCHECK_STORE", job.store()).run().exits(0).json();
    let name = jobs["job"].as_str().unwrap();
    assert_eq!(figure(&page, &format!("numcheck_numbers{{job=\"{name}\",state=\"settled\"}}")), 2.0);
    for secret in [batch.batch_no.as_str(), "8525", "800001"] {
        assert!(!page.contains(secret), "{secret}: {page}");
    }
    // Each figure is declared once, before its samples.
    let mut declared = Vec::new();
    for line in page.lines() {
        match line.strip_prefix("# TYPE ") {
            Some(declaration) => {
                let name = declaration.split(' ').next().unwrap();
                assert!(!declared.contains(&name), "{name} stands twice");
                declared.push(name);
            }
            None if line.starts_with("# HELP ") => {}
            None => {
                let name = line.split(['{', ' ']).next().unwrap();
                assert!(name.starts_with(declared.last().unwrap()), "{line}");
            }
        }
    }
    receiver.signal("TERM");
    receiver.end().exits(0);
}

#[test]
fn the_pages_are_only_read_and_only_under_names_of_this_machine() {
    let job = Job::of(1);
    let mut receiver = receive(&job).start();
    let [_, admin] = addresses(&mut receiver);
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = ask(&admin, method, "/healthz", &admin);
        assert!(answer.starts_with("HTTP/1.1 405") && answer.contains("allow: GET, HEAD"), "{answer}");
    }
    let head = ask(&admin, "HEAD", "/readyz", &admin);
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(ask(&admin, "GET", "/metrics", "rebound.example.org").starts_with("HTTP/1.1 421"));
    assert!(ask(&admin, "GET", "/metrics", "localhost").starts_with("HTTP/1.1 200"));
    assert_eq!(status(&admin, "/"), 404);
    receiver.signal("TERM");
    receiver.end().exits(0);
}

#[test]
fn an_address_that_others_reach_or_pushes_have_is_refused() {
    let refused = |arguments: &[&str]| {
        let call = numcheck(["receive", "--listen", "127.0.0.1:18080"]).args(arguments);
        call.run().exits(2)
    };
    refused(&["--admin-listen", "0.0.0.0:19090"]).says("--allow-remote-admin");
    refused(&["--admin-listen", "127.0.0.1:18080"]).says("same port");
    let job = Job::of(1);
    let run = job.run().args(["--admin-listen", "0.0.0.0:19090"]);
    run.run().exits(2).says("--allow-remote-admin").says("nothing was sent");
    assert!(job.platform.try_submit().is_none());
}

#[test]
fn a_run_serves_them_while_it_receives() {
    let job = Job::of(2);
    let mut run = job.start(&["--admin-listen", "127.0.0.1:0"]);
    let line = run.wait_for("health and metrics at http://");
    let (_, admin) = line.split_once("http://").unwrap();
    let batch = job.platform.accept();
    assert_eq!(status(admin, "/readyz"), 200);
    batch.push(&batch.numbers[0]);
    let page = get(&format!("http://{admin}/metrics")).unwrap();
    assert_eq!(figure(&page, "numcheck_pushes_total{outcome=\"stored\"}"), 1.0);
    batch.push(&batch.numbers[1]);
    run.end().exits(0);
}

#[test]
fn a_store_that_cannot_be_written_is_not_ready_and_says_why() {
    let job = Job::of(1);
    let mut receiver = receive(&job).start();
    let [_, admin] = addresses(&mut receiver);
    assert_eq!(status(&admin, "/readyz"), 200);
    let other = rusqlite::Connection::open(job.store()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The answer before may still hold.
    let answer = loop {
        let answer = ask(&admin, "GET", "/readyz", &admin);
        if !answer.starts_with("HTTP/1.1 200") {
            break answer;
        }
    };
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("not ready: the store has not answered a write for "), "{answer}");
    assert_eq!(status(&admin, "/healthz"), 200);
    let page = get(&format!("http://{admin}/metrics")).unwrap();
    assert_eq!(figure(&page, "numcheck_store_writable"), 0.0);
    other.execute_batch("ROLLBACK").unwrap();
    while status(&admin, "/readyz") != 200 {}
    drop(other);
    receiver.signal("TERM");
    receiver.end().exits(0);
}

/// A push whose body is held back: what is on its way when a signal comes.
struct Held {
    stream: TcpStream,
    rest: String,
}

impl Held {
    fn begin(url: &str, body: &str) -> Self {
        let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let (first, rest) = body.split_at(10);
        let length = body.len();
        write!(stream, "POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n{first}")
            .unwrap();
        Self { stream, rest: rest.to_owned() }
    }

    /// Sends the rest; the whole answer, until the connection is closed.
    fn end(mut self) -> String {
        self.stream.write_all(self.rest.as_bytes()).unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

#[test]
fn a_push_in_flight_is_stored_and_answered_while_the_receiver_drains() {
    let job = Job::of(2);
    let mut receiver = receive(&job).start();
    let [listening, admin] = addresses(&mut receiver);
    let batch = submitted(&job, &listening);
    // A connection that is kept open for the next push, and one that has said nothing yet.
    let mut kept = TcpStream::connect(&listening).unwrap();
    let body = batch.result(&batch.numbers[0]).to_string();
    let path = batch.dr_url.strip_prefix(&format!("http://{listening}")).unwrap();
    let length = body.len();
    write!(kept, "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = [0; 15];
    kept.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    let mut silent = TcpStream::connect(&listening).unwrap();
    let held = Held::begin(&batch.dr_url, &batch.result(&batch.numbers[1]).to_string());
    // Its head has been read once a later connection is answered.
    assert_eq!(push(&format!("http://{listening}/nothing"), "{}").unwrap(), 404);
    receiver.signal("TERM");
    receiver.wait_for("stopping");
    let ready = ask(&admin, "GET", "/readyz", &admin);
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("draining"), "{ready}");
    assert_eq!(status(&admin, "/healthz"), 200);
    // Idle connections are closed at once, not after their time.
    for idle in [&mut kept, &mut silent] {
        let mut rest = Vec::new();
        idle.read_to_end(&mut rest).unwrap();
    }
    while TcpStream::connect(&listening).is_ok() {}
    assert!(receiver.is_running());
    let answer = held.end();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    receiver.end().exits(0);
    let states = job.states_in_the_store();
    assert_eq!(states, ["done"; 2]);
}

#[test]
fn what_cannot_be_stored_during_a_drain_is_not_acknowledged() {
    let job = Job::of(1);
    let mut receiver = receive(&job).start();
    let [listening, _] = addresses(&mut receiver);
    let batch = submitted(&job, &listening);
    let held = Held::begin(&batch.dr_url, &batch.result(&batch.numbers[0]).to_string());
    receiver.signal("TERM");
    receiver.wait_for("stopping");
    // It never gets its whole body: dropped without an answer, or with one that is not 200.
    drop(held);
    receiver.end().exits(0);
    assert_eq!(job.states_in_the_store(), ["pending"]);
}
