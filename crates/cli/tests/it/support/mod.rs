//! The command as a process, a platform that does as it is told, and a pusher of results.
//!
//! Nothing here sleeps: a test waits for a line, a request or an end. The one limit of time makes a test fail instead of hang.

mod http;
pub(crate) mod job;
mod platform;
pub(crate) mod qxt;
pub(crate) mod scene;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

pub(crate) use http::{answer, echo, get, header, post, post_bytes, push, read_message, receive};
pub(crate) use platform::{Batch, Platform, Submit};
use serde_json::Value;

/// Nothing that a test waits for takes as long.
const HANGS: Duration = Duration::from_secs(300);

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
    /// Where its usual store is.
    data: tempfile::TempDir,
}

impl Call {
    pub(crate) fn new(mut command: Command) -> Self {
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // A store of its own, which ends with the call: a number is paid once per store, also in another test, and nobody's own store is
        // ever touched.
        let data = tempfile::tempdir().unwrap();
        command.env("XDG_DATA_HOME", data.path());
        Self { command, stdin: Vec::new(), data }
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

    /// The same through a shell that limits the size of files to so many blocks of 512 bytes: a write beyond fails, as on a full disk.
    pub(crate) fn with_files_up_to(self, blocks: u32) -> Self {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""));
        shell.arg(self.command.get_program()).args(self.command.get_args());
        shell.env_clear();
        shell.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self { command: shell, ..self }
    }

    pub(crate) fn start(mut self) -> Running {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Who reads no standard input closes it: no failure of the test.
        let content = self.stdin;
        thread::spawn(move || drop(stdin.write_all(&content)));
        Running::of(child, self.data)
    }

    /// The same once it reads a standard input that does not end before the pipe is dropped: more is written than fits into a pipe.
    pub(crate) fn start_reading(mut self) -> (Running, ChildStdin) {
        const MORE_THAN_A_PIPE_HOLDS: usize = 2 << 20;
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let running = Running::of(child, self.data);
        if stdin.write_all(&b" ".repeat(MORE_THAN_A_PIPE_HOLDS)).is_err() {
            panic!("it does not read its standard input: {}", running.end().stderr);
        }
        (running, stdin)
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
    _data: tempfile::TempDir,
}

impl Running {
    fn of(mut child: Child, data: tempfile::TempDir) -> Self {
        let stdout = Stream::follow(child.stdout.take().unwrap());
        let stderr = Stream::follow(child.stderr.take().unwrap());
        Self { child, stdout, stderr, _data: data }
    }

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

    /// Whether it has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Closes our end of its standard output, as `head` does once it has enough.
    pub(crate) fn stop_reading(&mut self) {
        self.stdout.stop.send(()).unwrap();
    }

    /// Ends it by SIGKILL. Says whether it was still running.
    pub(crate) fn kill(&mut self) -> bool {
        let running = self.child.try_wait().unwrap().is_none();
        let _ = self.child.kill();
        self.child.wait().unwrap();
        running
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

    /// Its exit code, which must be one of these.
    #[track_caller]
    pub(crate) fn exits_with(self, codes: &[i32]) -> Self {
        let code = self.status.code();
        assert!(code.is_some_and(|code| codes.contains(&code)), "{code:?}: {}", self.stderr);
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

/// A file of `crates/tables/tests/data`.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tables/tests/data").join(name)
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

/// An address that nobody listens on. Where the machine allows it, it is a loopback address of this caller's own, so that no
/// other test and no outgoing connection can take its port in between.
pub(crate) fn free_address() -> String {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let own = std::process::id().wrapping_mul(64).wrapping_add(CALLS.fetch_add(1, Ordering::SeqCst));
    let address = Ipv4Addr::from(0x7f00_0002 + own % 0xff_fff0);
    let listener = TcpListener::bind((address, 0)).or_else(|_| TcpListener::bind("127.0.0.1:0"));
    listener.unwrap().local_addr().unwrap().to_string()
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
