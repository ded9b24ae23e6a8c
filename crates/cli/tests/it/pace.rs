//! Several processes on one store keep the platform's limits together.

use std::fs;
use std::path::Path;

use crate::support::{Running, Sandbox, column, free_address, numcheck, rows};

/// How many batches each runner has, of one number each.
const EACH: usize = 15;

/// A run of a file of its own: another job.
fn start(sandbox: &Sandbox, dir: &Path, at: usize) -> Running {
    let file = dir.join(format!("numbers-{at}.txt"));
    let numbers = (0..EACH).map(|number| format!("8525{}\n", 1_000_000 * (at + 1) + 111_111 + number));
    fs::write(&file, numbers.collect::<String>()).unwrap();
    let address = free_address();
    numcheck(["run"])
        .arg(file)
        // A platform whose minute is longer allows less: between its limit and the sandbox's there is room for what a busy machine does
        // to the times at which requests arrive. Each runner alone would still be fast enough for both to be refused.
        .args(["--minute", "90s", "--batch-size", "1", "--yes", "--wait", "30s"])
        .args(["--listen", &address, "--public-url", &format!("http://{address}")])
        .arg("-o")
        .arg(dir.join(format!("results-{at}.csv")))
        .env("NUMCHECK_STORE", dir.join("jobs.db"))
        .envs(sandbox.account())
        .start()
}

#[test]
fn two_runners_on_one_store_together_keep_the_platform_s_limit_and_are_never_refused() {
    let sandbox = Sandbox::start_with(&["--submit-pace", "refuse", "--callback-delay", "10ms"]);
    let dir = tempfile::tempdir().unwrap();
    let runners = [0, 1].map(|at| start(&sandbox, dir.path(), at));
    for (at, runner) in runners.into_iter().enumerate() {
        runner.end().exits(0);
        let results = rows(&fs::read(dir.path().join(format!("results-{at}.csv"))).unwrap());
        assert_eq!(column(&results, "check_state"), ["done"; EACH]);
    }
}
