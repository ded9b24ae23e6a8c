//! Who holds a claim: a run of a process on a machine, as far as another one can tell whether it lives.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use numcheck_bulk::Owners;

/// Names this process: the machine's boot, the process's namespace, its id and when it started.
pub fn own_process() -> String {
    let pid = std::process::id();
    match (boot(), namespace(), start_of(pid)) {
        (Some(boot), Some(namespace), Some(start)) => format!("{boot} {namespace} {pid} {start}"),
        _ => format!("process {pid}"),
    }
}

/// The runs of this process that go on, and the key of the last one.
static RUNS: Mutex<(BTreeSet<u64>, u64)> = Mutex::new((BTreeSet::new(), 0));

fn runs() -> MutexGuard<'static, (BTreeSet<u64>, u64)> {
    RUNS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A run of this process: claims of its own, and over when it is dropped, wherever it was.
pub(crate) struct Run(u64);

impl Run {
    pub(crate) fn begin() -> Self {
        let (alive, last) = &mut *runs();
        *last += 1;
        alive.insert(*last);
        Self(*last)
    }

    /// What it claims batches as.
    pub(crate) fn owner(&self) -> String {
        format!("{} {}", own_process(), self.0)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        runs().0.remove(&self.0);
    }
}

/// Looks processes of this machine up, and the runs of this one.
#[derive(Clone, Copy)]
pub struct Processes;

impl fmt::Debug for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Processes")
    }
}

impl Owners for Processes {
    fn is_alive(&self, owner: &str) -> Option<bool> {
        let mut parts = owner.split(' ');
        let (boot_of, namespace_of) = (parts.next()?, parts.next()?);
        let (pid, start): (u32, &str) = (parts.next()?.parse().ok()?, parts.next()?);
        // Another machine, or another container whose processes cannot be seen here. After a restart of this machine the boot is another
        // one, too: then the lease decides.
        if boot()? != boot_of || namespace()? != namespace_of {
            return None;
        }
        let is_alive = start_of(pid).is_some_and(|found| found == start);
        // Whoever sends a single request names no run, nor did older releases.
        let run = parts.next().and_then(|run| run.parse().ok()).filter(|_| pid == std::process::id());
        Some(is_alive && run.is_none_or(|run: u64| runs().0.contains(&run)))
    }
}

fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

fn namespace() -> Option<String> {
    let link = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(link.to_str()?.to_owned())
}

/// When a process started, in ticks since the boot: no two processes of one id have the same.
fn start_of(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name may hold anything, and stands in brackets.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    // A zombie is dead.
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_one_that_has_ended_does_not() {
        let own = own_process();
        assert_eq!(Processes.is_alive(&own), Some(true), "{own}");
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mut parts: Vec<String> = own.split(' ').map(str::to_owned).collect();
        parts[2] = child.id().to_string();
        parts[3] = start_of(child.id()).unwrap();
        let theirs = parts.join(" ");
        assert_eq!(Processes.is_alive(&theirs), Some(true));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(Processes.is_alive(&theirs), Some(false));
        // Its id was given to another process.
        parts[2] = std::process::id().to_string();
        // Not in the same tick, which is as likely as not here.
        parts[3].push('0');
        assert_eq!(Processes.is_alive(&parts.join(" ")), Some(false));
    }

    #[test]
    fn a_run_of_a_process_that_lives_is_over_when_it_is_dropped() {
        let (first, second) = (Run::begin(), Run::begin());
        let (owner, other) = (first.owner(), second.owner());
        assert_ne!(owner, other);
        assert_eq!((Processes.is_alive(&owner), Processes.is_alive(&other)), (Some(true), Some(true)));
        drop(first);
        assert_eq!((Processes.is_alive(&owner), Processes.is_alive(&other)), (Some(false), Some(true)));
    }

    #[test]
    fn nothing_is_said_about_a_process_elsewhere() {
        assert_eq!(Processes.is_alive("another-boot pid:[1] 1 1"), None);
        assert_eq!(Processes.is_alive("process 17"), None);
        assert_eq!(Processes.is_alive(""), None);
    }
}
