//! How a person stops a run, and goes on by the command that it prints.

use std::path::Path;
use std::process::Command;

use super::scene::Scene;
use super::stores::Store;
use super::work::{MINUTE, Work};
use crate::support::{Call, Ended};

/// What a run has printed as the command that goes on.
pub(crate) fn printed(ended: &Ended) -> &str {
    let line = ended.stderr.lines().find(|line| line.starts_with("numcheck: go on"));
    line.unwrap_or_else(|| panic!("{}", ended.stderr)).split_once(" by: ").unwrap().1
}

/// Pastes it into a shell, in the folder in which the run was, letter by letter as it was printed.
pub(crate) fn paste(scene: &Scene, line: &str) -> Call {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]);
    let programs = Path::new(env!("CARGO_BIN_EXE_numcheck")).parent().unwrap().to_str().unwrap();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap());
    scene.account(Call::new(shell)).dir(scene.dir.path()).env("PATH", path)
}

#[test]
fn a_signal_stops_cleanly_and_the_command_that_it_prints_goes_on_when_it_is_pasted() {
    for signal in ["INT", "TERM"] {
        let scene = Scene::quiet(&Store::Sqlite, &Work { delay: "2s", ..Work::new(1, "push") });
        // What was typed, and not what the environment has; names with a blank and a quote.
        let url = format!("http://{}", scene.listen);
        let typed = ["run", "in.csv", "-o", "out.csv", "--store", "it's a store.db", "--minute", MINUTE];
        let listen = ["--listen", &scene.listen, "--public-url", &url, "--batch-size=4", "--json"];
        let run = scene.numcheck(&typed).args(listen).dir(scene.dir.path());
        let run = run.env("NUMCHECK_STORE", "/nowhere").env("NUMCHECK_MINUTE", "60s").start();
        scene.wait_until_all_are_accepted();
        run.signal(signal);
        let ended = run.end().exits(3);
        let line = printed(&ended);
        let ended = paste(&scene, line).run();
        let place = scene.path("it's a store.db");
        assert_eq!(scene.check_in(ended, place.to_str().unwrap()).again, 0, "{line}");
    }
}

#[test]
fn the_address_of_a_store_with_a_password_is_not_printed_and_the_command_goes_on_where_it_is_set() {
    let Some(store) = Store::all().into_iter().find(|store| store.name() == "postgres") else { return };
    let scene = Scene::quiet(&store, &Work { delay: "2s", ..Work::new(1, "push") });
    let run = scene.run().args(["--store", &scene.place, "--minute", MINUTE]);
    let run = run.env("NUMCHECK_STORE", "/nowhere").start();
    scene.wait_until_all_are_accepted();
    run.signal("INT");
    let ended = run.end().exits(3).says("NUMCHECK_STORE");
    let password = scene.place.split_once("://").unwrap().1.split_once('@').unwrap().0;
    assert!(!ended.stderr.contains(password) && !ended.stderr.contains("…"), "{}", ended.stderr);
    let line = printed(&ended).to_owned();
    let ended = paste(&scene, &line).env("NUMCHECK_STORE", &scene.place).run();
    assert_eq!(scene.check(ended).again, 0, "{line}");
}

#[test]
fn a_run_stops_though_the_platform_answers_nobody_and_what_was_sent_is_in_doubt() {
    let scene = Scene::quiet(&Store::Sqlite, &Work::new(0, "push"));
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", deaf.local_addr().unwrap());
    let run = scene.run().env("NXCLOUD_BASE_URL", url).start();
    // Held: one that is closed at once is known not to have got the request.
    let _held = deaf.accept().unwrap();
    run.signal("INT");
    let summary = run.end().exits(3).json();
    assert!(summary["in_doubt"].as_u64() > Some(0), "{summary}");
    scene.is_at_rest(&scene.place);
}

#[test]
fn what_was_refused_for_the_account_s_sake_is_sent_once_the_account_is_mended() {
    Store::on_each(|store| {
        let scene = Scene::quiet(store, &Work::new(1, "push"));
        let ended = scene.run().env("NXCLOUD_ACCESS_SECRET", "another-secret").run().exits(3);
        assert!(ended.stderr.contains("submitting ended: refused with 1003 "), "{}", ended.stderr);
        let printed = printed(&ended).to_owned();
        assert_eq!(ended.json()["done"], 0);
        assert_eq!(scene.accepted(), 0);
        let ended =
            paste(&scene, &printed).env("NUMCHECK_STORE", &scene.place).env("NUMCHECK_MINUTE", MINUTE);
        assert!(scene.check(ended.run()).is_plain());
    });
}
