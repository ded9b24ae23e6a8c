//! Which states of rows give scripts an exit code of their own.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use crate::durable::{STATES, Totals};
use crate::exit::Exit;
use crate::output::CheckState;

/// The states that a script wants to hear of.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct FailOn {
    /// Exit with 4 where a row ends in one of these states; several by commas, such as `failed,invalid`.
    #[arg(
        long,
        env = "NUMCHECK_FAIL_ON",
        hide_env_values = true,
        value_name = "STATES",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(STATES.map(CheckState::as_str)).map(|word| state_of(&word))
    )]
    fail_on: Vec<CheckState>,
}

fn state_of(word: &str) -> CheckState {
    STATES.into_iter().find(|state| state.as_str() == word).unwrap_or_default()
}

impl FailOn {
    /// How a command ends that would end by `exit`.
    pub(crate) fn exit(&self, totals: &Totals, exit: Exit) -> Exit {
        let is_there = self.fail_on.iter().any(|state| totals.of(*state) > 0);
        if is_there { Exit::FailedOn } else { exit }
    }
}
