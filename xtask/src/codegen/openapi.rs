//! One OpenAPI 3.1 document a platform, with the platform's own pushes as `webhooks`. What it says stands in its template.
//!
//! Nothing is closed that is open: a vocabulary lists its known values and takes any other, and no object forbids further fields.

use std::collections::BTreeSet;

use minijinja::context;
use serde::de::IgnoredAny;

use crate::codegen::json::pretty;
use crate::codegen::read::{Auth, Content, File, Header, Platform, Spec};
use crate::codegen::render::Templates;
use crate::codegen::write::Output;

const FOLDER: &str = "docs/openapi";

/// The documents.
pub(crate) fn outputs(spec: &Spec) -> Result<Vec<Output>, String> {
    let templates = Templates::new(spec)?;
    spec.platforms().map(|platform| document(spec, platform, &templates)).collect()
}

fn document(spec: &Spec, platform: &Platform, templates: &Templates) -> Result<Output, String> {
    let path = format!("{FOLDER}/{}.json", platform.document);
    let failed = |error: &dyn std::fmt::Display| format!("{path}: {error}");
    let own_files: Vec<&File> = spec.files.iter().filter(|file| serves(&file.content, platform)).collect();
    let mut endpoints = own_files.iter().flat_map(|file| &file.content.endpoint);
    let is_signed = endpoints.any(|endpoint| matches!(endpoint.auth, Auth::Signed { .. }));
    let headers: Vec<&Header> =
        spec.files.iter().filter(|_| is_signed).flat_map(|file| &file.content.header).collect();
    let requests: BTreeSet<&str> = (own_files.iter().flat_map(|file| &file.content.endpoint))
        .filter_map(|endpoint| Some(endpoint.request.as_ref()?.get_ref().as_str()))
        .collect();
    let own_codes: Vec<_> = own_files.iter().flat_map(|file| &file.content.codes).collect();
    let included = own_codes.iter().flat_map(|codes| spec.included(codes));
    let mut own_tables: Vec<&str> = Vec::new();
    for name in own_codes.iter().copied().chain(included).map(|codes| codes.name.get_ref()) {
        if !own_tables.contains(&name.as_str()) {
            own_tables.push(name);
        }
    }
    let values =
        context! { platform, version => env!("CARGO_PKG_VERSION"), own_files, own_tables, headers, requests };
    let text = pretty(&templates.render("openapi.json.j2", values).map_err(|error| failed(&error))?);
    serde_json::from_str::<IgnoredAny>(&text).map_err(|error| failed(&error))?;
    Ok(Output { path, text })
}

/// Whether the file has an endpoint or a push of the platform.
fn serves(content: &Content, platform: &Platform) -> bool {
    let mut of = (content.endpoint.iter().map(|endpoint| &endpoint.platform))
        .chain(content.push.iter().map(|push| &push.platform));
    of.any(|of| of.get_ref() == platform.id.get_ref())
}
