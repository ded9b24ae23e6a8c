//! The numbers of a single call, typed or read.
//!
//! It sends nothing, and its errors never repeat a number.

use std::path::PathBuf;

use clap::Args;
use numcheck_protocol::PhoneNumber;

use crate::commands::arguments::read;
use crate::exit::Failure;
use crate::input::normalise;

/// Numbers with country code, from the command line or from a file.
#[derive(Debug, Args)]
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
    /// The numbers, in the order in which they stand.
    pub(crate) fn read(&self) -> Result<Vec<PhoneNumber>, Failure> {
        let from_file = self.phone_file.as_deref().map(|path| read(path, "--phone-file")).transpose()?;
        let text = match (&self.phone, &from_file) {
            (Some(text), _) => text.as_str(),
            (None, Some(bytes)) => std::str::from_utf8(bytes)
                .map_err(|_| Failure::usage("--phone-file: must be text in UTF-8"))?,
            (None, None) => "",
        };
        let cells = text.split([',', '\n']).map(str::trim).filter(|cell| !cell.is_empty());
        (1..)
            .zip(cells)
            .map(|(at, cell)| {
                normalise(cell.as_bytes())
                    .map_err(|reject| Failure::usage(format!("number {at}: {reject}; nothing was sent")))
            })
            .collect()
    }
}
