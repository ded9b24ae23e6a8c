//! The Rust side: one module a spec file, and the index over all of them, from the templates beside this file.
//!
//! How messages, vocabularies and codes behave stands in the macros of `crates/protocol/src/message.rs` and `table.rs`.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use minijinja::context;
use minijinja::value::Value;

use crate::codegen::read::{Endpoint, Field, File, Holds, Object, ResultView, Spec};
use crate::codegen::render::Templates;
use crate::codegen::text::snake;
use crate::codegen::write::Output;

const FOLDER: &str = "crates/protocol/src/generated";

/// The generated modules, laid out by rustfmt.
pub(crate) fn outputs(spec: &Spec) -> Result<Vec<Output>, String> {
    let templates = Templates::new(spec)?;
    let render = |name: &str, template: &str, values| {
        let path = format!("{FOLDER}/{name}.rs");
        let text = templates.render(template, values).and_then(|text| rustfmt(&text));
        Ok(Output { text: text.map_err(|error| format!("{path}: {error}"))?, path })
    };
    let modules = spec.files.iter().map(|file| render(&file.name, "module.rs.j2", module(spec, file)));
    let all = ["index", "mod"].map(|name| render(name, &format!("{name}.rs.j2"), context! {}));
    modules.chain(all).collect()
}

/// What the template of a module knows: the file's content, and what needs the rest of the spec.
fn module(spec: &Spec, file: &File) -> Value {
    let content = &file.content;
    let endpoint: Vec<Value> = content.endpoint.iter().map(|item| endpoint(spec, item)).collect();
    let object: Vec<Value> = content.object.iter().map(|object| message(spec, object)).collect();
    let result = content.result.as_ref().map(|view| result(spec, file, view));
    let uses = uses(spec, file);
    context! { module => file.name, from => file.path, uses, endpoint, object, result, ..Value::from_serialize(content) }
}

/// What the module takes from others: the tables that its own include, and what is written by hand for it.
fn uses(spec: &Spec, file: &File) -> BTreeSet<String> {
    let (content, module) = (&file.content, &file.name);
    let included = content.codes.iter().flat_map(|codes| spec.included(codes));
    let tables = included.filter_map(|codes| spec.codes(codes.name.get_ref()));
    let tables = tables.filter(|(home, _)| home.name != *module);
    let fields = content.object.iter().flat_map(|object| &object.field);
    let either = fields.filter(|field| field.or.is_some()).map(|field| field_type(spec, field));
    let result = content.result.as_ref().map(|_| "{Column, Dialect}".to_owned());
    (tables.map(|(home, codes)| format!("super::{}::{}", home.name, codes.name.get_ref())))
        .chain(either.chain(result).map(|name| format!("crate::{module}::{name}")))
        .collect()
}

fn result(spec: &Spec, file: &File, view: &ResultView) -> Value {
    let fields: Vec<Value> = view
        .field
        .iter()
        .map(|field| {
            let fields = file.content.object.iter().flat_map(|object| &object.field);
            let mut fills = fields.filter(|one| one.fills(field.name.get_ref()));
            // A field that takes the values of two vocabularies takes those of either.
            let widest = fills.clone().find(|one| one.or.is_some()).or_else(|| fills.next());
            let rust = widest.map_or_else(String::new, |one| field_type(spec, one));
            context! { rust, ..Value::from_serialize(field) }
        })
        .collect();
    context! { field => fields, ..Value::from_serialize(view) }
}

fn endpoint(spec: &Spec, endpoint: &Endpoint) -> Value {
    let body_type = endpoint.request.as_ref().map(|name| type_name(spec, name.get_ref()));
    let response = type_name(spec, endpoint.reply.get_ref());
    context! { body_type, response, ..Value::from_serialize(endpoint) }
}

