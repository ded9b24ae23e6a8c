//! `numcheck man DIR`: the manual, a page a verb.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use crate::Arguments;
use crate::exit::{Exit, Failure};
use crate::print;

/// Write the manual into a folder, a page a verb: numcheck.1, numcheck-run.1 and so on. Sends nothing.
///
/// Where DIR is man/man1 below a folder of `manpath`, such as ~/.local/share/man/man1, `man numcheck-run` finds them. Pages of that name are replaced.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder; it is made where it is not there.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Man {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let folder = self.folder.display();
        let written = std::fs::create_dir_all(&self.folder)
            // A page on the verb `help` would say nothing.
            .and_then(|()| {
                clap_mangen::generate_to(Arguments::command().disable_help_subcommand(true), &self.folder)
            });
        written.map_err(|error| {
            Failure::new(format!("the manual cannot be written to {folder}")).because(error)
        })?;
        print::say(&format!(
            "numcheck: the manual is in {folder}: man -l {}",
            self.folder.join("numcheck.1").display()
        ));
        Ok(Exit::Settled)
    }
}
