//! The generator on small made-up specs, and the repository's own files against the repository's own spec.
//!
//! It must not hold a fact of a platform: the spec under test is about teapots.

mod codes;
mod families;
mod modules;

use std::path::Path;

use serde_json::Value;

use crate::codegen::load;
use crate::codegen::read::Spec;
use crate::codegen::text::anchor;
use crate::codegen::{check, fixtures, openapi, outputs, reference};

#[test]
fn everything_generated_is_current() {
    if let Err(message) = super::run_in(&crate::root(), true) {
        panic!("{message}");
    }
}

const TEAPOT: &str = r#"
[about]
title = "Teapot"
summary = "Brews."

[source]
manual = "The manual, 1998"

[[platform]]
id = "Teapot"
name = "TEAPOT"
document = "teapot"
url = "https://teapot.example"
summary = "A pot."

[[endpoint]]
name = "Brew"
id = "teapot.brew"
platform = "Teapot"
method = "Post"
also = [{ method = "Get", note = "Seen by the neighbours.", sure = "observed" }]
path = "/brew"
auth = "ApiKey"
body = "Form"
repeat = "Never"
repeat_why = "Leaves are dear."
title = "Brew a cup"
title_zh = "泡茶"
summary = "One cup."
cost = "A spoon of leaves."
cost_sure = "assumed"
source = "manual"
request = "Order"
reply = "Cup"
codes = "BrewCode"
rates = [{ up_to = 2, requests = 10, per_ms = 1000 }, { requests = 1, per_ms = 3000 }]
rates_sure = "documented"

[[object]]
name = "Order"
title = "What is ordered"
[[object.field]]
wire = "potKey"
type = "string"
required = true
secret = true
meaning = "Whose pot."
sure = "documented"
[[object.field]]
wire = "leafKind"
type = "string"
required = false
max_length = 8
vocabulary = "Leaf"
meaning = "Which leaves."
sure = "documented"

[[object]]
name = "Cup"
title = "What is served"
[[object.field]]
wire = "code"
type = "integer"
required = true
vocabulary = "BrewCode"
meaning = "How it went."
sure = "documented"
[[object.field]]
wire = "price"
type = "number"
required = false
meaning = "Money."
sure = "observed"

[[vocabulary]]
name = "Leaf"
kind = "word"
title = "Leaf"
title_zh = "茶叶"
source = "manual"
zh_from = "translation"
words = [
  { wire = "green", name = "Green", en = "green", zh = "绿茶", sure = "documented" },
  { wire = "dark_red", name = "DarkRed", en = "dark red", zh = "红茶", sure = "assumed" },
]

[[codes]]
name = "BrewCode"
title = "Brew codes"
title_zh = "代码"
source = "manual"
zh_from = "translation"
endpoint = "teapot.brew"
charged_sure = "assumed"
passes_sure = "assumed"
rows = [
  { code = 0, name = "BREWED", class = "success", charged = "yes", en = "brewed", zh = "成功", advice = "Drink.", advice_zh = "喝吧。", sure = "documented" },
  { code = 418, name = "NO_COFFEE", class = "bad_input", charged = "no", passes = "no", en = "no coffee [here], <ever>", zh = "没有咖啡", advice = "Order tea.", advice_zh = "请点茶。", sure = "documented" },
]

[[example]]
id = "order"
of = "Order"
source = "manual"
json = '{"potKey":"k1","leafKind":"green"}'
[[example]]
id = "cup"
of = "Cup"
source = "manual"
json = '{"code":0,"price":0.9230}'
"#;

fn spec(text: &str) -> Result<Spec, String> {
    Ok(Spec { files: vec![load::parse("teapot", text.to_owned())?] })
}

fn teapot() -> Spec {
    spec(TEAPOT).expect("the teapot reads")
}

/// What is found when one place of the teapot is changed.
fn findings(from: &str, to: &str) -> Vec<String> {
    assert!(TEAPOT.contains(from), "the teapot has no {from:?}");
    match spec(&TEAPOT.replacen(from, to, 1)) {
        Ok(spec) => check::check(&spec),
        Err(message) => vec![message],
    }
}

