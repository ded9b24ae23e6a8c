//! What docs/operate names exists: commands, options, variables, metrics; the unit and the container's health check work.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::help::VERBS;
use crate::support::{Call, Running, free_address, get, numcheck, push};

const UNIT: &str = "numcheck-receive.service";
const BINARY: &str = "/usr/local/bin/numcheck";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operate").join(name)
}

/// A file's lines, those that end in a backslash joined.
fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap().replace("\\\n", " ")
}

fn all() -> String {
    ["README.md", UNIT, "Containerfile"].map(text).concat()
}

/// Words that begin so.
fn words(text: &str, prefix: &str) -> BTreeSet<String> {
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let words = text.split(|char| !is_word(char)).filter(|word| word.len() > prefix.len());
    words.filter(|word| word.starts_with(prefix)).map(str::to_owned).collect()
}

fn helps() -> String {
    let help = |verb: &&[&str]| numcheck(*verb).arg("--help").run().exits(0).text().to_owned();
    VERBS.iter().map(help).collect::<String>() + numcheck(["--help"]).run().exits(0).text()
}

/// A receiver whose pages listen where it says, and the address of those.
fn start(call: Call) -> (Running, String, String) {
    let listen = free_address();
    let call = call.env("NUMCHECK_LISTEN", &listen).env("NUMCHECK_ADMIN_LISTEN", "127.0.0.1:0");
    let mut receiver = call.start();
    let line = receiver.wait_for("health and metrics at http://");
    receiver.wait_for("receiving at");
    let (_, admin) = line.rsplit_once("http://").unwrap();
    let is_of_address = |char: &char| char.is_ascii_digit() || ".:".contains(*char);
    let admin = admin.chars().take_while(is_of_address).collect();
    (receiver, listen, admin)
}

#[test]
fn every_command_that_is_shown_is_understood() {
    let mut shown = 0;
    for line in all().lines() {
        for command in line.split("numcheck ").skip(1) {
            let command = command.split(['`', '#', ';', ',']).next().unwrap();
            // The name of a job.
            let command = command.replace("JOB", "0123456789abcdef");
            let words: Vec<&str> = command.split_whitespace().collect();
            if !VERBS.iter().any(|verb| words.starts_with(verb)) {
                continue;
            }
            numcheck(&words).arg("--help").run().exits(0);
            shown += 1;
        }
    }
    assert!(shown > 10, "{shown}");
    numcheck(["backup", "x", "--no-such-option", "--help"]).run().exits(2);
}

#[test]
fn every_variable_and_metric_that_is_named_exists() {
    let (all, helps) = (all(), helps());
    let mut variables = words(&all, "NUMCHECK_");
    variables.extend(words(&all, "NXCLOUD_"));
    assert!(variables.len() > 8, "{variables:?}");
    for variable in variables {
        assert!(helps.contains(&variable), "{variable} is not in --help");
    }
    let dir = tempfile::tempdir().unwrap();
    let receive = numcheck(["receive"]).env("NUMCHECK_STORE", dir.path().join("jobs.db"));
    let (receiver, _, admin) = start(receive);
    let page = get(&format!("http://{admin}/metrics")).unwrap();
    let metrics = words(&text("README.md"), "numcheck_");
    assert!(metrics.len() > 10, "{metrics:?}");
    for metric in &metrics {
        assert!(page.contains(&format!("# TYPE {metric} ")), "{metric} is not in {page}");
    }
    let declared = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    for metric in declared {
        assert!(metrics.contains(metric), "{metric} is not in the README");
    }
    receiver.signal("TERM");
    receiver.end().exits(0);
}

