//! Reads spec files, and says of one that cannot be read where and why.

use std::path::Path;

use crate::codegen::read::{FOLDER, File, Spec, line};

/// Reads every spec file below the root.
pub(crate) fn read(root: &Path) -> Result<Spec, String> {
    let folder = root.join(FOLDER);
    let failed = |error: std::io::Error| format!("{FOLDER}: {error}");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        match name.strip_suffix(".toml") {
            Some(stem) => names.push(stem.to_owned()),
            None => return Err(format!("{FOLDER}/{name}: is no spec file; their names end in .toml")),
        }
    }
    names.sort();
    let files = names.iter().map(|name| {
        let path = format!("{FOLDER}/{name}.toml");
        let text = std::fs::read_to_string(root.join(&path)).map_err(|error| format!("{path}: {error}"))?;
        parse(name, text)
    });
    Ok(Spec { files: files.collect::<Result<_, _>>()? })
}

/// Reads one spec file.
pub(crate) fn parse(name: &str, text: String) -> Result<File, String> {
    let path = format!("{FOLDER}/{name}.toml");
    let failed = |error: toml::de::Error| {
        let line = error.span().map_or(1, |span| line(&text, span.start));
        format!("{path}:{line}: {}", error.message())
    };
    let content = toml::from_str(&text).map_err(failed)?;
    let table: toml::Table = text.parse().map_err(failed)?;
    match untidy(&toml::Value::Table(table), "") {
        Some(what) => Err(format!("{path}: {what}")),
        None => Ok(File { name: name.to_owned(), path, text, content }),
    }
}

/// The first text that is empty or has white space around it, by its keys.
fn untidy(value: &toml::Value, place: &str) -> Option<String> {
    match value {
        toml::Value::String(text) if text.is_empty() => Some(format!("`{place}` is empty")),
        toml::Value::String(text) if text.trim() != text => {
            Some(format!("`{place}` has white space around it"))
        }
        toml::Value::Table(table) => table.iter().find_map(|(key, value)| {
            untidy(value, &if place.is_empty() { key.clone() } else { format!("{place}.{key}") })
        }),
        toml::Value::Array(items) => {
            items.iter().enumerate().find_map(|(number, value)| untidy(value, &format!("{place}[{number}]")))
        }
        _ => None,
    }
}
