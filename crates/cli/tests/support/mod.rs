//! The command as a process, a platform that does as it is told, and a pusher of results.
//!
//! Nothing here sleeps: a test waits for a line, a request or an end. The one limit of time makes a test fail instead of hang.

#![allow(dead_code)] // each test file takes what it needs
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test may fail where it stands

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// Nothing that a test waits for takes as long.
const HANGS: Duration = Duration::from_secs(60);

/// A row of results by the names of its columns.
pub(crate) type Row = BTreeMap<String, String>;

/// The command, in an empty environment.
pub(crate) fn numcheck<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Call {
    let mut command = Command::new(env!("CARGO_BIN_EXE_numcheck"));
    command.args(arguments);
    Call::new(command)
}

/// A call of the command in the making.
pub(crate) struct Call {
    command: Command,
    stdin: Vec<u8>,
}

impl Call {
    pub(crate) fn new(mut command: Command) -> Self {
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // A store of its own: the same file is the same job, also in another test.
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let call = format!("{}-{}", std::process::id(), CALLS.fetch_add(1, Ordering::Relaxed));
        command.env("XDG_DATA_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join(call));
        Self { command, stdin: Vec::new() }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn envs<'a>(mut self, variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.command.envs(variables);
        self
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    pub(crate) fn stdin(mut self, content: impl Into<Vec<u8>>) -> Self {
        self.stdin = content.into();
        self
    }

    pub(crate) fn start(mut self) -> Running {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Who reads no standard input closes it: no failure of the test.
        thread::spawn(move || drop(stdin.write_all(&self.stdin)));
        let stdout = Stream::follow(child.stdout.take().unwrap());
        let stderr = Stream::follow(child.stderr.take().unwrap());
        Running { child, stdout, stderr }
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Ended {
        self.start().end()
    }
}

/// A command that is running. It is killed when a test gives up on it.
pub(crate) struct Running {
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of standard output.
    pub(crate) fn stdout_line(&mut self) -> String {
        self.stdout.wait_for(|_| true)
    }

    /// Waits for a line of standard error that holds `text`.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        self.stderr.wait_for(|line| line.contains(text))
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Closes our end of its standard output, as `head` does once it has enough.
    pub(crate) fn stop_reading(&mut self) {
        self.stdout.stop.send(()).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let stdout = self.stdout.all();
        let stderr = self.stderr.all();
        let stderr = String::from_utf8(stderr).unwrap();
        assert!(!stderr.contains("panicked"), "{stderr}");
        Ended { status: self.child.wait().unwrap(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process that a test has started.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status().unwrap();
    assert!(sent.success());
}

/// What a process writes, line by line, as it comes.
struct Stream {
    lines: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    stop: Sender<()>,
}

impl Stream {
    fn follow(from: impl Read + Send + 'static) -> Self {
        let (send, lines) = channel();
        let (stop, stopped) = channel();
        thread::spawn(move || {
            let mut from = BufReader::new(from);
            loop {
                let mut line = Vec::new();
                let read = from.read_until(b'\n', &mut line);
                if !matches!(read, Ok(1..)) || stopped.try_recv().is_ok() || send.send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines, seen: Vec::new(), stop }
    }

    fn wait_for(&mut self, is_it: impl Fn(&str) -> bool) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(HANGS) else {
                panic!(
                    "it ended or hangs before that line; it said: {}",
                    String::from_utf8_lossy(&self.seen)
                );
            };
            self.seen.extend_from_slice(&line);
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if is_it(&line) {
                return line;
            }
        }
    }

    fn all(&mut self) -> Vec<u8> {
        loop {
            match self.lines.recv_timeout(HANGS) {
                Ok(line) => self.seen.extend_from_slice(&line),
                Err(RecvTimeoutError::Disconnected) => return std::mem::take(&mut self.seen),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("it hangs; it said: {}", String::from_utf8_lossy(&self.seen))
                }
            }
        }
    }
}

/// A command that has ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    /// Its exit code, which must be this one.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        let Self { status, stdout, stderr } = &self;
        assert_eq!(
            status.code(),
            Some(code),
            "stdout: {}\nstderr: {stderr}",
            String::from_utf8_lossy(stdout)
        );
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no `{text}` in: {}", self.stderr);
        self
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// Standard output as one JSON object on one line.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let text = self.text();
        assert_eq!(text.matches('\n').count(), 1, "one line: {text:?}");
        serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text:?}; stderr: {}", self.stderr))
    }

    /// Standard output as JSON lines.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        json_lines(self.text())
    }

    /// The last line of standard error as JSON.
    #[track_caller]
    pub(crate) fn json_on_stderr(&self) -> Value {
        serde_json::from_str(self.stderr.lines().last().unwrap_or_default())
            .unwrap_or_else(|_| panic!("no JSON in the last line of: {}", self.stderr))
    }
}

#[track_caller]
pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line:?}")))
        .collect()
}