#[test]
fn the_unit_s_command_runs_in_the_unit_s_environment_and_ends_in_order() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("numcheck")).unwrap();
    fs::write(dir.path().join("access-secret"), "a-secret-of-the-account\n").unwrap();
    let unit = text(UNIT);
    let own = |value: &str| {
        let folder = dir.path().to_str().unwrap();
        value.replace("%S", folder).replace("%d", folder)
    };
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let mut words = command.split(' ');
    assert_eq!(words.next(), Some(BINARY));
    let mut call = numcheck(words).env("NXCLOUD_ACCESS_KEY", "key").args(["--require-signed-pushes"]);
    for variable in unit.lines().filter_map(|line| line.strip_prefix("Environment=")) {
        let (name, value) = variable.split_once('=').unwrap();
        call = call.env(name, own(value));
    }
    let (receiver, listen, admin) = start(call);
    assert_eq!(get(&format!("http://{admin}/readyz")).unwrap(), "ready\n");
    assert_eq!(push(&format!("http://{listen}/x"), "{}").unwrap(), 404);
    assert!(dir.path().join("numcheck/jobs.db").exists());
    receiver.signal("TERM");
    let ended = receiver.end().exits(0);
    assert!(!ended.stderr.contains("a-secret"), "{}", ended.stderr);
    assert!(ended.stderr.lines().all(|line| line.starts_with('{')), "{}", ended.stderr);
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit_and_little_exposed() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        let is_required = std::env::var_os("NUMCHECK_REQUIRE_SYSTEMD").is_some();
        assert!(!is_required, "systemd-analyze is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let unit = dir.path().join(UNIT);
    // It wants to find the binary.
    fs::write(&unit, text(UNIT).replace(BINARY, env!("CARGO_BIN_EXE_numcheck"))).unwrap();
    let analyze = |arguments: &[&str]| {
        let analyzed = Command::new("systemd-analyze").args(arguments).arg(&unit).output().unwrap();
        let said = [analyzed.stdout, analyzed.stderr].map(|said| String::from_utf8(said).unwrap()).concat();
        assert!(analyzed.status.success(), "{arguments:?}: {said}");
        said
    };
    let said = analyze(&["verify", "--man=no"]);
    assert!(!said.contains(UNIT), "{said}");
    // In tenths; 1.5 is far below what systemd calls medium.
    analyze(&["security", "--offline=true", "--threshold=15"]);
}

#[test]
fn the_container_has_no_secret_another_user_and_a_health_check_that_tells() {
    let file = text("Containerfile");
    let of = |instruction: &str| -> Vec<&str> {
        file.lines()
            .filter_map(|line| line.strip_prefix(instruction)?.strip_prefix(' '))
            .map(str::trim)
            .collect()
    };
    let known = [
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "USER",
        "VOLUME",
        "ENV",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    ];
    for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        assert!(known.contains(&line.split(' ').next().unwrap()), "{line}");
    }
    // What the build copies is there, and what it builds is what it takes over.
    let root = path("../..");
    for copy in of("COPY").iter().filter(|copy| !copy.starts_with("--from")) {
        let mut paths: Vec<&str> = copy.split_whitespace().collect();
        paths.pop();
        assert!(paths.iter().all(|path| root.join(path).exists()), "{copy}");
    }
    assert_eq!(of("USER"), ["10001:10001"]);
    assert_eq!(of("STOPSIGNAL"), ["SIGTERM"]);
    // As a list: a shell in between would keep the signal.
    assert_eq!(of("ENTRYPOINT"), [format!("[\"{BINARY}\"]")]);
    let verb: Vec<String> = serde_json::from_str(of("CMD")[0]).unwrap();
    assert!(of("ENV").iter().all(|variable| !variable.contains("SECRET") && !variable.contains("APPKEY")));
    let dir = tempfile::tempdir().unwrap();
    let mut call = numcheck(&verb);
    for variable in of("ENV") {
        let (name, value) = variable.split_once('=').unwrap();
        call = call.env(name, value);
    }
    let (receiver, _, admin) = start(call.env("NUMCHECK_STORE", dir.path().join("jobs.db")));
    let (_, check) = of("HEALTHCHECK")[0].split_once("CMD ").unwrap();
    let check: Vec<String> = serde_json::from_str(check).unwrap();
    let port = admin.rsplit_once(':').unwrap().1;
    let is_healthy = || {
        let arguments = check[1..].iter().map(|argument| argument.replace("9090", port));
        Command::new(&check[0]).args(arguments).output().unwrap().status.success()
    };
    assert!(is_healthy());
    receiver.signal("TERM");
    receiver.end().exits(0);
    assert!(!is_healthy());
}
