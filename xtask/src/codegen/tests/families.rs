//! Endpoints that share a table of codes, and those that have no body.
//!
//! It must not hold a fact of a platform either.

use super::{Spec, TEAPOT, check, finding, findings, fixtures, openapi, reference, spec};
use crate::codegen::rust;

/// A pot with a second endpoint that has no body, a table of its own on top of the family's, and a last one below that.
fn family() -> Spec {
    let start = TEAPOT.find("[[endpoint]]").expect("it is there");
    let end = TEAPOT.find("[[object]]").expect("it is there");
    let rinse = TEAPOT[start..end]
        .replace("Brew\"", "Rinse\"")
        .replace("teapot.brew", "teapot.rinse")
        .replace("/brew", "/rinse")
        .replace("body = \"Form\"", "body = \"Empty\"")
        .replace("request = \"Order\"\n", "")
        .replace("BrewCode", "RinseCode");
    let table = |name: &str, of: &str, includes: &str, code: i64| {
        format!(
            "\n[[codes]]\nname = \"{name}\"\ntitle = \"Codes\"\ntitle_zh = \"代码\"\nsource = \"manual\"\n\
             zh_from = \"translation\"\n{of}{includes}charged_sure = \"assumed\"\nrows = [{{ code = {code}, name = \"BAD\", \
             class = \"platform\", charged = \"no\", en = \"bad\", zh = \"坏\", advice = \"Wait.\", advice_zh = \"等。\", \
             sure = \"documented\" }}]\n"
        )
    };
    let rinse_codes = table("RinseCode", "endpoint = \"teapot.rinse\"\n", "includes = \"BrewCode\"\n", 500);
    let auth_codes = table("KeyCode", "", "", 401);
    let text =
        TEAPOT.replace("endpoint = \"teapot.brew\"", "endpoint = \"teapot.*\"\nincludes = \"KeyCode\"");
    spec(&format!("{}{rinse}{}{rinse_codes}{auth_codes}", &text[..start], &text[start..])).expect("it reads")
}

fn made(outputs: &[crate::codegen::write::Output], name: &str) -> String {
    outputs.iter().find(|output| output.path.ends_with(name)).expect("it is made").text.clone()
}

#[test]
fn a_family_shares_a_table_and_each_may_add_one() {
    let family = family();
    assert_eq!(check::check(&family), Vec::<String>::new());
    let code = made(&rust::outputs(&family).expect("rustfmt takes it"), "teapot.rs");
    assert!(code.contains("RinseCode includes KeyCode via BrewCode {"), "{code}");
    assert!(code.contains("BrewCode includes KeyCode {"), "{code}");
    let page = made(&reference::outputs(&family).expect("it is made"), "teapot.md");
    assert!(
        page.contains(
            "| result codes | [RinseCode](#rinsecode), [BrewCode](#brewcode), [KeyCode](#keycode) |"
        )
    );
    let document = made(&openapi::outputs(&family).expect("it is made"), "teapot.json");
    let answered = ["RinseCode", "BrewCode", "KeyCode"].map(|name| format!("\"#/x-result-codes/{name}\""));
    let at = answered.map(|reference| document.find(&reference).expect("it is linked"));
    assert!(at.is_sorted(), "the nearest stands first: {at:?}");
}

#[test]
fn a_family_without_members_is_named() {
    let found = findings("endpoint = \"teapot.brew\"", "endpoint = \"kettle.*\"");
    assert!(found.iter().any(|what| what.ends_with("called `kettle.*`")), "{found:#?}");
}

#[test]
fn an_empty_body_has_no_object_and_any_other_has_one() {
    let page = made(&reference::outputs(&family()).expect("it is made"), "teapot.md");
    assert!(page.contains("| request | an empty body |"), "{page}");
    let document: serde_json::Value =
        serde_json::from_str(&made(&openapi::outputs(&family()).expect("it is made"), "teapot.json"))
            .expect("JSON");
    assert!(document["paths"]["/rinse"]["post"]["requestBody"].is_null());
    assert!(document["paths"]["/brew"]["post"]["requestBody"].is_object());
    let what = "it has a `request` unless its body is `Empty`";
    assert!(findings("request = \"Order\"\n", "").iter().any(|found| found.ends_with(what)));
    assert_eq!(finding("body = \"Form\"", "body = \"Empty\""), what);
}

#[test]
fn an_example_of_one_endpoint_is_shown_with_that_one_alone() {
    assert!(
        finding("of = \"Cup\"", "of = \"Cup\"\nendpoint = \"teapot.pour\"")
            .contains("no endpoint in this file")
    );
    let text = TEAPOT.replace("of = \"Cup\"", "of = \"Cup\"\nendpoint = \"teapot.brew\"");
    let one = spec(&text).expect("it reads");
    assert_eq!(check::check(&one), Vec::<String>::new());
    assert!(made(&reference::outputs(&one).expect("it is made"), "teapot.md").contains("Reply `cup`"));
    assert!(made(&fixtures::outputs(&one), "examples.rs").contains("cup: teapot::Cup;"));
}