/// The finding, which must be the only one, without its place; the place must be a line of the teapot.
fn finding(from: &str, to: &str) -> String {
    let found = findings(from, to);
    assert_eq!(found.len(), 1, "{found:#?}");
    let rest = found[0].strip_prefix("crates/protocol/spec/teapot.toml:").expect("it names the file");
    let (line, what) = rest.split_once(": ").expect("it names the line");
    assert!(line.parse::<usize>().is_ok(), "{line}");
    what.to_owned()
}

#[test]
fn a_sound_spec_has_no_findings() {
    assert_eq!(check::check(&teapot()), Vec::<String>::new());
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let line = 1 + TEAPOT.lines().position(|line| line.starts_with("repeat_why")).expect("it is there");
    let found = findings("repeat_why", "repeat_wyh");
    assert!(found[0].starts_with(&format!("crates/protocol/spec/teapot.toml:{line}: ")), "{found:?}");
    assert!(found[0].contains("unknown field `repeat_wyh`"), "{found:?}");
}

#[test]
fn a_missing_key_and_a_wrong_word_are_named() {
    assert!(finding("cost = \"A spoon of leaves.\"\n", "").contains("missing field `cost`"));
    assert!(
        finding("cost_sure = \"assumed\"", "cost_sure = \"likely\"").contains("unknown variant `likely`")
    );
    assert!(finding("auth = \"ApiKey\"", "auth = \"None\"").contains("auth is \"ApiKey\" or {"));
    assert!(finding("[about]", "[about").contains("unclosed table"));
}

#[test]
fn an_empty_text_is_named_by_its_keys() {
    assert_eq!(
        findings("en = \"brewed\"", "en = \"\""),
        ["crates/protocol/spec/teapot.toml: `codes[0].rows[0].en` is empty"]
    );
    let found = findings("note = \"Seen by the neighbours.\"", "note = \" Seen\"");
    assert_eq!(
        found,
        ["crates/protocol/spec/teapot.toml: `endpoint[0].also[0].note` has white space around it"]
    );
}

#[test]
fn a_reference_that_leads_nowhere_is_named() {
    for (from, to, what) in [
        ("request = \"Order\"", "request = \"Ordre\"", "there is no object in this file called `Ordre`"),
        ("codes = \"BrewCode\"", "codes = \"BrewCodes\"", "there is no table of codes `BrewCodes`"),
        ("platform = \"Teapot\"", "platform = \"Samovar\"", "there is no platform `Samovar`"),
        ("source = \"manual\"", "source = \"hearsay\"", "there is no source `hearsay`"),
        (
            "vocabulary = \"BrewCode\"",
            "vocabulary = \"Code\"",
            "there is no vocabulary or table of codes `Code`",
        ),
        ("type = \"number\"", "type = \"Money\"", "there is no object in this file called `Money`"),
        ("of = \"Cup\"", "of = \"Mug\"", "there is no object in this file called `Mug`"),
        ("charged_sure", "includes = \"AuthCode\"\ncharged_sure", "there is no table of codes `AuthCode`"),
    ] {
        let found = findings(from, to);
        assert!(found.iter().any(|finding| finding.ends_with(what)), "{to}: {found:#?}");
    }
}

#[test]
fn what_must_be_unique_is_unique() {
    for (from, to, what) in [
        ("code = 418", "code = 0", "the code `0` stands here twice"),
        ("\"NO_COFFEE\"", "\"BREWED\"", "the name `BREWED` stands here twice"),
        ("wire = \"dark_red\"", "wire = \"green\"", "the word `green` stands here twice"),
        (
            "id = \"cup\"",
            "id = \"order\"",
            "the example `order` is there already, at crates/protocol/spec/teapot.toml:",
        ),
        (
            "name = \"Leaf\"",
            "name = \"Cup\"",
            "the type `Cup` is there already, at crates/protocol/spec/teapot.toml:",
        ),
        ("wire = \"price\"", "wire = \"Code\"", "`Code` and `code` become one Rust field"),
    ] {
        let found = findings(from, to);
        assert!(found.iter().any(|finding| finding.contains(what)), "{to}: {found:#?}");
    }
}

#[test]
fn names_have_the_shape_that_rust_wants() {
    assert_eq!(finding("\"NO_COFFEE\"", "\"NoCoffee\""), "`NoCoffee` is no name such as `BAD_NUMBER`");
    assert_eq!(finding("\"DarkRed\"", "\"dark red\""), "`dark red` is no name such as `PowerOff`");
    assert_eq!(finding("id = \"cup\"", "id = \"a-cup\""), "`a-cup` is no name such as `push_basic`");
}