/// A file of `crates/cli/tests/data`.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Rows of CSV with a header.
pub(crate) fn rows(csv: &[u8]) -> Vec<Row> {
    let csv = csv.strip_prefix("\u{feff}".as_bytes()).unwrap_or(csv);
    let mut reader = csv::Reader::from_reader(csv);
    let header = reader.headers().unwrap().clone();
    let owned = |(name, cell): (&str, &str)| (name.to_owned(), cell.to_owned());
    reader.records().map(|record| header.iter().zip(record.unwrap().iter()).map(owned).collect()).collect()
}

/// A column of rows.
pub(crate) fn column<'a>(rows: &'a [Row], name: &str) -> Vec<&'a str> {
    rows.iter().map(|row| row[name].as_str()).collect()
}

/// An address that nobody listens on, at least a moment ago.
pub(crate) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A platform that hands every submit to the test, which says how it is answered.
pub(crate) struct Platform {
    pub(crate) url: String,
    submits: Receiver<Submit>,
    seen: Arc<Mutex<Vec<String>>>,
}

/// A submit that waits for its answer. Dropped, its connection is closed without one.
pub(crate) struct Submit {
    pub(crate) head: String,
    pub(crate) body: Value,
    answer: Sender<String>,
}

impl Platform {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (send, submits) = channel();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (send, log) = (send.clone(), Arc::clone(&log));
                thread::spawn(move || serve(stream.unwrap(), &send, &log));
            }
        });
        Self { url, submits, seen }
    }

    /// The variables of an account with it.
    pub(crate) fn account(&self) -> [(&str, &str); 4] {
        [
            ("NXCLOUD_BASE_URL", self.url.as_str()),
            ("NXCLOUD_ACCESS_KEY", "test-access-key"),
            ("NXCLOUD_ACCESS_SECRET", "test-access-secret"),
            ("NXCLOUD_APPKEY", "test-appkey"),
        ]
    }

    /// `numcheck run FILE` with an account with it, receiving on a loopback address.
    pub(crate) fn run(&self, file: &Path) -> Call {
        let listen = free_address();
        let public_url = format!("http://{listen}");
        let call = numcheck(["run"]).arg(file).args(["--listen", &listen, "--public-url", &public_url]);
        call.envs(self.account())
    }

    /// The next submit.
    pub(crate) fn submit(&self) -> Submit {
        self.submits.recv_timeout(HANGS).expect("no submit came")
    }

    /// A submit that comes while a moment passes; for waiting for two things at once.
    pub(crate) fn try_submit(&self) -> Option<Submit> {
        self.submits.recv_timeout(Duration::from_millis(10)).ok()
    }

    /// Takes the next submit and accepts it.
    pub(crate) fn accept(&self) -> Batch {
        let submit = self.submit();
        let batch = submit.batch();
        submit.accept();
        batch
    }

    /// The batch numbers of all submits that arrived so far, answered or not, in their order.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Submit {
    pub(crate) fn batch(&self) -> Batch {
        let text = |name: &str| self.body[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_owned();
        Batch {
            batch_no: text("batchNo"),
            numbers: text("phone").split(',').map(str::to_owned).collect(),
            dr_url: text("drUrl"),
        }
    }

    pub(crate) fn accept(self) {
        let data = json!({"messageId": "301ef45b8de54d8aad95c5264c3756be", "batchNo": self.body["batchNo"]});
        self.answer(&json!({"msg": "success", "code": 0, "data": data}));
    }

    pub(crate) fn refuse(self, code: i64, text: &str) {
        self.answer(&json!({"msg": text, "code": code, "data": {"messageId": "", "batchNo": ""}}));
    }

    fn answer(self, body: &Value) {
        self.answer_http("200 OK", "application/json", &body.to_string());
    }

    pub(crate) fn answer_http(self, status: &str, kind: &str, body: &str) {
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}");
        self.answer.send(answer).unwrap();
    }

    /// Closes the connection after the request was read, as a platform does that dies in the middle.
    pub(crate) fn lose(self) {}
}

