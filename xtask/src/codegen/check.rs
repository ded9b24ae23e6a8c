//! Holds the spec against itself: names are unique, references lead somewhere, examples say only what is declared.
//!
//! It must not stop at the first fault, and it must not repair one: it names each with its file and line.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::Spanned;

use crate::codegen::read::{
    Auth, BodyKind, Class, Codes, Endpoint, Field, File, Kind, Object, Passes, Push, ResultView, Row, Spec,
    Vocabulary, Wire, Word,
};
use crate::codegen::text::{is_camel, is_screaming, is_snake, snake};

/// The types of fields that are not objects.
const PLAIN_TYPES: &[&str] = &["string", "integer", "number", "any"];

/// Every fault, as `file:line: what`.
pub(crate) fn check(spec: &Spec) -> Vec<String> {
    let mut check = Check { spec, names: BTreeMap::new(), findings: Vec::new() };
    for file in &spec.files {
        check.file(file);
    }
    check.findings
}

struct Check<'a> {
    spec: &'a Spec,
    /// Everything that must be unique across the spec, with the place where it was first seen.
    names: BTreeMap<(&'static str, String), String>,
    findings: Vec<String>,
}

impl Check<'_> {
    fn found<T>(&mut self, file: &File, at: &Spanned<T>, what: &str) {
        self.findings.push(format!("{}: {what}", file.place(at)));
    }

    /// Reports a second use of a name. `scope` says among what it is unique.
    fn unique<T: ToString>(&mut self, scope: &'static str, file: &File, name: &Spanned<T>) {
        self.unique_as(scope, file, name, name.get_ref().to_string());
    }

    fn unique_as<T>(&mut self, scope: &'static str, file: &File, at: &Spanned<T>, name: String) {
        let place = file.place(at);
        match self.names.get(&(scope, name.clone())) {
            Some(first) => {
                let what = format!("{place}: the {scope} `{name}` is there already, at {first}");
                self.findings.push(what);
            }
            None => {
                self.names.insert((scope, name), place);
            }
        }
    }

    fn shape(&mut self, file: &File, name: &Spanned<String>, is: fn(&str) -> bool, like: &str) {
        if !is(name.get_ref()) {
            self.found(file, name, &format!("`{}` is no name such as {like}", name.get_ref()));
        }
    }

    /// Reports a reference that leads nowhere.
    fn refers(&mut self, file: &File, to: &Spanned<String>, what: &str, exists: bool) {
        if !exists {
            self.found(file, to, &format!("there is no {what} `{}`", to.get_ref()));
        }
    }

    fn source(&mut self, file: &File, source: &Spanned<String>) {
        self.refers(file, source, "source", file.content.source.contains_key(source.get_ref()));
    }

    fn platform(&mut self, file: &File, platform: &Spanned<String>) {
        let exists = self.spec.platforms().any(|known| known.id.get_ref() == platform.get_ref());
        self.refers(file, platform, "platform", exists);
    }

    fn object(&mut self, file: &File, name: &Spanned<String>) {
        let exists = file.content.object.iter().any(|object| object.name.get_ref() == name.get_ref());
        self.refers(file, name, "object in this file called", exists);
    }

    fn file(&mut self, file: &File) {
        let content = &file.content;
        for platform in &content.platform {
            self.unique("platform", file, &platform.id);
            self.shape(file, &platform.id, is_camel, "`Nxcloud`");
        }
        self.each_once("header", file, content.header.iter().map(|header| &header.wire));
        content.endpoint.iter().for_each(|endpoint| self.endpoint(file, endpoint));
        content.push.iter().for_each(|push| self.push(file, push));
        content.object.iter().for_each(|object| self.declared(file, object));
        if let Some(result) = &content.result {
            self.result(file, result);
        }
        content.vocabulary.iter().for_each(|vocabulary| self.vocabulary(file, vocabulary));
        content.codes.iter().for_each(|codes| self.codes(file, codes));
        self.examples(file);
        self.unused(file);
    }

    /// Reports a name that comes twice within one list.
    fn each_once<'a, T: ToString + 'a>(
        &mut self,
        what: &str,
        file: &File,
        names: impl Iterator<Item = &'a Spanned<T>>,
    ) {
        let mut seen = Vec::new();
        for name in names {
            let text = name.get_ref().to_string();
            if seen.contains(&text) {
                self.found(file, name, &format!("the {what} `{text}` stands here twice"));
            }
            seen.push(text);
        }
    }

    fn endpoint(&mut self, file: &File, endpoint: &Endpoint) {
        self.unique("endpoint or push", file, &endpoint.id);
        self.unique("type", file, &endpoint.name);
        self.shape(file, &endpoint.name, is_camel, "`Submit`");
        self.platform(file, &endpoint.platform);
        self.source(file, &endpoint.source);
        if let Some(request) = &endpoint.request {
            self.object(file, request);
        }
        if endpoint.request.is_none() != (endpoint.body == BodyKind::Empty) {
            self.found(file, &endpoint.id, "it has a `request` unless its body is `Empty`");
        }
        self.object(file, &endpoint.reply);
        self.answers(file, &endpoint.codes, &endpoint.id);
        if !endpoint.path.get_ref().starts_with('/') {
            self.found(file, &endpoint.path, "a path begins with `/`");
        }
        let includes =
            self.spec.codes(endpoint.codes.get_ref()).is_some_and(|(_, codes)| codes.includes.is_some());
        if matches!(endpoint.auth, Auth::Signed { .. }) && !includes {
            self.found(
                file,
                &endpoint.codes,
                "a signed endpoint answers authentication codes too: `includes`",
            );
        }
        let bounds: Vec<u32> = endpoint.rates.iter().map(|rate| rate.up_to.unwrap_or(u32::MAX)).collect();
        if !bounds.is_sorted() || bounds.iter().rev().skip(1).any(|bound| *bound == u32::MAX) {
            self.found(file, &endpoint.id, "its rates go from the smallest `up_to` to the one without");
        }
        if endpoint.rates.is_empty() != endpoint.rates_sure.is_none() {
            self.found(file, &endpoint.id, "`rates` and `rates_sure` go together");
        }
    }

    fn push(&mut self, file: &File, push: &Push) {
        self.unique("endpoint or push", file, &push.id);
        self.unique("constant", file, &push.constant);
        self.shape(file, &push.constant, is_screaming, "`RESULT_PUSH`");
        self.platform(file, &push.platform);
        self.source(file, &push.source);
        self.object(file, &push.body);
        self.answers(file, &push.codes, &push.id);
    }

    /// An endpoint and its table of codes name each other.
    fn answers(&mut self, file: &File, codes: &Spanned<String>, endpoint: &Spanned<String>) {
        let table = self.spec.codes(codes.get_ref());
        self.refers(file, codes, "table of codes", table.is_some());
        if table.is_some_and(|(_, table)| !table.is_of(endpoint.get_ref())) {
            let what = format!("{} does not name the endpoint `{}`", codes.get_ref(), endpoint.get_ref());
            self.found(file, codes, &what);
        }
    }

    fn declared(&mut self, file: &File, object: &Object) {
        self.unique("type", file, &object.name);
        self.shape(file, &object.name, is_camel, "`SubmitBody`");
        self.each_once("field", file, object.field.iter().map(|field| &field.wire));
        let mut rust = BTreeMap::new();
        for field in &object.field {
            self.field(file, field);
            if let Some(other) = rust.insert(snake(field.wire.get_ref()), field.wire.get_ref()) {
                let what = format!("`{}` and `{other}` become one Rust field", field.wire.get_ref());
                self.found(file, &field.wire, &what);
            }
        }
    }

    fn result(&mut self, file: &File, result: &ResultView) {
        self.unique("type", file, &result.name);
        self.shape(file, &result.name, is_camel, "`CheckResult`");
        result.of.iter().for_each(|message| self.object(file, message));
        self.each_once("field", file, result.field.iter().map(|field| &field.name));
        self.each_once("column", file, result.field.iter().map(|field| &field.column));
        for field in &result.field {
            self.shape(file, &field.name, is_snake, "`number_type`");
            self.shape(file, &field.column, is_snake, "`number_type`");
            let mut fields = file.content.object.iter().flat_map(|object| &object.field);
            if !fields.any(|message| message.fills(field.name.get_ref())) {
                self.found(file, &field.name, "no field of a message fills it: `result`");
            }
        }
    }

    fn field(&mut self, file: &File, field: &Field) {
        if let Some(result) = &field.result {
            let mut known = file.content.result.iter().flat_map(|result| &result.field);
            let exists = known.any(|known| known.name.get_ref() == result.get_ref());
            self.refers(file, result, "field of `[result]` called", exists);
        }
        let type_ = field.type_.get_ref().as_str();
        if !PLAIN_TYPES.contains(&type_) {
            let item = field.item_type();
            let exists = file.content.object.iter().any(|object| object.name.get_ref() == item);
            self.refers(file, &field.type_, "object in this file called", exists);
        }
        if let Some(dialect) = &field.dialect {
            if !(1..=2).contains(dialect.get_ref()) {
                self.found(file, dialect, "is no dialect: 1 or 2");
            }
            if field.required {
                self.found(file, dialect, "a field of one dialect only cannot be required");
            }
        }
        field.vocabularies().for_each(|vocabulary| self.words_of(file, field, vocabulary));
    }

    fn words_of(&mut self, file: &File, field: &Field, vocabulary: &Spanned<String>) {
        let name = vocabulary.get_ref();
        let wants = match (self.spec.vocabulary(name), self.spec.codes(name)) {
            (Some((_, words)), _) if words.kind == Kind::Word => "string",
            (Some(_), _) | (None, Some(_)) => "integer",
            (None, None) => return self.refers(file, vocabulary, "vocabulary or table of codes", false),
        };
        let wants = if field.or.is_some() { "any" } else { wants };
        if field.type_.get_ref() != wants {
            self.found(file, &field.type_, &format!("a field of {name} is of type {wants}"));
        }
    }

    fn vocabulary(&mut self, file: &File, vocabulary: &Vocabulary) {
        self.unique("type", file, &vocabulary.name);
        self.shape(file, &vocabulary.name, is_camel, "`NumberType`");
        self.source(file, &vocabulary.source);
        self.each_once("word", file, vocabulary.words.iter().flat_map(Word::wires));
        self.each_once("name", file, vocabulary.words.iter().map(|word| &word.name));
        for word in &vocabulary.words {
            self.shape(file, &word.name, is_camel, "`PowerOff`");
            for wire in word.wires() {
                let kind = match wire.get_ref() {
                    Wire::Number(_) => Kind::Number,
                    Wire::Word(_) => Kind::Word,
                };
                if kind != vocabulary.kind {
                    self.found(file, wire, "is of another kind than its vocabulary");
                }
            }
            if let Some(other) = word.also.first().filter(|_| vocabulary.kind == Kind::Number) {
                self.found(file, other, "only a word has other spellings");
            }
        }
    }

    fn codes(&mut self, file: &File, codes: &Codes) {
        self.unique("type", file, &codes.name);
        self.shape(file, &codes.name, is_camel, "`SubmitCode`");
        self.source(file, &codes.source);
        self.each_once("code", file, codes.rows.iter().map(|row| &row.code));
        self.each_once("name", file, codes.rows.iter().map(|row| &row.name));
        for row in &codes.rows {
            self.shape(file, &row.name, is_screaming, "`BAD_NUMBER`");
            if row.passes != Passes::Unknown && codes.passes_sure.is_none() {
                self.found(file, &row.code, "how sure `passes` is must be said: `passes_sure`");
            }
            if row.passes != Passes::Unknown && row.class == Class::Success {
                self.found(file, &row.code, "only a failure passes with time");
            }
        }
        if let Some(id) = &codes.endpoint {
            let content = &file.content;
            let mut ids = content
                .endpoint
                .iter()
                .map(|endpoint| &endpoint.id)
                .chain(content.push.iter().map(|push| &push.id));
            let exists = ids.any(|known| codes.is_of(known.get_ref()));
            self.refers(file, id, "endpoint or push in this file called", exists);
        }
        if let Some(name) = &codes.includes {
            let included = self.spec.included(codes);
            self.refers(file, name, "table of codes", !included.is_empty());
            if included.get(1).is_some_and(|last| last.includes.is_some()) {
                self.found(file, name, "what an included table includes includes none itself");
            }
            for row in &codes.rows {
                let code = row.code.get_ref();
                // The same code may be charged otherwise here; it may not mean something else.
                let is_other =
                    |other: &Row| other.name.get_ref() != row.name.get_ref() || other.class != row.class;
                let has = |table: &&&Codes| {
                    table.rows.iter().any(|other| other.code.get_ref() == code && is_other(other))
                };
                if let Some(table) = included.iter().find(has) {
                    let what = format!("the code {code} is one of {} already", table.name.get_ref());
                    self.found(file, &row.code, &what);
                }
            }
        }
    }

    fn examples(&mut self, file: &File) {
        for example in &file.content.example {
            self.unique("example", file, &example.id);
            self.shape(file, &example.id, is_snake, "`push_basic`");
            self.source(file, &example.source);
            self.object(file, &example.of);
            if let Some(id) = &example.endpoint {
                let exists =
                    file.content.endpoint.iter().any(|endpoint| endpoint.id.get_ref() == id.get_ref());
                self.refers(file, id, "endpoint in this file called", exists);
            }
            match serde_json::from_str::<Value>(example.json.get_ref()) {
                Err(error) => self.found(file, &example.json, &format!("is not JSON: {error}")),
                Ok(value) => {
                    if let Some((_, object)) = self.spec.object(example.of.get_ref()) {
                        let unlisted: Vec<&str> =
                            example.unlisted.iter().map(|field| field.get_ref().as_str()).collect();
                        let judge = |unlisted: &[&str]| {
                            faults(
                                &Judge { spec: self.spec, unlisted },
                                object,
                                &value,
                                object.name.get_ref(),
                            )
                        };
                        let found = judge(&unlisted);
                        let idle: Vec<&Spanned<String>> = (example.unlisted.iter())
                            .filter(|field| {
                                let others: Vec<&str> = unlisted
                                    .iter()
                                    .copied()
                                    .filter(|other| other != field.get_ref())
                                    .collect();
                                judge(&others) == found
                            })
                            .collect();
                        for fault in found {
                            self.found(file, &example.json, &fault);
                        }
                        for field in idle {
                            let what = format!("the example shows nothing unlisted in `{}`", field.get_ref());
                            self.found(file, field, &what);
                        }
                    }
                }
            }
        }
    }

    /// What nothing leads to is a leftover or a misspelling.
    fn unused(&mut self, file: &File) {
        let content = &file.content;
        let cited: Vec<&str> = (content.endpoint.iter().map(|endpoint| &endpoint.source))
            .chain(content.push.iter().map(|push| &push.source))
            .chain(content.vocabulary.iter().map(|vocabulary| &vocabulary.source))
            .chain(content.codes.iter().map(|codes| &codes.source))
            .chain(content.example.iter().map(|example| &example.source))
            .map(|source| source.get_ref().as_str())
            .collect();
        for (key, title) in content.source.iter().filter(|(key, _)| !cited.contains(&key.as_str())) {
            self.found(file, title, &format!("nothing cites the source `{key}`"));
        }
        let fields = || content.object.iter().flat_map(|object| &object.field);
        let used: Vec<&str> =
            (content.endpoint.iter().flat_map(|endpoint| endpoint.request.iter().chain([&endpoint.reply])))
                .chain(content.push.iter().map(|push| &push.body))
                .chain(fields().flat_map(Field::vocabularies))
                .map(|name| name.get_ref().as_str())
                .chain(fields().map(Field::item_type))
                .collect();
        let names = (content.object.iter().map(|object| &object.name))
            .chain(content.vocabulary.iter().map(|vocabulary| &vocabulary.name));
        for name in names.filter(|name| !used.contains(&name.get_ref().as_str())) {
            self.found(file, name, &format!("nothing uses `{}`", name.get_ref()));
        }
    }
}