#[test]
fn an_example_says_only_what_is_declared() {
    let cup = "'{\"code\":0,\"price\":0.9230}'";
    for (to, what) in [
        ("'{\"code\":0,\"sugar\":1}'", "Cup.sugar is declared nowhere"),
        ("'{\"price\":1}'", "Cup.code is required and missing"),
        ("'{\"code\":\"0\"}'", "Cup.code is not of type integer"),
        ("'{\"code\":7}'", "Cup.code is not one of BrewCode"),
        ("'{\"code\":null}'", "Cup.code is not of type integer"),
        ("'[]'", "Cup is no JSON object"),
    ] {
        assert_eq!(finding(cup, to), what, "{to}");
    }
    assert!(finding(cup, "'{\"code\":0'").starts_with("is not JSON: EOF"));
    assert_eq!(findings(cup, "'{\"code\":0,\"price\":null}'"), Vec::<String>::new());
}

#[test]
fn a_field_of_one_dialect_is_not_required_and_one_of_two_vocabularies_is_of_any_type() {
    let price = "type = \"number\"\nrequired = false\n";
    assert_eq!(finding(price, &format!("{price}dialect = 3\n")), "is no dialect: 1 or 2");
    let either = format!("{price}vocabulary = \"BrewCode\"\nor = \"Leaf\"\n");
    assert!(findings(price, &either).iter().any(|what| what.contains("is of type any")));
}

/// The teapot with a list of cups in each cup, and an example with two of them.
fn saucers(example: &str) -> Spec {
    let list = "[[object.field]]\nwire = \"cups\"\ntype = \"[Cup]\"\nrequired = false\nmeaning = \"More.\"\nsure = \"assumed\"\n";
    let cup = "'{\"code\":0,\"price\":0.9230}'";
    let text =
        TEAPOT.replacen("[[vocabulary]]", &format!("{list}\n[[vocabulary]]"), 1).replacen(cup, example, 1);
    spec(&text).expect("the saucers read")
}

#[test]
fn a_list_of_objects_is_one_everywhere() {
    let sound = saucers("'{\"code\":0,\"cups\":[{\"code\":418,\"price\":0.5},{\"code\":0,\"cups\":[]}]}'");
    assert_eq!(check::check(&sound), Vec::<String>::new());
    let document = &openapi::outputs(&sound).expect("it is made")[0].text;
    let document: Value = serde_json::from_str(document).expect("JSON");
    let cups = &document["components"]["schemas"]["Cup"]["properties"]["cups"];
    assert_eq!(cups["type"], serde_json::json!(["array", "null"]));
    assert_eq!(cups["items"]["$ref"], "#/components/schemas/Cup");
    let page = &reference::outputs(&sound).expect("it is made")[0].text;
    assert!(page.contains("| `cups` |") && page.contains("list of [Cup](#cup)"), "{page}");
}

#[test]
fn an_item_of_a_list_says_only_what_is_declared() {
    for (example, what) in [
        (
            "'{\"code\":0,\"cups\":[{\"code\":0},{\"code\":0,\"sugar\":1}]}'",
            "Cup.cups[1].sugar is declared nowhere",
        ),
        ("'{\"code\":0,\"cups\":[7]}'", "Cup.cups[0] is no JSON object"),
        ("'{\"code\":0,\"cups\":{}}'", "Cup.cups is not of type [Cup]"),
    ] {
        let found = check::check(&saucers(example));
        assert!(found.len() == 1 && found[0].ends_with(what), "{found:?}");
    }
    let found = findings("type = \"number\"", "type = \"[Money]\"");
    assert!(found[0].ends_with("there is no object in this file called `[Money]`"), "{found:?}");
}

#[test]
fn a_value_that_no_table_lists_must_be_announced_and_must_be_there() {
    let cup = "json = '{\"code\":0,\"price\":0.9230}'";
    let announced = "unlisted = [\"Cup.code\"]\njson = '{\"code\":7,\"price\":0.9230}'";
    assert_eq!(findings(cup, announced), Vec::<String>::new());
    let spec = spec(&TEAPOT.replacen(cup, announced, 1)).expect("the teapot reads");
    let text = |name: &str| {
        let found = fixtures::outputs(&spec).into_iter().find(|output| output.path.ends_with(name));
        found.expect("it is made").text
    };
    assert!(text("examples.rs").contains("    cup: teapot::Cup, unlisted [\"Cup.code\"];\n"));
    let idle = "unlisted = [\"Cup.code\"]\njson = '{\"code\":0,\"price\":0.9230}'";
    assert_eq!(finding(cup, idle), "the example shows nothing unlisted in `Cup.code`");
}

