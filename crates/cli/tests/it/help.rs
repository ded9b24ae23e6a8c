//! What `--help` promises: every option with its environment variable, every exit code, and what costs money.

use crate::support::numcheck;

pub(crate) const VERBS: [&[&str]; 30] = [
    &["run"],
    &["plan"],
    &["resume"],
    &["jobs"],
    &["status"],
    &["report"],
    &["export"],
    &["reconcile"],
    &["receive"],
    &["backup"],
    &["restore"],
    &["forget"],
    &["history"],
    &["sandbox"],
    &["submit"],
    &["query"],
    &["get"],
    &["whatsapp", "login"],
    &["whatsapp", "create-app"],
    &["whatsapp", "phone-list"],
    &["whatsapp", "get-code"],
    &["whatsapp", "check-code"],
    &["whatsapp", "create-client"],
    &["privacy"],
    &["sign"],
    &["verify"],
    &["explain"],
    &["doctor"],
    &["completions"],
    &["man"],
];

/// The help of a verb, white space made one.
fn help(verb: &[&str]) -> String {
    let ended = numcheck(verb).arg("--help").run().exits(0);
    ended.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The options that a help lists, each with what is said about it.
fn options(verb: &[&str]) -> Vec<(String, String)> {
    let ended = numcheck(verb).arg("--help").run().exits(0);
    let mut options: Vec<(String, String)> = Vec::new();
    for line in ended.text().lines().skip_while(|line| *line != "Options:") {
        let line = line.trim();
        match line.split([' ', ',']).find(|word| word.starts_with("--")) {
            Some(name) if line.starts_with('-') => options.push((name.to_owned(), line.to_owned())),
            _ => options.iter_mut().last().into_iter().for_each(|(_, text)| text.extend([" ", line])),
        }
    }
    options
}

/// What pays again for what may have been paid for, or forgets that it was: a person says it anew, each time.
const PAYS_AGAIN: [&str; 13] = [
    "--again",
    "--retry-failed",
    "--resubmit-doubtful",
    "--probe",
    "--max-age",
    "--new-account",
    "--same-account",
    "--visibility-spread",
    "--failures-are-listed",
    "--number",
    "--older-than",
    "--even-unsettled",
    "--accept-gap",
];

#[test]
fn every_option_has_an_environment_variable_except_those_that_pay_again() {
    for verb in VERBS {
        let options = options(verb);
        assert!(options.len() > 3, "{verb:?}: {options:?}");
        for (name, text) in options {
            // What a sandbox assumes decides nothing.
            let pays_again = PAYS_AGAIN.contains(&name.as_str()) && verb != ["sandbox"];
            let has_none = matches!(name.as_str(), "--help" | "--version") || pays_again;
            let shows_one =
                ["NUMCHECK_", "NXCLOUD_", "QXT_"].iter().any(|of| text.contains(&format!("[env: {of}")));
            assert_ne!(has_none, shows_one, "{verb:?} {name}: {text}");
        }
    }
}

#[test]
fn help_lists_the_verbs_the_exit_codes_and_the_variables_of_the_accounts() {
    let help = help(&[]);
    for verb in VERBS {
        assert!(help.contains(&format!(" {} ", verb[0])), "{verb:?}");
    }
    for promise in [
        "0 everything is settled",
        "1 anything else went wrong",
        "2 wrong usage, or a question that nobody answered with yes: nothing was sent",
        "3 some numbers are invalid, refused, pending, missing or in doubt",
        "130 ended at once by Ctrl-C or SIGTERM",
    ] {
        assert!(help.contains(promise), "{promise}");
    }
    for variable in [
        "NXCLOUD_BASE_URL",
        "NXCLOUD_ACCESS_KEY",
        "NXCLOUD_ACCESS_SECRET",
        "NXCLOUD_APPKEY",
        "QXT_BASE_URL",
        "QXT_API_KEY",
        "NXCLOUD_ACCESS_SECRET_FILE",
        "NXCLOUD_APPKEY_FILE",
        "QXT_API_KEY_FILE",
    ] {
        assert!(help.contains(variable), "{variable}");
    }
}

#[test]
fn help_says_what_costs_money_and_where_secrets_are_read_from() {
    for (verb, promise) in [
        (&["run"][..], "Costs money per number, except with --sandbox"),
        (&["run"], "one row out per row in"),
        (&["run"], "Take in only results that the account has signed"),
        (&["receive"], "NXCLOUD_ACCESS_KEY and NXCLOUD_ACCESS_SECRET are known"),
        (&["sandbox"], "Sign every pushed result with the account's secret"),
        (&["sandbox"], "requestId and flat results"),
        (&["query"], "Costs nothing"),
        (&["query"], "does not prove that nothing was submitted"),
        (&["submit"], "it may have been accepted"),
        (&["whatsapp", "login"], "Costs nothing"),
        (&["whatsapp", "create-app"], "An account can have 1000"),
        (&["whatsapp", "create-app"], "it is written to a file, which only this user can read, or shown"),
        (&["whatsapp", "phone-list"], "Costs nothing"),
        (&["whatsapp", "get-code"], "Sends a message, which may cost money"),
        (&["whatsapp", "get-code"], "Do not ask before money is spent"),
        (&["whatsapp", "create-app"], "Nothing is known to be charged, so it does not ask first"),
        (&["whatsapp", "create-client"], "Nothing is known to be charged, so it does not ask first"),
        (&["whatsapp", "check-code"], "No document says that it costs money, so it does not ask first"),
        (&["receive"], "whoever sees it on its way can forge results"),
        (&["reconcile"], "refused for any other platform"),
        (&["whatsapp", "get-code"], "--phone-file"),
        (&["whatsapp", "create-client"], "Sent once: an answer that was lost leaves it in doubt"),
        (&["sandbox"], "/_sandbox/inbox.json"),
        (&["whatsapp", "check-code"], "Uses up a guess"),
        (&["whatsapp", "check-code"], "The code is read from standard input, or from a file"),
        (&["privacy"], "Costs money per number"),
        (&["sign"], "NXCLOUD_ACCESS_SECRET_FILE"),
        (&["verify"], "NXCLOUD_ACCESS_SECRET_FILE"),
        (&["explain"], "every meaning is listed"),
    ] {
        let help = help(verb);
        assert!(help.contains(promise), "{verb:?} does not say `{promise}`: {help}");
    }
}