/// What an example is held against.
struct Judge<'a> {
    spec: &'a Spec,
    /// Fields, as `Object.wire`, whose value need not be one of their vocabulary.
    unlisted: &'a [&'a str],
}

/// Where an example differs from the object that it is one of.
fn faults(judge: &Judge<'_>, object: &Object, value: &Value, place: &str) -> Vec<String> {
    let Value::Object(map) = value else { return vec![format!("{place} is no JSON object")] };
    let mut faults = Vec::new();
    for key in map.keys().filter(|key| object.field.iter().all(|field| field.wire.get_ref() != *key)) {
        faults.push(format!("{place}.{key} is declared nowhere"));
    }
    for field in &object.field {
        let place = format!("{place}.{}", field.wire.get_ref());
        match map.get(field.wire.get_ref()) {
            None if field.required => faults.push(format!("{place} is required and missing")),
            None | Some(Value::Null) if !field.required => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(value) => faults.extend(value_faults(judge, object, field, value, &place)),
            None => {}
        }
    }
    faults
}

fn value_faults(
    judge: &Judge<'_>,
    object: &Object,
    field: &Field,
    value: &Value,
    place: &str,
) -> Vec<String> {
    let spec = judge.spec;
    let fits = match (field.type_.get_ref().as_str(), value) {
        ("any", _) | ("string", Value::String(_)) | ("number", Value::Number(_)) => true,
        ("integer", Value::Number(number)) => number.is_i64(),
        (_, Value::Array(items)) if field.list_of().is_some() => {
            let Some((_, object)) = spec.object(field.item_type()) else { return Vec::new() };
            let faults = |(number, item)| faults(judge, object, item, &format!("{place}[{number}]"));
            return items.iter().enumerate().flat_map(faults).collect();
        }
        (name, Value::Object(_)) if field.list_of().is_none() => {
            return spec.object(name).map_or(Vec::new(), |(_, object)| faults(judge, object, value, place));
        }
        _ => false,
    };
    if !fits {
        return vec![format!("{place} is not of type {}", field.type_.get_ref())];
    }
    let names: Vec<&str> = field.vocabularies().map(|name| name.get_ref().as_str()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let known = match value {
        Value::Number(number) => number.as_i64().map(Wire::Number),
        _ => value.as_str().map(|word| Wire::Word(word.to_owned())),
    };
    let key = format!("{}.{}", object.name.get_ref(), field.wire.get_ref());
    let is_listed = known.is_some_and(|wire| names.iter().any(|name| lists(spec, name, &wire)));
    if is_listed || judge.unlisted.contains(&key.as_str()) {
        Vec::new()
    } else {
        vec![format!("{place} is not one of {}", names.join(", "))]
    }
}

/// Case makes no difference to what a word says: the types of the protocol read it so.
fn same_word(one: &Wire, other: &Wire) -> bool {
    match (one, other) {
        (Wire::Word(one), Wire::Word(other)) => one.eq_ignore_ascii_case(other),
        _ => one == other,
    }
}

/// Whether a vocabulary, or a table of codes with the one that it includes, lists a value.
fn lists(spec: &Spec, name: &str, wire: &Wire) -> bool {
    if let Some((_, vocabulary)) = spec.vocabulary(name) {
        let mut listed = vocabulary.words.iter().flat_map(Word::wires);
        return listed.any(|listed| same_word(listed.get_ref(), wire));
    }
    let Some((_, codes)) = spec.codes(name) else { return true };
    codes.rows.iter().any(|row| Wire::Number(*row.code.get_ref()) == *wire)
        || codes.includes.as_ref().is_some_and(|included| lists(spec, included.get_ref(), wire))
}