#[test]
fn types_and_vocabularies_agree() {
    let found = findings("kind = \"word\"", "kind = \"number\"");
    assert!(
        found.iter().any(|finding| finding.ends_with("is of another kind than its vocabulary")),
        "{found:#?}"
    );
    let found = findings("type = \"integer\"", "type = \"string\"");
    assert!(
        found.iter().any(|finding| finding.ends_with("a field of BrewCode is of type integer")),
        "{found:#?}"
    );
}

#[test]
fn limits_go_from_small_to_any() {
    let rates = "rates = [{ up_to = 2, requests = 10, per_ms = 1000 }, { requests = 1, per_ms = 3000 }]";
    let what = "its rates go from the smallest `up_to` to the one without";
    assert_eq!(
        finding(rates, "rates = [{ requests = 1, per_ms = 1 }, { up_to = 2, requests = 1, per_ms = 1 }]"),
        what
    );
    assert_eq!(finding(rates, "rates = []"), "`rates` and `rates_sure` go together");
}

#[test]
fn what_nothing_uses_is_named() {
    assert_eq!(finding("manual = ", "letter = \"A letter\"\nmanual = "), "nothing cites the source `letter`");
    assert_eq!(finding("vocabulary = \"Leaf\"\n", ""), "nothing uses `Leaf`");
}

/// One of the files that are made from the teapot.
fn made(outputs: Vec<super::Output>, name: &str) -> String {
    let found = outputs.into_iter().find(|output| output.path.ends_with(name));
    found.unwrap_or_else(|| panic!("nothing makes {name}")).text
}

#[test]
fn an_example_is_a_fixture_to_the_letter() {
    let outputs = fixtures::outputs(&teapot());
    let list = outputs.iter().find(|output| output.path.ends_with("/examples.rs")).expect("a list");
    assert!(list.text.contains("    cup: teapot::Cup;\n"), "{}", list.text);
    assert_eq!(made(outputs, "/cup.json"), "{\"code\":0,\"price\":0.9230}\n");
}

#[test]
fn a_page_tells_what_a_caller_must_know() {
    let page = made(reference::outputs(&teapot()).expect("it is made"), "/teapot.md");
    for part in [
        "from crates/protocol/spec/teapot.toml. Do not edit",
        "```http\nPOST /brew\n```",
        "| cost | A spoon of leaves. *(assumed)* |",
        "| repeat | **Never to be repeated when the first may have arrived.** Leaves are dear. |",
        "| also GET | Seen by the neighbours. *(observed)* |",
        "| limits | 10 requests a second with at most 2 numbers each, 1 request in 3 seconds above. *(documented)* |",
        "| `potKey` | string | yes | Whose pot. **Secret.** | documented |",
        "| `leafKind` | string of [Leaf](#leaf), at most 8 characters | no | Which leaves. | documented |",
        "| `dark_red` | DarkRed | dark red | 红茶 | assumed |",
        "| `0` | `BREWED` | brewed | 成功 | success | yes | unknown | Drink.<br>喝吧。 | documented |",
        "Reply `cup`:\n\n```json\n{\n  \"code\": 0,\n  \"price\": 0.9230\n}\n```",
    ] {
        assert!(page.contains(part), "{part}\n\n{page}");
    }
    let index = made(reference::outputs(&teapot()).expect("it is made"), "/README.md");
    assert!(
        index.contains("| `POST /brew` | [`teapot.brew`](teapot.md#teapotbrew) | Brew a cup (泡茶) |"),
        "{index}"
    );
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    let root = crate::root();
    let pages = reference::outputs(&load::read(&root).expect("the spec reads")).expect("it is made");
    let anchors = |text: &str| -> Vec<String> {
        let headings = text.lines().filter(|line| line.starts_with('#'));
        headings.map(|line| anchor(&line.trim_start_matches(['#', ' ']).replace(' ', "-"))).collect()
    };
    for page in &pages {
        for target in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let name = if path.is_empty() { &page.path } else { &format!("docs/reference/{path}") };
            match pages.iter().find(|page| page.path == *name) {
                Some(found)
                    if anchor.is_empty() || anchors(&found.text).iter().any(|known| known == anchor) => {}
                Some(_) => panic!("{}: {target} has no such heading", page.path),
                None => assert!(root.join(Path::new(name)).exists(), "{}: {target} leads nowhere", page.path),
            }
        }
    }
}

