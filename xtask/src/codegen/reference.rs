//! The reference pages: one for each spec file, and an index. What they say stands in their templates.

use minijinja::context;

use crate::codegen::read::Spec;
use crate::codegen::render::Templates;
use crate::codegen::write::Output;

const FOLDER: &str = "docs/reference";

/// The pages.
pub(crate) fn outputs(spec: &Spec) -> Result<Vec<Output>, String> {
    let templates = Templates::new(spec)?;
    let page = |name: &str, template: &str, values| {
        let path = format!("{FOLDER}/{name}.md");
        let text = templates.render(template, values).map_err(|error| format!("{path}: {error}"))?;
        Ok(Output { path, text: single_spaced(&text) })
    };
    let pages = spec
        .files
        .iter()
        .map(|file| page(&file.name, "page.md.j2", context! { file, content => file.content }));
    pages.chain([page("README", "index.md.j2", context! {})]).collect()
}

/// At most one empty line at a time, and none at the end: a template leaves some where a part has nothing to say.
fn single_spaced(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.dedup_by(|line, before| line.is_empty() && before.is_empty());
    format!("{}\n", lines.join("\n").trim())
}
