//! Makes everything that is derived from `crates/protocol/spec`: Rust tables, fixtures, reference pages, OpenAPI documents.
//!
//! It must not state a fact of its own: facts live in the spec. It must not read anything but the spec, so that what it makes
//! is the same on every machine.

mod check;
mod fixtures;
mod json;
mod load;
mod openapi;
mod read;
mod reference;
mod render;
mod rust;
mod text;
mod write;

#[cfg(test)]
mod tests;

use std::path::Path;

use read::Spec;
use write::Output;

/// What mends a stale file.
const COMMAND: &str = "cargo xtask codegen";

/// Writes what is derived, or under `check` compares it and names every stale file.
pub(crate) fn run(check: bool) -> crate::Outcome {
    run_in(&crate::root(), check)
}

fn run_in(root: &Path, check: bool) -> crate::Outcome {
    let spec = load::read(root)?;
    let findings = check::check(&spec);
    if !findings.is_empty() {
        return Err(findings.join("\n"));
    }
    write::sync(root, &outputs(&spec)?, check)
}

/// Everything that is made, in the order in which it is written.
fn outputs(spec: &Spec) -> Result<Vec<Output>, String> {
    let mut outputs = rust::outputs(spec)?;
    outputs.extend(fixtures::outputs(spec));
    outputs.extend(reference::outputs(spec)?);
    outputs.extend(openapi::outputs(spec)?);
    Ok(outputs)
}
