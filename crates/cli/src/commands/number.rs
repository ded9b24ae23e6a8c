//! The phone numbers of a single call, from arguments or from a file: arguments show in the list of processes. No error quotes one.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use numcheck_protocol::PhoneNumber;
use numcheck_protocol::qxt::Mobile;
use numcheck_tables::normalise;

use crate::commands::arguments::read_private;
use crate::exit::Failure;

/// A number with country code.
#[derive(Args)]
pub(crate) struct Number {
    /// The phone number with country code. What stands here can be seen in the list of processes.
    #[arg(long, env = "NUMCHECK_PHONE", hide_env_values = true, value_name = "P")]
    phone: Option<String>,
    /// Read the phone number from a file instead; `-` is standard input.
    #[arg(
        long,
        env = "NUMCHECK_PHONE_FILE",
        hide_env_values = true,
        value_name = "F",
        conflicts_with = "phone"
    )]
    phone_file: Option<PathBuf>,
}

impl Number {
    /// Whether it stands on standard input.
    pub(crate) fn takes_stdin(&self) -> bool {
        self.phone.is_none() && self.phone_file.as_deref() == Some(Path::new("-"))
    }

    pub(crate) async fn read(&self) -> Result<PhoneNumber, Failure> {
        if self.phone.is_none() && self.phone_file.is_none() {
            return Err(Failure::usage(
                "which number? Name it by --phone P or --phone-file F; nothing was sent",
            ));
        }
        let (option, text) = typed_or_read(self.phone.as_deref(), self.phone_file.as_deref()).await?;
        normalise(text.trim_ascii())
            .map_err(|reject| Failure::usage(format!("{option}: {reject}; nothing was sent")))
    }
}

/// Numbers with country code.
#[derive(Args)]
pub(crate) struct Numbers {
    /// The numbers with country code, joined by commas. What stands here can be seen in the list of processes.
    #[arg(
        long,
        env = "NUMCHECK_PHONE",
        hide_env_values = true,
        value_name = "NUMBER,…",
        required_unless_present = "phone_file"
    )]
    phone: Option<String>,
    /// Read the numbers from a file instead, one a line or joined by commas; `-` is standard input.
    #[arg(
        long,
        env = "NUMCHECK_PHONE_FILE",
        hide_env_values = true,
        value_name = "F",
        conflicts_with = "phone"
    )]
    phone_file: Option<PathBuf>,
}

impl Numbers {
    /// Whether they stand on standard input.
    pub(crate) fn takes_stdin(&self) -> bool {
        self.phone.is_none() && self.phone_file.as_deref() == Some(Path::new("-"))
    }

    /// The numbers, in the order in which they stand.
    pub(crate) async fn read(&self) -> Result<Vec<PhoneNumber>, Failure> {
        let (_, text) = typed_or_read(self.phone.as_deref(), self.phone_file.as_deref()).await?;
        let cells = text.split(|byte| matches!(byte, b',' | b'\n')).map(<[u8]>::trim_ascii);
        (1..)
            .zip(cells.filter(|cell| !cell.is_empty()))
            .map(|(at, cell)| {
                normalise(cell)
                    .map_err(|reject| Failure::usage(format!("number {at}: {reject}; nothing was sent")))
            })
            .collect()
    }
}

/// A number as a caller has typed it, for verbs that send nothing; `-` reads it from standard input.
pub(crate) async fn typed(text: &str, option: &str) -> Result<PhoneNumber, Failure> {
    let text = match text {
        "-" => read_private(Path::new("-"), option).await?,
        text => text.into(),
    };
    normalise(text.trim_ascii()).map_err(|reject| Failure::usage(format!("{option}: {reject}")))
}

/// A Chinese mobile number that was given without its country code, as the book keeps it.
pub(crate) fn as_mobile(number: PhoneNumber) -> Option<PhoneNumber> {
    let mobile = Mobile::new(number.digits()).ok()?;
    PhoneNumber::new(&format!("86{}", mobile.digits())).ok()
}

/// Shows whether there is one, never which.
impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Number(***)")
    }
}

/// Shows that there are some, never which.
impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Numbers(***)")
    }
}

/// What was typed, else what the file holds, and the option that it is from.
async fn typed_or_read(phone: Option<&str>, file: Option<&Path>) -> Result<(&'static str, Vec<u8>), Failure> {
    match (phone, file) {
        (None, Some(path)) => Ok(("--phone-file", read_private(path, "--phone-file").await?)),
        (phone, _) => Ok(("--phone", phone.unwrap_or_default().into())),
    }
}
