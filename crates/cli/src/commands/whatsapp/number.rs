//! The phone number that an operation is about.
//!
//! It must not be an argument only: arguments can be seen in the list of processes.

use std::path::{Path, PathBuf};

use clap::Args;
use numcheck_protocol::PhoneNumber;

use crate::commands::arguments::read;
use crate::exit::Failure;
use crate::input::normalise;

#[derive(Debug, Args)]
pub(super) struct Number {
    /// The phone number with country code. What stands here can be seen in the list of processes.
    #[arg(
        long,
        env = "NUMCHECK_PHONE",
        hide_env_values = true,
        value_name = "P",
        required_unless_present = "phone_file"
    )]
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
    pub(super) fn takes_stdin(&self) -> bool {
        self.phone.is_none() && self.phone_file.as_deref() == Some(Path::new("-"))
    }

    pub(super) fn read(&self) -> Result<PhoneNumber, Failure> {
        let from_file = match (&self.phone, &self.phone_file) {
            (None, Some(path)) => Some(read(path, "--phone-file")?),
            _ => None,
        };
        let (cell, option) = match (&self.phone, &from_file) {
            (Some(phone), _) => (phone.as_bytes(), "--phone"),
            (None, Some(bytes)) => (bytes.trim_ascii(), "--phone-file"),
            (None, None) => (&b""[..], "--phone"),
        };
        normalise(cell).map_err(|reject| Failure::usage(format!("{option}: {reject}; nothing was sent")))
    }
}
