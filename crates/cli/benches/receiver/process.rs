//! The receiving process, and what processes cost.
//!
//! It must not end any process but the one that it started.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::nothing;

/// A receiver in a process of its own, killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// `numcheck receive` on a store, with further options.
    pub(crate) fn receiving(store: &str, options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_numcheck"));
        command
            .args(["receive", "--json", "--listen", "127.0.0.1:0"])
            .args(options)
            .env("NUMCHECK_STORE", store);
        Self::start(command)
    }

    /// The same server, storing nothing.
    pub(crate) fn storing_nothing() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(nothing::ASKED, "1");
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = said["listening"].as_str().unwrap().parse().unwrap();
        Self { child, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn stop(self) {}
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Seconds that each thread of a process has run: key, name, time.
pub(crate) fn threads(pid: u32) -> Vec<(u64, String, f64)> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let times = tasks.filter_map(|task| {
        let name = std::fs::read_to_string(task.path().join("comm")).ok()?.trim().to_owned();
        // In nanoseconds, where `stat` counts hundredths of a second.
        let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        let ran: f64 = times.split_whitespace().next()?.parse().ok()?;
        Some((task.file_name().to_str()?.parse().ok()?, name, ran / 1e9))
    });
    times.collect()
}

/// What threads have used in between, threads of one name together.
pub(crate) fn used(before: &[(u64, String, f64)], after: &[(u64, String, f64)]) -> Vec<(String, f64)> {
    let mut used: Vec<(String, f64)> = Vec::new();
    for (key, name, time) in after {
        let earlier = before.iter().find(|(of, ..)| of == key).map_or(0.0, |(.., time)| *time);
        match used.iter_mut().find(|(of, _)| of == name) {
            Some((_, sum)) => *sum += time - earlier,
            None => used.push((name.clone(), time - earlier)),
        }
    }
    used.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    used.retain(|(_, time)| *time > 0.001);
    used
}

/// The process of a database server.
pub(crate) fn postmaster(data: &Path) -> u32 {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}

/// Seconds that a process and its children have run; of children that have ended, none.
pub(crate) fn with_children(parent: Option<u32>) -> f64 {
    let Some(parent) = parent else { return 0.0 };
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let times = processes.filter_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(process.path().join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u32>().ok();
        let is_meant = pid == parent || number(1)? == parent;
        is_meant.then(|| f64::from(number(11).unwrap_or(0) + number(12).unwrap_or(0)) / 100.0)
    });
    times.sum()
}
