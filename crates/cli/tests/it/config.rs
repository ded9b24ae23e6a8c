//! The configuration file: what it says counts where nothing else does, and what it does not know is an error.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::scene::Scene;
use crate::support::{Call, numcheck, rows};

/// A folder with a configuration file in it, and a file of one number.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(config: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("config.toml", config);
        folder.write("numbers.csv", "phone\n8613800000001\n");
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    fn call(&self, arguments: &[&str]) -> Call {
        numcheck(arguments).env("NUMCHECK_CONFIG", self.path("config.toml"))
    }

    /// The level at which a file would be checked.
    fn level(&self, call: impl FnOnce(Call) -> Call) -> String {
        let plan = self.call(&["plan", "--json"]).arg(self.path("numbers.csv"));
        call(plan).run().exits(0).json()["level"].as_str().unwrap().to_owned()
    }
}

#[test]
fn an_option_comes_before_the_environment_before_the_profile_before_the_default() {
    let folder = Folder::with("[profile.a]\nlevel = 'hlr'\n[profile.b]\nlevel = 'privacy'\n");
    assert_eq!(folder.level(|plan| plan), "basic", "no profile is used");
    let with = |call: Call| call.args(["--profile", "a"]);
    assert_eq!(folder.level(with), "hlr");
    assert_eq!(
        folder.level(|plan| with(plan).env("NUMCHECK_LEVEL", "")),
        "hlr",
        "an empty variable is not set"
    );
    assert_eq!(folder.level(|plan| with(plan).env("NUMCHECK_LEVEL", "call")), "call");
    assert_eq!(
        folder.level(|plan| with(plan).env("NUMCHECK_LEVEL", "call").args(["--level", "basic"])),
        "basic"
    );
    assert_eq!(folder.level(|plan| with(plan).env("NUMCHECK_PROFILE", "b")), "hlr");
    assert_eq!(folder.level(|plan| plan.env("NUMCHECK_PROFILE", "b")), "privacy");
    folder.write("config.toml", "default-profile = 'a'\n[profile.a]\nlevel = 'hlr'\n[profile.b]\n");
    assert_eq!(folder.level(|plan| plan), "hlr");
    assert_eq!(folder.level(|plan| plan.env("NUMCHECK_PROFILE", "b")), "basic");
    assert_eq!(folder.level(|plan| plan.args(["--config", "/dev/null"])), "basic");
}

#[test]
fn the_usual_file_is_in_the_users_configuration_folder() {
    let folder = Folder::with("");
    let config = "default-profile = 'a'\n[profile.a]\nlevel = 'hlr'\n";
    for (variable, below) in [("XDG_CONFIG_HOME", "numcheck"), ("HOME", ".config/numcheck")] {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join(below)).unwrap();
        fs::write(home.path().join(below).join("config.toml"), config).unwrap();
        let plan = numcheck(["plan", "--json"]).arg(folder.path("numbers.csv")).env(variable, home.path());
        assert_eq!(plan.run().exits(0).json()["level"], "hlr", "{variable}");
    }
    let plan = || numcheck(["plan"]).arg(folder.path("numbers.csv")).env("HOME", folder.0.path());
    plan().run().exits(0);
    plan().args(["--profile", "a"]).run().exits(2).says(".config/numcheck/config.toml");
    plan().args(["--config", "nowhere.toml"]).run().exits(2).says("nowhere.toml cannot be read");
}

#[test]
fn a_run_needs_nothing_but_a_profile() {
    let scene = Scene::start();
    let text = |name| scene.sandbox.text(name);
    scene.write("secret", text("access_secret"));
    scene.write("appkey", text("appkey"));
    // Paths are relative to the file's own folder.
    let config = format!(
        "[profile.sandbox]\nnxcloud-base-url = '{}'\nnxcloud-access-key = '{}'\nnxcloud-access-secret-file = 'secret'\n\
         nxcloud-appkey-file = './appkey'\nstore = 'kept/jobs.db'\nlevel = 'hlr'\ndelivery = 'poll'\nminute = '1s'\nprice = ['hlr:*=0.01USD']\n\
         max-cost = '5USD'\n",
        text("nxcloud"),
        text("access_key")
    );
    scene.write("config.toml", &config);
    let run = || {
        let call = numcheck(["run", "--profile", "sandbox", "--json", "-o"]).arg(scene.path("out.csv"));
        call.arg(scene.path("numbers.csv")).env("NUMCHECK_CONFIG", scene.path("config.toml"))
    };
    let summary = run().run().exits(0).json();
    assert_eq!(summary["done"], 40, "{summary}");
    assert!(rows(&fs::read(scene.path("out.csv")).unwrap()).iter().all(|row| row["check_level"] == "hlr"));
    assert!(scene.path("kept/jobs.db").is_file());
    // The environment comes before it.
    let elsewhere = scene.path("elsewhere.db");
    run().env("NUMCHECK_STORE", &elsewhere).env("NUMCHECK_MAX_COST", "0.01USD").run().exits(3);
    assert!(elsewhere.is_file());
}

