//! How a client is made: from values, and from the environment.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::ffi::OsString;
use std::io::Write;

use numcheck_nxcloud::protocol::AppKey;
use numcheck_nxcloud::protocol::whatsapp::CodeMethod;
use numcheck_nxcloud::transport::CallOptions;
use numcheck_nxcloud::transport::env::EnvErrorKind;
use numcheck_nxcloud::transport::http::{HeaderName, HeaderValue};
use numcheck_nxcloud::{
    Accepted, Answered, CallError, Client, ClientBuilder, NumberCheck, SetupError, SubmitCall, WhatsApp,
};
use numcheck_sandbox::{Account, Sandbox};

use crate::common::{client_in_memory, phone, phones};

const CANARY: &str = "canary-74920";

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

fn file(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

#[test]
fn what_crosses_threads_can() {
    fn crosses<T: Send + Sync + Clone + 'static>() {}
    fn is_error<T: StdError + Send + Sync + 'static>() {}
    fn spawns(_: impl Future<Output = impl Send> + Send + 'static) {}
    crosses::<(Client, NumberCheck, SubmitCall, WhatsApp, Accepted, Answered)>();
    is_error::<CallError>();
    is_error::<SetupError>();
    assert_eq!(size_of::<Result<(), CallError>>(), size_of::<usize>());
    let client = Client::builder("key", "secret").build().unwrap();
    // Neither future borrows the client.
    spawns(client.number_check().submit(phones(1)).send());
    spawns(client.whatsapp().check_code(phone("8613800138000"), "1".parse().unwrap()));
    spawns(client.whatsapp().login());
    spawns(client.whatsapp().phone_list(AppKey::new("key").unwrap()));
    spawns(client.whatsapp().get_code(phone("8613800138000"), CodeMethod::SMS));
}

#[tokio::test]
async fn an_account_of_variables_and_files_is_used_as_it_is_meant() {
    let sandbox = Sandbox::start().await.unwrap();
    let secret = file(format!("\u{feff}{}\r\n", Account::ACCESS_SECRET).as_bytes());
    let appkey = file(Account::APPKEY.as_bytes());
    let (url, secret, appkey) = (sandbox.nxcloud_url(), secret.path(), appkey.path());
    let (secret, appkey) = (secret.to_str().unwrap(), appkey.to_str().unwrap());
    for variables in [
        [("NXCLOUD_ACCESS_SECRET", Account::ACCESS_SECRET), ("NXCLOUD_APPKEY", " sandbox-appkey ")],
        [("NXCLOUD_ACCESS_SECRET_FILE", secret), ("NXCLOUD_APPKEY_FILE", appkey)],
    ] {
        let common = [("NXCLOUD_ACCESS_KEY", Account::ACCESS_KEY), ("NXCLOUD_BASE_URL", &url)];
        let client = from(&[common, variables].concat()).unwrap();
        client.number_check().submit(phones(1)).send().await.unwrap();
    }
    assert_eq!(sandbox.journal().requests().count(), 2);
}

#[test]
fn a_base_url_that_ends_in_an_endpoints_path_names_the_variable_and_the_right_one() {
    for path in ["/api/number/check", "/api/number/check/get/", "/api/wa/integrator/embedded/register/login"]
    {
        let url = format!("https://api2.nxcloud.com{path}");
        assert!(Client::builder("key", "secret").base_url(&url).build().is_err(), "{url}");
        let told = fault(&[
            ("NXCLOUD_ACCESS_KEY", "key"),
            ("NXCLOUD_ACCESS_SECRET", "secret"),
            ("NXCLOUD_BASE_URL", &url),
        ]);
        assert!(
            told.starts_with("NXCLOUD_BASE_URL: ") && told.ends_with("use https://api2.nxcloud.com"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn the_appkey_and_the_base_url_are_optional() {
    let client =
        from(&[("NXCLOUD_ACCESS_KEY", "key"), ("NXCLOUD_ACCESS_SECRET", "secret"), ("NXCLOUD_APPKEY", "")])
            .unwrap();
    assert_eq!(client.base_url(), "https://api2.nxcloud.com");
    let error = client.number_check().submit(phones(1)).send().await.unwrap_err();
    assert_eq!(error.value_error().map(|error| error.field), Some("appkey"));
}

#[test]
fn a_variable_that_is_missing_or_empty_is_named() {
    let key = ("NXCLOUD_ACCESS_KEY", "key");
    let missing_key = "NXCLOUD_ACCESS_KEY is not set, or empty: set it";
    let missing_secret = "NXCLOUD_ACCESS_SECRET is not set, or empty: set it, or NXCLOUD_ACCESS_SECRET_FILE to the path of a file that holds it";
    for (variables, message) in [
        (&[][..], missing_key),
        (&[("NXCLOUD_ACCESS_KEY", " "), ("NXCLOUD_ACCESS_SECRET", CANARY)], missing_key),
        (&[key], missing_secret),
        (&[key, ("NXCLOUD_ACCESS_SECRET", ""), ("NXCLOUD_ACCESS_SECRET_FILE", "")], missing_secret),
    ] {
        assert_eq!(fault(variables), message);
    }
}

#[test]
fn a_secret_that_is_given_twice_or_whose_file_does_not_do_is_named() {
    let (empty, lines) = (file(b"\n"), file(format!("{CANARY}\nmore\n").as_bytes()));
    let (long, binary) = (file(&[b'k'; (64 << 10) + 1]), file(b"canary\xff"));
    let path = |file: &tempfile::NamedTempFile| file.path().to_str().unwrap().to_owned();
    for variable in ["NXCLOUD_ACCESS_SECRET", "NXCLOUD_APPKEY"] {
        let file_variable = format!("{variable}_FILE");
        let with = |more: &[(&str, &str)]| {
            let mut variables = vec![("NXCLOUD_ACCESS_KEY", "key")];
            if variable == "NXCLOUD_APPKEY" {
                variables.push(("NXCLOUD_ACCESS_SECRET", "secret"));
            }
            variables.extend(more);
            fault(&variables)
        };
        assert_eq!(
            with(&[(variable, CANARY), (&file_variable, &path(&empty))]),
            format!("{variable} and {variable}_FILE are both set: unset one of them")
        );
        let names = format!("the file that {variable}_FILE names");
        for (file, what) in [
            (path(&empty), "is empty: write the secret into it"),
            (path(&lines), "holds more than one line: leave the secret alone in it"),
            (path(&long), "is longer than 64 KiB: is it the right one?"),
            (path(&binary), "cannot be read: check the path, its permissions and that it is text"),
            (
                format!("/{CANARY}/none"),
                "cannot be read: check the path, its permissions and that it is text",
            ),
        ] {
            assert_eq!(with(&[(&file_variable, &file)]), format!("{names} {what}"));
        }
    }
    let unread =
        from(&[("NXCLOUD_ACCESS_KEY", "key"), ("NXCLOUD_ACCESS_SECRET_FILE", "/none/such")]).unwrap_err();
    let SetupError::Env(error) = &unread else { panic!("{unread:?}") };
    assert_eq!((error.kind(), error.variable()), (EnvErrorKind::File, "NXCLOUD_ACCESS_SECRET_FILE"));
    let cause = unread.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    assert_eq!(cause.map(std::io::Error::kind), Some(std::io::ErrorKind::NotFound));
}

#[test]
fn a_value_that_breaks_its_rule_is_named_and_not_shown() {
    let (key, secret) = (("NXCLOUD_ACCESS_KEY", "key"), ("NXCLOUD_ACCESS_SECRET", "secret"));
    for (variables, message) in [
        (
            [("NXCLOUD_ACCESS_KEY", "canary é"), secret],
            "NXCLOUD_ACCESS_KEY: must be visible ASCII characters, and not empty",
        ),
        (
            [("NXCLOUD_APPKEY", "canary canary"), secret],
            "NXCLOUD_APPKEY: must be 1 to 128 visible ASCII characters",
        ),
        (
            [("NXCLOUD_BASE_URL", "http://canary.example.org"), secret],
            "NXCLOUD_BASE_URL: the base URL is plain http to another machine: use https, or allow plain http explicitly",
        ),
        (
            [("NXCLOUD_BASE_URL", "https://canary@host"), secret],
            "NXCLOUD_BASE_URL: the base URL holds a user name: leave it out, credentials are given on their own",
        ),
        (
            [("NXCLOUD_BASE_URL", "canary:canary"), secret],
            "NXCLOUD_BASE_URL: the base URL is not of the form https://host[:port][/prefix]",
        ),
    ] {
        let mut variables = variables.to_vec();
        if variables[0].0 != "NXCLOUD_ACCESS_KEY" {
            variables.push(key);
        }
        assert_eq!(fault(&variables), message);
    }
    let proxy = fault(&[key, secret, ("HTTPS_PROXY", "canary://canary")]);
    assert!(proxy.starts_with("the proxy is not of the form") && proxy.contains("HTTPS_PROXY"), "{proxy}");
}

#[cfg(unix)]
#[test]
fn a_value_that_is_no_text_is_named() {
    use std::os::unix::ffi::OsStringExt;
    let get = |name: &str| (name == "NXCLOUD_ACCESS_KEY").then(|| OsString::from_vec(b"canary\xff".to_vec()));
    let error = ClientBuilder::from_lookup(get).unwrap_err();
    assert_eq!(error.to_string(), "NXCLOUD_ACCESS_KEY is not UTF-8: set it anew");
}

#[test]
fn a_base_url_that_is_set_by_hand_is_not_blamed_on_the_environment() {
    let get = |name: &str| match name {
        "NXCLOUD_ACCESS_KEY" | "NXCLOUD_ACCESS_SECRET" => Some("x".into()),
        "NXCLOUD_BASE_URL" => Some("ftp://nowhere".into()),
        _ => None,
    };
    let builder = ClientBuilder::from_lookup(get).unwrap();
    let error = builder.base_url("http://api2.nxcloud.com").build().unwrap_err();
    assert!(error.to_string().starts_with("the base URL is plain http to another machine"), "{error}");
}

#[test]
fn keys_that_would_not_arrive_as_they_were_signed_are_refused() {
    for key in ["", " key", "key\n", "k ey", "kéy", "key\u{7f}"] {
        let error = Client::builder(key, "secret").build().unwrap_err();
        assert_eq!(
            error.to_string(),
            "accessKey: must be visible ASCII characters, and not empty",
            "{key:?}"
        );
    }
    for secret in ["", "canary\n", " canary"] {
        let error = Client::builder("key", secret).build().unwrap_err();
        assert!(error.to_string().starts_with("accessSecret: must not be empty"), "{error}");
        assert!(!format!("{error:?}").contains("canary"));
    }
}

#[test]
fn nothing_of_the_account_shows_in_debug() {
    let appkey = AppKey::new(CANARY).unwrap();
    let builder = || Client::builder(CANARY, CANARY).appkey(appkey.clone());
    let client = builder().build().unwrap();
    let shown = format!(
        "{:?} {client:?} {:?} {:?}",
        builder(),
        client.number_check().submit(phones(1)),
        client.whatsapp()
    );
    assert!(!shown.contains("canary") && !shown.contains("3800500"), "{shown}");
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
    let run = |secret: &str| {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", NAME]).env_clear().env("NUMCHECK_TEST_CHILD", "1");
        child
            .env("NXCLOUD_ACCESS_KEY", "key")
            .env("NXCLOUD_BASE_URL", "https://platform.test")
            .env(secret, "x");
        let output = child.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (success, output) = run("NXCLOUD_ACCESS_SECRET");
    assert!(success && output.contains("1 passed"), "{output}");
    let (success, output) = run("OTHER_SECRET");
    assert!(!success, "without a secret it must fail: {output}");
}

#[tokio::test]
async fn a_client_with_options_sends_their_headers_beside_the_signature() {
    let (client, mut platform) = client_in_memory();
    let team = (HeaderName::from_static("x-team"), HeaderValue::from_static("billing"));
    let client = client.with_options(CallOptions::new().header(team.0, team.1));
    let call = tokio::spawn(async move { client.whatsapp().login().await });
    let request = platform.request().await;
    assert_eq!(request.seen.header("x-team"), Some("billing"));
    assert!(request.seen.header("sign").is_some());
    request.answer(r#"{"code":0}"#);
    call.await.unwrap().unwrap();
}
