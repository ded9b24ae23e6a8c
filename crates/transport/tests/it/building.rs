//! What a client can be built from, and what not.

use numcheck_protocol::Endpoint;
use numcheck_protocol::number_check::Submit;
use numcheck_transport::{
    BuildError, CallError, Client, Proxy, SendError, Sent, canonical_base_url, is_loopback,
};

fn build(url: &str) -> Result<(), BuildError> {
    Client::builder(url).build().map(drop)
}

#[test]
#[cfg(feature = "tls")]
fn https_is_the_default() {
    for url in
        ["https://api2.nxcloud.com", "api2.nxcloud.com", "api2.nxcloud.com:8443/prefix", " https://[::1]:1/ "]
    {
        assert!(build(url).is_ok(), "{url}");
    }
    let client = Client::builder("api2.nxcloud.com").build().expect("a client");
    assert!(format!("{client:?}").contains("https://api2.nxcloud.com"), "{client:?}");
}

#[test]
#[cfg(not(feature = "tls"))]
fn https_needs_its_feature() {
    assert!(matches!(build("https://api2.nxcloud.com"), Err(BuildError::NoTls)));
}

#[test]
fn plain_http_goes_to_this_machine_only_unless_allowed() {
    for url in [
        "http://127.0.0.1:8080",
        "http://127.255.0.9",
        "http://[::1]:80",
        "http://localhost",
        "http://LOCALHOST:1",
    ] {
        assert!(build(url).is_ok() && is_loopback(url), "{url}");
    }
    for url in [
        "http://api2.nxcloud.com",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://[::2]",
        "http://128.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
    ] {
        assert!(matches!(build(url), Err(BuildError::PlainHttp)) && !is_loopback(url), "{url}");
        assert!(Client::builder(url).allow_plain_http().build().is_ok(), "{url}");
    }
}

#[test]
fn a_url_is_loopback_by_its_host_alone() {
    for url in
        ["localhost:1", " https://[::1]/path?query ", "http://[::ffff:127.0.0.1]/", "http://user@127.0.0.1/"]
    {
        assert!(is_loopback(url), "{url}");
    }
    for url in [
        "",
        "http://",
        "not a url",
        "http://localhost@example.com/",
        "http://example.com/?localhost",
        "127.1",
    ] {
        assert!(!is_loopback(url), "{url}");
    }
}

#[test]
fn a_stopped_call_says_whether_it_may_have_been_sent() {
    let stopped = |sent| CallError::transport(&Submit::INFO, SendError::cancelled(&Submit::INFO, sent));
    let error = stopped(Sent::No);
    assert_eq!((error.sent(), error.attempts(), error.may_have_happened()), (Sent::No, 0, false));
    assert!(error.to_string().contains("stopped on request; not sent"), "{error}");
    let error = stopped(Sent::Maybe);
    assert_eq!((error.sent(), error.attempts(), error.may_have_happened()), (Sent::Maybe, 1, true));
    assert!(error.to_string().contains("do not send it again before you know"), "{error}");
}

#[test]
fn a_base_url_that_could_leak_or_mislead_is_refused_without_repeating_it() {
    let table = [
        ("https://user:CANARY@host", "user name"),
        ("http://CANARY@localhost", "user name"),
        ("https://host?apikey=CANARY", "query"),
        ("https://host/#CANARY", "fragment"),
        ("ftp://CANARY", "form"),
        ("https://", "form"),
        ("", "form"),
        ("/CANARY", "form"),
        ("https://CANARY host", "form"),
        ("https://:443", "form"),
        ("https://host:CANARY", "form"),
        ("https://host:99999", "form"),
        ("https://[::1]:", "form"),
    ];
    for (url, word) in table {
        let error = build(url).expect_err(url);
        let text = format!("{error} {error:?}");
        assert!(error.to_string().contains(word), "{url}: {error}");
        assert!(!text.contains("CANARY"), "{text}");
        assert!(!error.to_string().contains('\n'));
    }
    let builder = Client::builder("https://user:CANARY@host").proxy(Proxy::all("http://u:CANARY@proxy"));
    assert!(!format!("{builder:?}").contains("CANARY"), "{builder:?}");
}

#[test]
fn a_base_url_that_ends_in_an_endpoints_path_is_refused_with_the_right_one() {
    let build = |url: &str| Client::builder(url).endpoints(["/api/number/check", "/api/login"]).build();
    for (url, right) in [
        ("http://localhost/api/number/check", "http://localhost"),
        ("http://LOCALHOST:81/gate/api/login/", "http://localhost:81/gate"),
        ("http://localhost/API/Login", "http://localhost"),
        ("http://localhost//api/login", "http://localhost"),
        ("http://localhost/api/login?appkey=CANARY#CANARY", "http://localhost"),
        ("http://host.test/gate/api/login", "https://host.test/gate"),
        ("http://192.0.2.1:6006/api/login", "http://192.0.2.1:6006"),
        ("host.test/api/login", "https://host.test"),
    ] {
        let error = build(url).expect_err(url);
        assert!(matches!(&error, BuildError::BaseUrlEndpoint { use_instead, .. } if use_instead == right));
        assert!(error.to_string().ends_with(&format!("use {right}")), "{error}");
        assert!(!format!("{error}{error:?}").contains("CANARY"), "{error:?}");
    }
    for url in [
        "http://localhost",
        "http://localhost/api",
        "http://localhost/api/login/gate",
        "http://localhost/xapi/logi",
    ] {
        assert!(build(url).is_ok(), "{url}");
    }
}

