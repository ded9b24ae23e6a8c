//! Processes of the command, and what they take: time, processor, memory.
//!
//! It must not end any process but those that it started.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How often a process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A process that is about to be started.
pub(crate) struct Running(Command);

/// What a process took.
pub(crate) struct Ended {
    pub(crate) took: Duration,
    /// Seconds of processor time.
    pub(crate) cpu: f64,
    /// The most memory that was resident.
    pub(crate) peak_kib: u64,
    pub(crate) stdout: String,
}

/// A process that runs until it is dropped.
pub(crate) struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    pub(crate) fn new(program: &Path, args: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped());
        Self(command)
    }

    pub(crate) fn env(&mut self, name: &str, value: &str) {
        self.0.env(name, value);
    }

    /// A sandbox with these options, and the variables that lead to it.
    pub(crate) fn sandbox(
        program: &Path,
        options: &[&str],
    ) -> Result<(Background, BTreeMap<String, String>), String> {
        let mut child = Self::new(program, &[&["sandbox", "--json"], options].concat()).spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("the sandbox has no output")?;
        let sandbox = Background(child);
        BufReader::new(stdout).read_line(&mut line).map_err(|error| format!("the sandbox: {error}"))?;
        let said: Value = serde_json::from_str(&line).map_err(|error| format!("the sandbox: {error}"))?;
        let names = [
            ("NXCLOUD_BASE_URL", "nxcloud"),
            ("NXCLOUD_ACCESS_KEY", "access_key"),
            ("NXCLOUD_ACCESS_SECRET", "access_secret"),
            ("NXCLOUD_APPKEY", "appkey"),
            ("QXT_BASE_URL", "qxt"),
            ("QXT_API_KEY", "qxt_api_key"),
        ];
        let text = |key: &str| said.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok((sandbox, names.iter().map(|(name, key)| ((*name).to_owned(), text(key))).collect()))
    }

    /// Runs it to its end.
    pub(crate) fn finish(mut self) -> Result<Ended, String> {
        let start = Instant::now();
        let mut child = self.spawn()?;
        let (pid, stdout) = (child.id(), child.stdout.take());
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.map(|mut stdout| stdout.read_to_string(&mut text)).transpose().map(|_| text)
        });
        let (mut cpu, mut peak_kib) = (0.0, 0);
        let status = loop {
            cpu = cpu_of(pid).unwrap_or(cpu);
            peak_kib = peak_of(pid).unwrap_or(peak_kib);
            match child.try_wait().map_err(|error| error.to_string())? {
                Some(status) => break status,
                None => std::thread::sleep(LOOK_EVERY),
            }
        };
        let took = start.elapsed();
        let stdout =
            reader.join().map_err(|_| "reading its output failed")?.map_err(|error| error.to_string())?;
        if status.success() {
            Ok(Ended { took, cpu, peak_kib, stdout })
        } else {
            Err(format!("{:?}: {status}", self.0))
        }
    }

    fn spawn(&mut self) -> Result<Child, String> {
        self.0.spawn().map_err(|error| format!("{:?}: {error}", self.0.get_program()))
    }
}

/// An address of loopback that is free.
pub(crate) fn free_address() -> Result<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    Ok(listener.local_addr().map_err(|error| error.to_string())?.to_string())
}

/// The kernel counts in hundredths of a second.
fn cpu_of(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((number(11)? + number(12)?) / 100.0)
}

/// What is gone leaves no line.
fn peak_of(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