#[test]
fn a_secret_of_the_environment_comes_before_the_file_that_a_profile_names() {
    let folder =
        Folder::with("[profile.a]\nnxcloud-access-key = 'k'\nnxcloud-access-secret-file = 'secret'\n");
    folder.write("secret", "that-of-the-file\n");
    let sign = || {
        folder.call(&["sign", "--profile", "a", "--ts", "1", "--biz-type", "1", "--action", "a", "--no-body"])
    };
    let of_file = sign().run().exits(0).text().to_owned();
    let of_variable = sign().env("NXCLOUD_ACCESS_SECRET", "another").run().exits(0).text().to_owned();
    assert_ne!(of_file, of_variable);
    assert_eq!(sign().env("NXCLOUD_ACCESS_SECRET", "that-of-the-file").run().exits(0).text(), of_file);
}

#[test]
fn what_it_does_not_know_is_refused_with_its_line_and_what_may_be_meant() {
    let refused = |config: &str| {
        let folder = Folder::with(config);
        let ended = folder.call(&["jobs"]).run().exits(2);
        assert!(ended.stderr.contains("nothing was sent"), "{}", ended.stderr);
        ended.stderr
    };
    for (line, said) in [
        ("max_cost = '1USD'", "max-cost meant?"),
        ("listn = '127.0.0.1:1'", "listen meant?"),
        ("quite-something-else = 1", "quite-something-else is no key"),
        ("level = 'bsic'", "'basic'"),
        ("batch-size = 9999", "1..=5000"),
        ("max-cost = '12'", "12.50USD"),
        ("price = ['hlr:CN=0.05CNY', 'x']", "hlr:CN=0.05CNY"),
        ("level = 1.5", "in quotes"),
        ("level = ['hlr']", "in quotes"),
        ("level = ''", "leave the line out"),
        ("nxcloud-base-url = 'ftp://host'", "https://host"),
        ("level = hlr", "quoted"),
        ("wait = '5m'\nwait = '6m'", "duplicate"),
        ("nxcloud-appkey = 'a'\nnxcloud-appkey-file = 'b'", "leave one"),
    ] {
        let stderr = refused(&format!("# A profile.\n[profile.a]\n{line}\n"));
        let at = 3 + line.matches('\n').count();
        assert!(stderr.contains(&format!("line {at}")) && stderr.contains(said), "{line}: {stderr}");
    }
    for (config, said) in [
        ("level = 'hlr'", "below [profile.NAME]"),
        ("defualt-profile = 'a'", "default-profile meant?"),
        ("default-profile = 'b'\n[profile.a]", "it has: a"),
        ("profile = 1", "[profile.NAME]"),
        ("[profile]\na = 1", "[profile.NAME]"),
    ] {
        let stderr = refused(config);
        assert!(stderr.contains(said) && stderr.contains("line "), "{config}: {stderr}");
    }
}

#[test]
fn nothing_that_pays_again_or_says_yes_stands_in_a_profile() {
    for (key, said) in [
        ("again", "pay again"),
        ("retry-failed", "pay again"),
        ("resubmit-doubtful", "pay again"),
        ("max-age", "pay again"),
        ("new-account", "pay again"),
        ("probe", "pay again"),
        ("yes", "a yes is said each time"),
        ("allow-plain-http", "each time"),
        ("allow-plain-callback", "each time"),
        ("get", "each time"),
        ("sandbox", "invented"),
        ("output", "one call"),
    ] {
        let folder = Folder::with(&format!("[profile.a]\n{key} = true\n"));
        folder.call(&["jobs"]).run().exits(2).says(&format!("{key} stands in no profile")).says(said);
    }
}

#[test]
fn a_secret_in_the_file_is_refused_with_the_way_on_and_never_shown() {
    const SECRET: &str = "c4narySecretOfTheAccount";
    for (line, said) in [
        (format!("nxcloud-access-secret = '{SECRET}'"), "nxcloud-access-secret-file"),
        (format!("qxt-api-key = '{SECRET}'"), "qxt-api-key-file"),
        (format!("store = 'postgres://user:{SECRET}@host/jobs'"), "store-address-file"),
        (format!("qxt-base-url = '{SECRET}'\nlevel = '{SECRET}'"), "level"),
        (format!("nxcloud-access-secret = {SECRET}"), "line 2"),
        (format!("nxcloud-access-secret '{SECRET}'"), "line 2"),
        (format!("rate = '{SECRET}'"), "rate"),
    ] {
        let folder = Folder::with(&format!("[profile.a]\n{line}\n"));
        let ended = folder.call(&["jobs"]).run().exits(2).says(said);
        assert!(!ended.stderr.contains("c4nary"), "{}", ended.stderr);
    }
}