fn message(spec: &Spec, object: &Object) -> Value {
    let fields: Vec<Value> = object
        .field
        .iter()
        .map(|field| context! { rust => field_type(spec, field), ..Value::from_serialize(field) })
        .collect();
    let name = object.name.get_ref();
    let code = object.field.iter().find_map(|field| {
        let table = spec.codes(field.vocabulary.as_ref()?.get_ref())?.1;
        Some((snake(field.wire.get_ref()), table.name.get_ref()))
    });
    let texts: Vec<String> =
        object.field.iter().filter(|field| field.text).map(|field| snake(field.wire.get_ref())).collect();
    let (code, code_type) = code.unzip();
    let finds = |field: &Field| {
        let views = spec.files.iter().filter_map(|file| file.content.result.as_ref());
        let mut found = views.flat_map(|view| &view.field).filter(|found| found.finding);
        found.any(|found| field.fills(found.name.get_ref()))
    };
    let wire = |field: &Field| snake(field.wire.get_ref());
    let findings: Vec<String> = object.field.iter().filter(|field| finds(field)).map(wire).collect();
    // In the spec's order: a value of its own, or what the object inside it fills.
    let fills: Vec<Value> = object
        .field
        .iter()
        .filter(|field| field.result.is_some() || fills(spec, field.type_.get_ref(), 0))
        .map(|field| context! { name => wire(field), result => field.result })
        .collect();
    context! {
        field => fields,
        rust => type_name(spec, name),
        any => type_name(spec, name).replace("'a", "'_"),
        code,
        code_type,
        texts,
        findings,
        fills,
        ..Value::from_serialize(object)
    }
}

/// The Rust type of a message, with a lifetime where it borrows.
fn type_name(spec: &Spec, object: &str) -> String {
    if borrows(spec, object, 0) { format!("{object}<'a>") } else { object.to_owned() }
}

fn borrows(spec: &Spec, object: &str, depth: usize) -> bool {
    let fields = spec.object(object).into_iter().flat_map(|(_, object)| &object.field);
    // A spec that nests without end must not hang it; whatever is as deep borrows.
    depth > 8
        || fields.into_iter().any(|field| match spec.object(field.item_type()) {
            Some(_) => borrows(spec, field.item_type(), depth + 1),
            None => field_type(spec, field).ends_with("<'a>"),
        })
}

/// Whether an object, or one inside it, fills a field of the result.
fn fills(spec: &Spec, object: &str, depth: usize) -> bool {
    let fields = spec.object(object).into_iter().flat_map(|(_, object)| &object.field);
    let mut fields = fields.filter(|_| depth < 8);
    fields.any(|field| field.result.is_some() || fills(spec, field.type_.get_ref(), depth + 1))
}

/// The Rust type that a field holds.
fn field_type(spec: &Spec, field: &Field) -> String {
    if spec.object(field.item_type()).is_some() {
        let item = type_name(spec, field.item_type());
        return if field.list_of().is_some() { format!("List<{item}>") } else { item };
    }
    let name = match (&field.vocabulary, field.holds, field.type_.get_ref().as_str()) {
        (Some(vocabulary), ..) if field.or.is_some() => return format!("Any{}", vocabulary.get_ref()),
        (Some(vocabulary), ..) => vocabulary.get_ref(),
        _ if field.secret => "HiddenText<'a>",
        (_, Some(Holds::PhoneNumbers | Holds::CallbackUrl), _) => "HiddenText<'a>",
        (_, Some(Holds::PhoneNumber), _) => "PhoneText<'a>",
        (.., "integer") => "Count",
        (.., "number") => "Price",
        (.., "any") => "Json",
        _ => "Text<'a>",
    };
    name.to_owned()
}

/// Lays Rust text out as `cargo fmt` would.
fn rustfmt(text: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("rustfmt: {error}");
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(crate::root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // It reads everything before it writes anything.
    rustfmt.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(text.as_bytes())).map_err(failed)?;
    let output = rustfmt.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        return Err(format!("rustfmt: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
