//! Many more worlds of the model, and kills of real runs, in release: `cargo xtask torture --rounds N --seed S --store sqlite|postgres`.
//!
//! It must not judge: the tests do; a round of kills prints its seed, and a world that fails is printed whole.

use std::path::Path;

use crate::cargo;

const WORLDS_A_ROUND: u64 = 10;

/// Runs so many rounds with the platform as the project assumes it, and so many with platforms drawn from the seed, on both stores in turn or on the one that is named, which must be there then. The same seed gives the same inputs
/// and the same moments.
pub(crate) fn run(root: &Path, args: &[&str]) -> crate::Outcome {
    let (mut rounds, mut seed, mut store) = (50, None, None);
    for pair in args.chunks(2) {
        match pair {
            ["--rounds", text] => rounds = number(text)?,
            ["--seed", text] => seed = Some(number(text)?),
            ["--store", name @ ("sqlite" | "postgres")] => store = Some(*name),
            _ => {
                return Err(
                    "`cargo xtask torture` takes `--rounds N`, `--seed S` and `--store sqlite|postgres`"
                        .to_owned(),
                );
            }
        }
    }
    worlds(root, rounds, seed, store)?;
    kills(root, rounds, seed, store)
}

/// The model's worlds: the same faults in virtual time, thousands in the time of one kill.
fn worlds(root: &Path, rounds: u64, seed: Option<u64>, store: Option<&str>) -> crate::Outcome {
    let test = ["test", "--locked", "--release", "--package", "numcheck-bulk", "--all-features"];
    let mut command = cargo::command(root, &test);
    let tests = store.map_or_else(|| "model::".to_owned(), |store| format!("model::on_{store}"));
    command.args(["--test", "it", "--", &tests]);
    command.env("PROPTEST_CASES", (rounds * WORLDS_A_ROUND).to_string());
    if let Some(seed) = seed {
        command.env("PROPTEST_RNG_SEED", seed.to_string());
    }
    cargo::succeed(&mut command)
}

fn kills(root: &Path, rounds: u64, seed: Option<u64>, store: Option<&str>) -> crate::Outcome {
    let test = ["test", "--locked", "--release", "--package", "numcheck", "--features", "failpoints"];
    let mut command = cargo::command(root, &test);
    command.args(["--test", "it", "--", "torture::", "--nocapture"]);
    command.env("NUMCHECK_TORTURE_ROUNDS", rounds.to_string());
    if let Some(seed) = seed {
        command.env("NUMCHECK_TORTURE_SEED", seed.to_string());
    }
    if let Some(store) = store {
        command.env("NUMCHECK_TORTURE_STORE", store);
    }
    if store == Some("postgres") {
        command.env("NUMCHECK_REQUIRE_POSTGRES", "1");
    }
    cargo::succeed(&mut command)
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}