#[test]
fn a_path_of_ones_own_is_checked_and_a_base_url_that_ends_in_it_is_refused() {
    let build = |url: &str, path: &str| {
        Client::builder(url).endpoints(["/documented"]).path(&Submit::INFO, path).build()
    };
    for path in ["", "/", "own", "/own?a=b", "/own#a", "/o wn", "http://host/own"] {
        let error = build("http://localhost", path).expect_err(path);
        assert!(matches!(error, BuildError::Path { endpoint: "number_check.submit", .. }), "{path}: {error}");
    }
    for url in ["http://localhost/own", "http://localhost/Documented"] {
        let error = build(url, "/own").expect_err(url);
        assert!(matches!(error, BuildError::BaseUrlEndpoint { .. }), "{url}: {error}");
    }
    assert!(build("http://localhost/gate", "/own").is_ok());
}

#[test]
fn a_user_agent_that_no_header_holds_is_refused() {
    let result = Client::builder("http://localhost").user_agent("a\nb").build();
    assert!(matches!(result, Err(BuildError::UserAgent)));
}

#[test]
#[cfg(feature = "tls")]
fn certificates_that_cannot_be_read_are_refused() {
    use numcheck_transport::Trust;
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in ["", "no certificate", broken, "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        assert!(matches!(Trust::only_pem(pem.as_bytes()), Err(BuildError::Certificates { .. })), "{pem}");
        assert!(
            matches!(Trust::webpki().and_pem(pem.as_bytes()), Err(BuildError::Certificates { .. })),
            "{pem}"
        );
    }
}

#[test]
fn clients_calls_and_errors_cross_threads() {
    fn crosses<T: Send + Sync + Clone + 'static>() {}
    fn is_error<T: std::error::Error + Send + Sync + 'static>() {}
    crosses::<Client>();
    crosses::<numcheck_transport::Call>();
    crosses::<numcheck_transport::Reply>();
    is_error::<SendError>();
    is_error::<BuildError>();

    fn sends<T: Send>(_: T) {}
    fn spawned(client: &'static Client, call: numcheck_transport::Call) {
        sends(client.send(call, &numcheck_transport::NoAuthorization));
    }
    let _: fn(&'static Client, numcheck_transport::Call) = spawned;
}

#[test]
fn a_base_url_has_one_canonical_spelling() {
    let table = [
        ("https://api2.nxcloud.com", "https://api2.nxcloud.com"),
        ("https://api2.nxcloud.com/", "https://api2.nxcloud.com"),
        ("https://api2.nxcloud.com///", "https://api2.nxcloud.com"),
        ("https://api2.nxcloud.com:443", "https://api2.nxcloud.com"),
        ("https://api2.nxcloud.com:0443/", "https://api2.nxcloud.com"),
        ("HTTPS://API2.NXcloud.com", "https://api2.nxcloud.com"),
        (" api2.nxcloud.com\n", "https://api2.nxcloud.com"),
        ("Api2.nxcloud.com:443/", "https://api2.nxcloud.com"),
        ("https://api2.nxcloud.com:8443", "https://api2.nxcloud.com:8443"),
        ("https://api2.nxcloud.com:80", "https://api2.nxcloud.com:80"),
        ("http://api2.nxcloud.com:80/", "http://api2.nxcloud.com"),
        ("HTTP://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://localhost:443", "http://localhost:443"),
        ("api2.nxcloud.com/Gate/v1/", "https://api2.nxcloud.com/Gate/v1"),
        ("https://host/a//b/", "https://host/a//b"),
        ("https://[2001:DB8::0:1]:443/x", "https://[2001:db8::1]/x"),
        ("http://[0:0:0:0:0:0:0:1]:1", "http://[::1]:1"),
    ];
    for (spelled, canonical) in table {
        assert_eq!(canonical_base_url(spelled).expect(spelled), canonical, "{spelled}");
        assert_eq!(canonical_base_url(canonical).expect(spelled), canonical, "a second time");
    }
    for spelled in ["", "https://", "ftp://host", "https://host:99999"] {
        assert!(matches!(canonical_base_url(spelled), Err(BuildError::BaseUrl)), "{spelled}");
    }
    assert!(matches!(canonical_base_url("https://u:p@host"), Err(BuildError::BaseUrlUser)));
    assert!(matches!(canonical_base_url("https://host?a=b"), Err(BuildError::BaseUrlParts)));
    let client = Client::builder("HTTP://LocalHost:80/Prefix/").build().expect("a client");
    assert_eq!(client.base_url(), "http://localhost/Prefix");
}
