//! Exit codes, and the failures behind them. All of it is printed, so none of it holds a phone number or a secret.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::process::ExitCode;

use numcheck_job::ReceivingError;

use crate::output::{OutputError, OutputErrorKind};
use crate::stop;

/// What `--help` says about exit codes.
pub(crate) const HELP: &str = "\
Exit codes:
  0  everything is settled
  1  anything else went wrong
  2  wrong usage, or a question that nobody answered with yes: nothing was sent
  3  some numbers are invalid, refused, pending, missing or in doubt; doctor: something is to be mended
  4  a row ended in a state that --fail-on names, such as failed, whatever became of the others
  130  ended at once by Ctrl-C or SIGTERM, for verbs that stop cleanly by a second one, or while they read their input

Environment:
  NXCLOUD_ACCESS_KEY, NXCLOUD_ACCESS_SECRET, NXCLOUD_APPKEY   the NXCLOUD account
  QXT_API_KEY                                                 the QXT account
  NXCLOUD_BASE_URL, QXT_BASE_URL                              where the platforms are
  Each secret may stand in a file instead: NXCLOUD_ACCESS_SECRET_FILE, NXCLOUD_APPKEY_FILE, QXT_API_KEY_FILE.
  NUMCHECK_CONFIG, NUMCHECK_PROFILE                           a configuration file that says the same, and which of its profiles
  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY                as everywhere";

/// How a command ended, when it did what it could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything is settled.
    Settled,
    /// Something went wrong, and was said.
    Failed,
    /// Wrong usage. Nothing was sent.
    Usage,
    /// Some numbers are invalid, refused, pending, missing or in doubt, or something is to be mended.
    Unsettled,
    /// A row ended in a state that `--fail-on` names.
    FailedOn,
    /// Ended at once on request.
    Stopped,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Settled => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Unsettled => 3,
            Exit::FailedOn => 4,
            Exit::Stopped => stop::EXIT_CODE,
        })
    }
}

/// Why a command could not do what it was asked. `Display` is one line; causes stand behind `source`.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    text: String,
    /// The way on, behind the text.
    hint: &'static str,
    /// What stands behind that.
    note: &'static str,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, text: text.into(), hint: "", note: "", source: None }
    }

    /// The user asked for something that cannot be. Nothing was sent.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, text: text.into(), hint: "", note: "", source: None }
    }

    /// Somebody asked to stop.
    pub(crate) fn stopped(text: impl Into<String>) -> Self {
        Self { exit: Exit::Stopped, ..Self::new(text) }
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// An error whose own words are enough.
    pub(crate) fn of(error: impl StdError + Send + Sync + 'static) -> Self {
        Self {
            exit: Exit::Failed,
            text: error.to_string(),
            hint: "",
            note: "",
            source: Some(Box::new(error)),
        }
    }

    /// A setting that cannot be used. Nothing was sent.
    pub(crate) fn setting(error: impl StdError + Send + Sync + 'static) -> Self {
        Self { exit: Exit::Usage, ..Self::of(error) }
    }

    /// The same of a failure that is found before anything is sent, and says so.
    pub(crate) fn before_sending(mut self) -> Self {
        const NOTE: &str = "; nothing was sent";
        self.note = if self.text.contains(NOTE) { "" } else { NOTE };
        self
    }

    /// The same with the way on behind it.
    pub(crate) fn with_hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether nobody reads our output any more, as in `numcheck … | head`: no failure to talk about.
    pub(crate) fn is_reader_gone(&self) -> bool {
        let Some(source) = &self.source else { return false };
        source.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
            || source.downcast_ref::<OutputError>().is_some_and(OutputError::is_reader_gone)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        f.write_str(self.hint)?;
        f.write_str(self.note)
    }
}

impl StdError for Failure {
    /// What stands behind an error whose words are this failure's own begins with that error's cause.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.source.as_deref()?;
        if source.to_string() == self.text { source.source() } else { Some(source) }
    }
}

impl From<ReceivingError> for Failure {
    fn from(error: ReceivingError) -> Self {
        Self::of(error)
    }
}

impl From<OutputError> for Failure {
    /// What is found before anything is sent is wrong usage; a full disk at the end is not.
    fn from(error: OutputError) -> Self {
        match error.kind() {
            OutputErrorKind::SameFile | OutputErrorKind::DoesNotFit | OutputErrorKind::Create => {
                Self::setting(error)
            }
            OutputErrorKind::Write | OutputErrorKind::Finish => Self::of(error),
        }
    }
}
