//! Callback URLs: what is let through, and that the path stays hidden.

use numcheck_protocol::CallbackUrl;
use proptest::prelude::*;

fn any_url() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "(http|https|HTTP|ftp|)(://|:/|:|//)\\PC{0,40}",
        "https?://[a-z@:.\\[\\]%?#/\\\\0-9 \t-]{0,30}",
        "https?://[a-z0-9-]{1,12}([.][a-z]{2,5}){0,3}(:[0-9]{1,6})?(/[!-~]{0,30})?",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn no_text_makes_it_panic_and_what_is_accepted_is_a_url_without_secrets_in_front(text in any_url()) {
        let Ok(url) = CallbackUrl::new(&text) else { return Ok(()) };
        prop_assert_eq!(url.as_str(), &text, "kept as it was given");
        prop_assert!(text.len() <= 2048 && text.bytes().all(|byte| byte.is_ascii_graphic()), "no control, no space");
        prop_assert!(!text.contains(['#', '\\', '"', '<', '>']));
        let (scheme, rest) = text.split_once("://").expect("absolute");
        prop_assert!(scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"));
        prop_assert!(rest.starts_with(url.authority()));
        prop_assert!(!url.authority().is_empty() && !url.authority().contains(['@', '/', '?', '%']), "no user name");
    }

    #[test]
    fn every_url_of_a_host_and_a_path_is_accepted(
        host in "[a-z0-9]{1,20}([.][a-z0-9]{1,10}){0,3}",
        port in prop::option::of(1_u16..),
        path in "(/([A-Za-z0-9._~&=+,;:@!$'()*-]|%[0-9A-Fa-f]{2}){0,20}){0,3}",
        query in prop::option::of("[a-z0-9=&/?:@-]{0,20}"),
    ) {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let text = format!("https://{host}{port}{path}{query}");
        let url = CallbackUrl::new(&text);
        prop_assert!(url.is_ok(), "{} {:?}", text, url);
        let url = url.expect("accepted");
        prop_assert_eq!(url.authority(), format!("{host}{port}"));
    }

    #[test]
    fn neither_debug_nor_a_mask_nor_an_error_shows_path_or_query(secret in "[a-zA-Z0-9]{12,40}", end in "[!-~]{0,3}") {
        for text in [format!("https://h.example/{secret}{end}"), format!("http://h.example?{secret}{end}"), format!("http://u:{secret}@h/{end}")] {
            let shown = match CallbackUrl::new(&text) {
                Ok(url) => format!("{} {url:?}", url.masked()),
                Err(error) => format!("{error} {error:?}"),
            };
            prop_assert!(!shown.contains(&secret), "{}", shown);
        }
    }
}

#[test]
fn a_url_has_at_most_2048_characters() {
    let of =
        |length: usize| format!("https://example.org/{}", "a".repeat(length - "https://example.org/".len()));
    assert!(CallbackUrl::new(&of(2048)).is_ok());
    assert!(CallbackUrl::new(&of(2049)).is_err());
}

#[test]
fn a_host_has_labels_of_at_most_63_characters_and_253_in_all() {
    let accepts = |host: &str| CallbackUrl::new(&format!("https://{host}/")).is_ok();
    assert!(accepts(&"a".repeat(63)) && !accepts(&"a".repeat(64)));
    let labels = |last: usize| format!("{}{}", "a.".repeat(100), "b".repeat(last));
    assert!(accepts(&labels(53)) && !accepts(&labels(54)));
}

#[test]
fn an_error_names_the_rule_that_is_broken() {
    for (url, rule) in [
        ("http://user:pw@host/", "user name"),
        ("http://host/#part", "fragment"),
        ("ftp://host/", "http://"),
        ("http:///x", "host"),
        ("http://host/%", "%"),
        ("http://host/ä", "percent-encoded"),
    ] {
        let error = CallbackUrl::new(url).expect_err(url);
        assert!(error.field == "drUrl" && error.rule.contains(rule), "{url}: {error}");
    }
}