fn serve(mut stream: TcpStream, submits: &Sender<Submit>, seen: &Mutex<Vec<String>>) {
    while let Some((head, body)) = read_message(&mut stream) {
        let body: Value = serde_json::from_slice(&body).unwrap();
        seen.lock().unwrap().push(body["batchNo"].as_str().unwrap_or_default().to_owned());
        let (answer, answered) = channel();
        if submits.send(Submit { head, body, answer }).is_err() {
            return;
        }
        let Ok(answer) = answered.recv() else {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        };
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

/// The numbers of a submit, and where their results go.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) batch_no: String,
    pub(crate) numbers: Vec<String>,
    pub(crate) dr_url: String,
}

impl Batch {
    /// A result as the documents show it.
    pub(crate) fn result(&self, phone: &str) -> Value {
        json!({
            "messageId": "83ac9512-3c47-495d-a3c4-6d77a9f1149c", "code": 0, "msg": "success",
            "batchNo": self.batch_no, "phone": phone,
            "data": {"basic": {
                "preCheck": "YES", "regionCode": "CN", "countryCode": "86", "nationalNumber": "800001",
                "standNumber": phone, "numberType": 2, "carrier": "China Telecom",
            }},
            "cost": {"price": 0.1912, "currency": "USD"},
        })
    }

    /// Pushes a result for a number, which must be acknowledged.
    #[track_caller]
    pub(crate) fn push(&self, phone: &str) {
        assert_eq!(push(&self.dr_url, &self.result(phone).to_string()).unwrap(), 200);
    }

    /// The same for all its numbers.
    #[track_caller]
    pub(crate) fn push_all(&self) {
        self.numbers.iter().for_each(|phone| self.push(phone));
    }
}

/// Pushes a body to a URL, as the platform does; the status of the answer.
pub(crate) fn push(url: &str, body: &str) -> std::io::Result<u16> {
    let answer = post(url, "", body)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| std::io::Error::other("no answer"))
}

/// Answers the next request with JSON.
pub(crate) fn answer(listener: &TcpListener, body: &str) {
    let (mut stream, _) = listener.accept().unwrap();
    read_message(&mut stream).unwrap();
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
}

/// Answers every request of a connection with the request itself.
pub(crate) fn echo(stream: &mut TcpStream, status: &str) {
    while let Some((head, body)) = read_message(stream) {
        let content = format!("{head}{}", String::from_utf8_lossy(&body));
        let (length, path) = (content.len(), head.split(' ').nth(1).unwrap_or("/"));
        let head = format!(
            "HTTP/1.1 {status}\r\nlocation: {path}\r\ncontent-type: text/html\r\ncontent-length: {length}\r\n\r\n"
        );
        if stream.write_all(format!("{head}{content}").as_bytes()).is_err() {
            return;
        }
    }
}

/// Receives one push and acknowledges it.
pub(crate) fn receive(listener: &TcpListener) -> Value {
    let (mut stream, _) = listener.accept().unwrap();
    let (_, body) = read_message(&mut stream).unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// Sends JSON with these header lines; the whole answer.
pub(crate) fn post(url: &str, headers: &str, body: &str) -> std::io::Result<String> {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host)?;
    let length = body.len();
    let request = format!(
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         {headers}connection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Reads the head and body of a request; `None` when the other side closes.
fn read_message(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// A header's value.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// `numcheck sandbox` as a process, and its account.
pub(crate) struct Sandbox {
    pub(crate) running: Running,
    pub(crate) line: Value,
}

impl Sandbox {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let mut running = numcheck(["sandbox", "--json"]).args(arguments).start();
        let line = serde_json::from_str(&running.stdout_line()).unwrap();
        Self { running, line }
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.line[key].as_str().unwrap()
    }

    /// The variables of its account.
    pub(crate) fn account(&self) -> [(&str, &str); 6] {
        [
            ("NXCLOUD_BASE_URL", self.text("nxcloud")),
            ("NXCLOUD_ACCESS_KEY", self.text("access_key")),
            ("NXCLOUD_ACCESS_SECRET", self.text("access_secret")),
            ("NXCLOUD_APPKEY", self.text("appkey")),
            ("QXT_BASE_URL", self.text("qxt")),
            ("QXT_API_KEY", self.text("qxt_api_key")),
        ]
    }
}
