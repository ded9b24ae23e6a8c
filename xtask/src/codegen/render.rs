//! The templates beside this file, and what all of them know: the spec, its look-ups and how its texts are laid out.

use std::collections::BTreeMap;

use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior};

use crate::codegen::COMMAND;
use crate::codegen::json::pretty;
use crate::codegen::read::{FOLDER, Platform, Spec};
use crate::codegen::text::{anchor, camel, sentence, snake, wrap};

/// The width of a page's running text.
const PAGE_WIDTH: usize = 120;
/// The repository's `max_width`.
const CODE_WIDTH: usize = 110;

const TEMPLATES: &[(&str, &str)] = &[
    ("common.j2", include_str!("templates/common.j2")),
    ("index.md.j2", include_str!("templates/index.md.j2")),
    ("index.rs.j2", include_str!("templates/index.rs.j2")),
    ("mod.rs.j2", include_str!("templates/mod.rs.j2")),
    ("module.rs.j2", include_str!("templates/module.rs.j2")),
    ("openapi.json.j2", include_str!("templates/openapi.json.j2")),
    ("page.md.j2", include_str!("templates/page.md.j2")),
];

/// The templates, with one spec in their reach.
pub(crate) struct Templates(Environment<'static>);

impl Templates {
    pub(crate) fn new(spec: &Spec) -> Result<Self, String> {
        let mut environment = Environment::new();
        // A key that is misspelt in a template is an error and not an empty text.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        for (name, source) in TEMPLATES {
            environment.add_template(name, source).map_err(|error| format!("{error:#}"))?;
        }
        environment.add_filter("anchor", anchor);
        environment.add_filter("camel", camel);
        environment.add_filter("cell", cell);
        environment.add_filter("doc", doc);
        environment.add_filter("item", |text: &str| format!("- {}", wrap(text, PAGE_WIDTH - 2).join("\n  ")));
        environment.add_filter("json", |value: Value| serde_json::to_string(&value).unwrap_or_default());
        environment.add_filter("pretty", |text: &str| pretty(text).trim_end().to_owned());
        environment.add_filter("request", |body: &str| format!("{}Request", body.trim_end_matches("Body")));
        environment.add_filter("row", |cells: Vec<String>| {
            format!("| {} |", cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(" | "))
        });
        environment.add_filter("rust", |value: Value| match value.as_str() {
            Some(text) => format!("{text:?}"),
            None => value.to_string(),
        });
        environment.add_filter("sentence", sentence);
        environment.add_filter("snake", snake);
        environment.add_filter("text", |paragraphs: Vec<String>| {
            let paragraphs: Vec<String> = paragraphs.into_iter().filter(|text| !text.is_empty()).collect();
            serde_json::Value::from(paragraphs.join("\n\n")).to_string()
        });
        environment.add_filter("wrap", |text: &str| wrap(text, PAGE_WIDTH).join("\n"));
        for (name, value) in globals(spec) {
            environment.add_global(name, value);
        }
        Ok(Self(environment))
    }

    pub(crate) fn render(&self, template: &str, values: Value) -> Result<String, String> {
        let render = self.0.get_template(template).and_then(|template| template.render(values));
        render.map_err(|error| format!("{error:#}"))
    }
}

/// The whole spec, and look-ups in it by name.
fn globals(spec: &Spec) -> [(&'static str, Value); 9] {
    let (mut homes, mut included) = (BTreeMap::new(), BTreeMap::new());
    let (mut objects, mut tables) = (BTreeMap::new(), BTreeMap::new());
    for file in &spec.files {
        let content = &file.content;
        let names = (content.object.iter().map(|object| &object.name))
            .chain(content.vocabulary.iter().map(|vocabulary| &vocabulary.name))
            .chain(content.codes.iter().map(|codes| &codes.name));
        homes.extend(names.map(|name| (name.get_ref().as_str(), file.name.as_str())));
        objects.extend(content.object.iter().map(|object| (object.name.get_ref(), object)));
        tables.extend(content.codes.iter().map(|codes| (codes.name.get_ref(), codes)));
        for codes in &content.codes {
            let names: Vec<&str> =
                spec.included(codes).iter().map(|codes| codes.name.get_ref().as_str()).collect();
            included.insert(codes.name.get_ref().as_str(), names);
        }
    }
    let signature = spec.files.iter().find(|file| file.content.signature.is_some());
    [
        ("command", COMMAND.into()),
        ("spec_folder", FOLDER.into()),
        ("files", Value::from_serialize(&spec.files)),
        ("platforms", Value::from_serialize(spec.platforms().collect::<Vec<&Platform>>())),
        ("homes", Value::from_serialize(homes)),
        ("objects", Value::from_serialize(objects)),
        ("tables", Value::from_serialize(tables)),
        ("included", Value::from_serialize(included)),
        ("signature_home", signature.map(|file| file.name.as_str()).into()),
    ]
}

/// What a table's cell cannot hold as it is.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Doc comments from a paragraph or a list of paragraphs, with an empty line between them, indented by so many levels.
fn doc(paragraphs: &Value, depth: usize) -> String {
    let paragraphs: Vec<String> = match paragraphs.as_str() {
        Some(text) => vec![text.to_owned()],
        None => paragraphs.try_iter().into_iter().flatten().map(|text| text.to_string()).collect(),
    };
    let indent = "    ".repeat(depth);
    let paragraphs = paragraphs.iter().filter(|text| !text.is_empty()).map(|text| {
        // Brackets would be links, and angle brackets HTML.
        let text = text.replace('[', "\\[").replace('<', "\\<");
        let lines = wrap(&text, CODE_WIDTH - 4 * depth - 4);
        lines.iter().map(|line| format!("{indent}/// {line}\n")).collect::<String>()
    });
    paragraphs.collect::<Vec<_>>().join(&format!("{indent}///\n")).trim_end_matches('\n').to_owned()
}
