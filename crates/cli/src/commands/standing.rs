//! How far a job is, for a person, and what is to be typed next.

use numcheck_bulk::{Job, JobState, Ledger, Scope};

use super::typed;
use crate::durable::Notes;

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its plan was never finished, and nothing of it was sent.
    Planning,
    /// Numbers are not sent yet, under way, in doubt or missing.
    Open,
    /// Nothing of it is open.
    Finished,
    /// A later job replaced it, or a call of `privacy` ended before all were asked about.
    Closed,
    /// Only its sums are left.
    Forgotten,
}

/// What is to be typed next, and what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NextStep {
    pub(crate) command: String,
    pub(crate) why: &'static str,
}

impl Standing {
    pub(crate) fn of(job: &Job, ledger: &Ledger) -> Self {
        // Nothing goes on with what `privacy`, which makes a job of no set, has not asked about.
        let is_over = job.spec.scope.service == Scope::PRIVACY
            && job.spec.set.is_empty()
            && open_numbers(ledger) == ledger.planned;
        match job.state {
            JobState::Planning => Self::Planning,
            JobState::Forgotten => Self::Forgotten,
            JobState::Replaced => Self::Closed,
            _ if ledger.is_final() && ledger.missing == 0 => Self::Finished,
            _ if is_over => Self::Closed,
            _ => Self::Open,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Open => "open",
            Self::Finished => "finished",
            Self::Closed => "closed",
            Self::Forgotten => "forgotten",
        }
    }
}

/// Numbers of which something is still to be sent, to come or to be found out.
pub(crate) fn open_numbers(ledger: &Ledger) -> u64 {
    ledger.planned
        + ledger.pending
        + ledger.in_doubt
        + ledger.missing
        + ledger.waiting
        + ledger.waiting_in_doubt
}

impl NextStep {
    /// What goes on with a job that is called `name`; `None` where nothing does.
    pub(crate) fn of(job: &Job, ledger: &Ledger, name: &str) -> Option<Self> {
        let is_privacy = job.spec.scope.service == Scope::PRIVACY;
        // A call of `submit` or `get` makes a job of no set: its results come to a receiver.
        let is_call = job.spec.set.is_empty();
        let is_doubt_only = ledger.planned + ledger.pending + ledger.waiting == 0;
        let (command, why) = match Standing::of(job, ledger) {
            Standing::Forgotten | Standing::Closed => return None,
            Standing::Planning => {
                let notes: Notes = serde_json::from_value(job.spec.notes.clone()).ok()?;
                (format!("numcheck run {}", quoted_file(&notes)?), "plans it anew; nothing of it was sent")
            }
            Standing::Finished => {
                (format!("numcheck export {name} -o results.csv"), "writes the results; all is settled")
            }
            Standing::Open if is_doubt_only && is_privacy => (
                format!("numcheck resume {name} --resubmit-doubtful"),
                "asks again about what is in doubt, and may pay twice: QXT cannot be asked what became of it",
            ),
            Standing::Open if is_doubt_only || is_call && ledger.planned == 0 => {
                (format!("numcheck reconcile {name}"), "asks the platform what became of it; costs nothing")
            }
            Standing::Open if ledger.planned > 0 => {
                (format!("numcheck resume {name}"), "sends what was not sent, and waits for the rest")
            }
            Standing::Open => {
                (format!("numcheck resume {name}"), "waits for what is under way; sends nothing")
            }
        };
        Some(Self { command, why })
    }
}

/// The file of a job, as a shell reads it; `None` of what was no file.
fn quoted_file(notes: &Notes) -> Option<String> {
    let file = Some(&notes.file).filter(|file| !file.is_empty() && *file != "standard input")?;
    Some(typed::quoted(file))
}

#[cfg(test)]
mod tests {
    use numcheck_bulk::{BatchState, BatchSums, Delivery, JobSpec};

    use super::*;

    fn ledger(of: &[(BatchState, bool)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (state, missing) in of {
            let mut sums = BatchSums::new(*state, *missing);
            sums.numbers = 1;
            ledger.add(sums);
        }
        ledger
    }

    #[test]
    fn status_says_what_to_do_next() {
        use BatchState::{Accepted, InDoubt, Planned};
        for (service, set, of, state, command) in [
            (Scope::NUMBER_CHECK, "set", &[][..], JobState::Open, Some("export ab -o results.csv")),
            (Scope::NUMBER_CHECK, "set", &[(Planned, false)], JobState::Open, Some("resume ab")),
            (
                Scope::NUMBER_CHECK,
                "set",
                &[(Accepted, false), (InDoubt, false)],
                JobState::Open,
                Some("resume ab"),
            ),
            (Scope::NUMBER_CHECK, "set", &[(InDoubt, false)], JobState::Open, Some("reconcile ab")),
            (Scope::NUMBER_CHECK, "set", &[(Accepted, true)], JobState::Open, Some("reconcile ab")),
            (Scope::NUMBER_CHECK, "", &[(Accepted, false)], JobState::Open, Some("reconcile ab")),
            (
                Scope::PRIVACY,
                "set",
                &[(InDoubt, false)],
                JobState::Open,
                Some("resume ab --resubmit-doubtful"),
            ),
            (Scope::PRIVACY, "", &[(Planned, false)], JobState::Open, None),
            (Scope::NUMBER_CHECK, "set", &[(Planned, false)], JobState::Planning, Some("run 'my list.csv'")),
            (Scope::NUMBER_CHECK, "set", &[(Planned, false)], JobState::Replaced, None),
            (Scope::NUMBER_CHECK, "set", &[], JobState::Forgotten, None),
        ] {
            let notes = serde_json::json!({"file": "my list.csv", "column": null, "level": "hlr"});
            let spec = JobSpec::new(Scope::new("", service, 1), set, Delivery::Poll, notes);
            let mut job = Job::new(1, "ab00000000000000".parse().unwrap(), spec, 0);
            job.state = state;
            let next = NextStep::of(&job, &ledger(of), "ab").map(|next| next.command);
            assert_eq!(
                next,
                command.map(|command| format!("numcheck {command}")),
                "{service} {set} {of:?} {state:?}"
            );
        }
    }
}
