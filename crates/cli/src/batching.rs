//! How phone numbers are put together into batches, as it is typed.

use clap::{Args, ValueEnum};

/// How numbers travel together. It changes how many requests a job takes, not what is checked: it is no part of what makes a job the same.
#[derive(Clone, Debug, Args)]
pub(crate) struct BatchingArgs {
    /// How many numbers travel in one request: up to 2000 the platform takes ten requests a second, above one. Whichever of 2000 and
    /// 5000 is faster otherwise.
    #[arg(long, env = "NUMCHECK_BATCH_SIZE", hide_env_values = true, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=5000))]
    pub(crate) batch_size: Option<u16>,
    /// Whether a request may hold numbers of several countries, which only accounts of the platform's second dialect (v2) take.
    #[arg(long, env = "NUMCHECK_COUNTRIES", hide_env_values = true, default_value = "auto", value_enum)]
    pub(crate) countries: Countries,
}

/// How many countries one request may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Countries {
    /// Many, once the account has answered in v2; one before.
    Auto,
    /// One: every account takes it.
    One,
    /// Any.
    Many,
}