#[test]
fn a_value_that_a_verb_does_not_take_is_told_with_its_place() {
    let folder = Folder::with("default-profile = 'a'\n[profile.a]\n\nlevel = 'privacy'\n");
    let phone = folder.path("phone");
    fs::write(&phone, "8613800000001").unwrap();
    let ended = folder.call(&["submit", "--phone-file"]).arg(&phone).run().exits(2);
    assert!(
        ended.stderr.contains("level stands in profile a of") && ended.stderr.contains("line 4"),
        "{}",
        ended.stderr
    );
}

#[test]
fn profiles_of_which_none_is_used_are_mentioned() {
    let folder = Folder::with("[profile.a]\nlevel = 'hlr'\n");
    folder.call(&["jobs"]).run().exits(0).says("no profile of").says("default-profile");
    folder.call(&["jobs", "--profile", "b"]).run().exits(2).says("it has: a");
    let help = folder.call(&["jobs", "--help", "--profile", "b"]).run().exits(0);
    assert!(help.text().contains("--profile <NAME>"), "help needs no profile");
}

#[cfg(unix)]
#[test]
fn a_file_with_an_appkey_that_others_can_read_is_warned_about() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let folder = Folder::with("default-profile = 'a'\n[profile.a]\nnxcloud-appkey = 'a1b2c3d4'\n");
    mode(&folder.path("config.toml"), 0o644);
    let ended = folder.call(&["jobs"]).run().exits(0).says("chmod 600");
    assert!(!ended.stderr.contains("a1b2c3d4"), "{}", ended.stderr);
    mode(&folder.path("config.toml"), 0o600);
    assert_eq!(folder.call(&["jobs"]).run().exits(0).stderr.matches("chmod").count(), 0);
    folder.write("config.toml", "default-profile = 'a'\n[profile.a]\nnxcloud-access-key = 'k'\n");
    mode(&folder.path("config.toml"), 0o644);
    assert!(!folder.call(&["jobs"]).run().exits(0).stderr.contains("chmod"));
}

#[test]
fn a_receiver_listens_where_a_profile_says() {
    let folder =
        Folder::with("default-profile = 'a'\n[profile.a]\nlisten = '127.0.0.1:0'\nstore = 'jobs.db'\n");
    let mut receiver = folder.call(&["receive", "--json"]).start();
    assert!(receiver.stdout_line().contains("127.0.0.1:"));
    receiver.signal("TERM");
    receiver.end().exits(0);
    numcheck(["receive"]).run().exits(2).says("--listen");
}

#[test]
fn a_fixed_url_is_printed_below_the_public_url_of_a_profile() {
    let folder = Folder::with(
        "default-profile = 'a'\n[profile.a]\npublic-url = 'https://example.org/x'\nstore = 'jobs.db'\n",
    );
    let printed = folder.call(&["receive", "--print-url"]).run().exits(0);
    assert!(printed.text().starts_with("https://example.org/x/"), "{}", printed.text());
}

#[test]
fn missing_variables_are_told_all_at_once() {
    let folder = Folder::with("");
    let file = folder.path("numbers.csv");
    let phone = folder.path("phone");
    fs::write(&phone, "8613800000001").unwrap();
    let all = "NXCLOUD_ACCESS_KEY, NXCLOUD_ACCESS_SECRET and NXCLOUD_APPKEY are not set";
    numcheck(["run", "--delivery", "poll"]).arg(&file).run().exits(2).says(all).says("numcheck doctor");
    for verb in [&["submit", "--phone-file"][..], &["get", "--phone-file"]] {
        numcheck(verb).arg(&phone).run().exits(2).says(all);
    }
    numcheck(["whatsapp", "phone-list"]).run().exits(2).says(all);
    let two = "NXCLOUD_ACCESS_KEY and NXCLOUD_ACCESS_SECRET are not set";
    numcheck(["whatsapp", "login"]).run().exits(2).says(two);
    let query = ["query", "--batch-no", "b", "--date", "2026-11-29"];
    numcheck(query).run().exits(2).says(two);
    numcheck(["sign", "--ts", "1", "--biz-type", "1", "--action", "a", "--no-body"]).run().exits(2).says(two);
    let rest = "NXCLOUD_ACCESS_SECRET and NXCLOUD_APPKEY are not set";
    numcheck(["run", "--delivery", "poll"])
        .arg(&file)
        .env("NXCLOUD_ACCESS_KEY", "k")
        .run()
        .exits(2)
        .says(rest);
}
