//! `numcheck completions SHELL`: what a shell needs to complete verbs, options and values.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::Arguments;
use crate::exit::{Exit, Failure};
use crate::print;

/// Print what a shell needs to complete verbs, options and their values. Sends nothing.
///
/// bash: numcheck completions bash > ~/.local/share/bash-completion/completions/numcheck
///
/// zsh: numcheck completions zsh > DIR/_numcheck, where DIR stands in $fpath
///
/// fish: numcheck completions fish > ~/.config/fish/completions/numcheck.fish
///
/// PowerShell: numcheck completions powershell >> $PROFILE
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "numcheck", &mut script);
        print::data(String::from_utf8_lossy(&script).trim_end())?;
        Ok(Exit::Settled)
    }
}