#[test]
fn an_openapi_document_leaves_open_what_is_open() {
    let document = made(openapi::outputs(&teapot()).expect("it is made"), "/teapot.json");
    assert!(document.contains("\"price\": 0.9230"), "an example keeps its spelling");
    let document: Value = serde_json::from_str(&document).expect("it is JSON");
    let at =
        |pointer: &str| document.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {document:#}"));
    assert_eq!(at("/openapi"), "3.1.0");
    // A generator makes a closed type of an `enum`, and none at all of alternatives with a `const`.
    assert_eq!(at("/components/schemas/Leaf/type"), "string");
    assert_eq!(at("/components/schemas/Leaf/x-known-values/1/value"), "dark_red");
    assert_eq!(at("/components/schemas/BrewCode/type"), "integer");
    assert_eq!(at("/components/schemas/BrewCode/x-known-values/1/value"), 418);
    // A title would become a class's name in place of the schema's own.
    assert_eq!(document.pointer("/components/schemas/Order/title"), None);
    assert_eq!(document.pointer("/components/schemas/Order/additionalProperties"), None);
    assert_eq!(at("/components/schemas/Order/properties/potKey/format"), "password");
    assert_eq!(at("/components/schemas/Cup/properties/price/type/1"), "null");
    assert_eq!(at("/x-result-codes/BrewCode/1/class"), "bad_input");
}

#[test]
fn a_key_is_a_property_of_a_form_and_a_security_scheme_of_a_query() {
    let document = made(openapi::outputs(&teapot()).expect("it is made"), "/teapot.json");
    let document: Value = serde_json::from_str(&document).expect("it is JSON");
    let path = &document["paths"]["/brew"];
    assert_eq!(path["post"]["security"], serde_json::json!([]));
    assert_eq!(path["get"]["security"], serde_json::json!([{ "potKey": [] }]));
    assert_eq!(path["get"]["parameters"][0]["name"], "leafKind");
    assert_eq!(document["components"]["securitySchemes"]["potKey"]["in"], "query");
}

#[test]
fn a_signed_platform_has_its_headers_and_its_pushes() {
    let root = crate::root();
    let spec = load::read(&root).expect("the spec reads");
    let document = made(openapi::outputs(&spec).expect("it is made"), "/nxcloud.json");
    let document: Value = serde_json::from_str(&document).expect("it is JSON");
    let headers = spec.files.iter().flat_map(|file| &file.content.header).filter(|header| header.required);
    for header in headers {
        let scheme = &document["components"]["securitySchemes"][header.wire.get_ref()];
        assert_eq!((&scheme["type"], &scheme["in"]), (&"apiKey".into(), &"header".into()));
    }
    for push in spec.files.iter().flat_map(|file| &file.content.push) {
        let answers = &document["webhooks"][push.id.get_ref()]["post"]["responses"];
        assert!(answers.get(push.accepted_status.to_string()).is_some(), "{answers}");
    }
}

#[test]
fn every_published_vector_is_tested_by_the_signing_crate() {
    let root = crate::root();
    let tests =
        std::fs::read_to_string(root.join("crates/signing/tests/it/vectors.rs")).expect("it is there");
    let spec = load::read(&root).expect("the spec reads");
    let signatures = spec.files.iter().filter_map(|file| file.content.signature.as_ref());
    let vectors: Vec<_> = signatures.flat_map(|signature| &signature.vectors).collect();
    assert!(!vectors.is_empty());
    for vector in vectors {
        assert!(tests.contains(&vector.md5) && tests.contains(&vector.body), "{} is not tested", vector.md5);
    }
}

#[test]
fn each_file_is_made_once() {
    let root = crate::root();
    let made = outputs(&load::read(&root).expect("the spec reads")).expect("all is made");
    let mut paths: Vec<&str> = made.iter().map(|output| output.path.as_str()).collect();
    paths.sort_unstable();
    let before = paths.len();
    paths.dedup();
    assert_eq!(paths.len(), before);
}
