//! How a client is made: from values, and from the environment.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Write;

use numcheck_qxt::{CallError, Client, ClientBuilder, PrivacyResult, SetupError};
use numcheck_sandbox::{Account, Sandbox};

use crate::common::{KEY, builder_with, in_memory, mobile};

fn from(variables: &[(&str, &str)]) -> Result<Client, SetupError> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    ClientBuilder::from_lookup(|name| variables.get(name).map(OsString::from)).and_then(ClientBuilder::build)
}

/// The message of an environment that does not do, which must hold no value of it.
fn fault(variables: &[(&str, &str)]) -> String {
    let error = from(variables).expect_err("an environment that does not do");
    assert!(!format!("{error} {error:?} {error:#?}").contains("canary"), "{error:?}");
    error.to_string()
}

fn file(content: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

#[test]
fn what_crosses_threads_can() {
    fn crosses<T: Send + Sync + Clone + 'static>() {}
    fn is_error<T: std::error::Error + Send + Sync + 'static>() {}
    crosses::<(Client, PrivacyResult)>();
    is_error::<CallError>();
    is_error::<SetupError>();
}

#[tokio::test]
async fn an_account_of_variables_or_a_file_is_used_as_it_is_meant() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, key) = (sandbox.qxt_url(), file(&format!("{}\n", Account::QXT_API_KEY)));
    for key in [("QXT_API_KEY", Account::QXT_API_KEY), ("QXT_API_KEY_FILE", key.path().to_str().unwrap())] {
        let client = from(&[key, ("QXT_BASE_URL", &url)]).unwrap();
        client.check(mobile("18819079212")).await.unwrap();
    }
    assert_eq!(sandbox.journal().requests().count(), 2);
}

#[test]
fn the_base_url_is_optional() {
    let client = from(&[("QXT_API_KEY", KEY), ("QXT_BASE_URL", " ")]).unwrap();
    assert_eq!(client.base_url(), "https://ps.szqxt.com");
}

#[test]
fn a_base_url_that_ends_in_the_endpoints_path_names_the_variable_and_the_right_one() {
    let told = fault(&[("QXT_API_KEY", KEY), ("QXT_BASE_URL", "https://ps.szqxt.com/ssPhone_Privacy")]);
    assert!(told.starts_with("QXT_BASE_URL: ") && told.ends_with("use https://ps.szqxt.com"), "{told}");
}

/// The addresses that the document prints, as whole ones.
#[test]
fn every_address_of_the_document_is_refused_with_the_right_one() {
    for (url, right) in [
        ("http://ps.szqxt.com/ssPhone_Privacy", "https://ps.szqxt.com"),
        ("http://ps.szqxt.com/ssphone_privacy?apikey=canary&mobile=16717707933", "https://ps.szqxt.com"),
        ("47.99.38.71:6006/ssphone_privacy?apikey=canary", "https://47.99.38.71:6006"),
    ] {
        let told = fault(&[("QXT_API_KEY", KEY), ("QXT_BASE_URL", url)]);
        assert!(told.starts_with("QXT_BASE_URL: ") && told.ends_with(&format!("use {right}")), "{told}");
    }
    let other = [("QXT_API_KEY", KEY), ("QXT_BASE_URL", "https://gate.test/qxt/v1"), ("QXT_PATH", "/v1")];
    assert!(fault(&other).ends_with("use https://gate.test/qxt"));
    let wrong = fault(&[("QXT_API_KEY", KEY), ("QXT_PATH", "canary")]);
    assert!(wrong.starts_with("QXT_PATH: the path of qxt.privacy must begin with `/`"), "{wrong}");
}

#[tokio::test]
async fn the_path_is_the_documented_one_or_an_option() {
    for (own, path) in [(None, "/ssPhone_Privacy"), (Some("/ssphone_privacy"), "/ssphone_privacy")] {
        let (dial, mut platform) = in_memory();
        let builder = builder_with(KEY).base_url("http://localhost/gate");
        let builder = own.into_iter().fold(builder, ClientBuilder::path);
        let client = builder.transport(|transport| transport.dial(dial)).build().unwrap();
        let asked = tokio::spawn(client.check(mobile("18819079212")));
        let request = platform.request().await;
        assert!(
            request.seen.head.starts_with(&format!("POST /gate{path} HTTP/1.1\r\n")),
            "{}",
            request.seen.head
        );
        request.answer_with("200 OK", "", r#"{"code":0}"#);
        asked.await.unwrap().unwrap();
    }
}

#[test]
fn what_does_not_do_is_named_and_not_shown() {
    let empty = file("");
    let empty = empty.path().to_str().unwrap();
    let missing =
        "QXT_API_KEY is not set, or empty: set it, or QXT_API_KEY_FILE to the path of a file that holds it";
    for (variables, message) in [
        (&[][..], missing),
        (&[("QXT_API_KEY", ""), ("QXT_API_KEY_FILE", "")], missing),
        (
            &[("QXT_API_KEY", KEY), ("QXT_API_KEY_FILE", "canary")],
            "QXT_API_KEY and QXT_API_KEY_FILE are both set: unset one of them",
        ),
        (
            &[("QXT_API_KEY_FILE", empty)],
            "the file that QXT_API_KEY_FILE names is empty: write the secret into it",
        ),
        (
            &[("QXT_API_KEY_FILE", "/canary/none")],
            "the file that QXT_API_KEY_FILE names cannot be read: check the path, its permissions and that it is text",
        ),
        (
            &[("QXT_API_KEY", "canary-canary")],
            "QXT_API_KEY: must be letters and digits (32 of them in every sample)",
        ),
        (
            &[("QXT_API_KEY", KEY), ("QXT_BASE_URL", "http://canary.example.org")],
            "QXT_BASE_URL: the base URL is plain http to another machine: use https, or allow plain http explicitly",
        ),
    ] {
        assert_eq!(fault(variables), message);
    }
}

#[test]
fn nothing_of_the_account_shows_in_debug() {
    let shown = format!("{:?} {:?}", builder_with(KEY), builder_with(KEY).get(true).build().unwrap());
    assert!(!shown.contains("canary"), "{shown}");
}

/// Runs this test again as a process of its own, because variables belong to a whole process.
#[test]
fn from_env_reads_the_environment_of_the_process() {
    const NAME: &str = "building::from_env_reads_the_environment_of_the_process";
    if std::env::var_os("NUMCHECK_TEST_CHILD").is_some() {
        let client = Client::from_env().unwrap();
        assert!(format!("{client:?}").contains("https://platform.test"), "{client:?}");
        return;
    }
    let run = |key: &str| {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", NAME]).env_clear().env("NUMCHECK_TEST_CHILD", "1");
        let output = child.env("QXT_BASE_URL", "https://platform.test").env(key, KEY).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (success, output) = run("QXT_API_KEY");
    assert!(success && output.contains("1 passed"), "{output}");
    let (success, output) = run("OTHER_KEY");
    assert!(!success, "without a key it must fail: {output}");
}
