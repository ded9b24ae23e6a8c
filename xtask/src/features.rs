//! Every crate of the workspace builds alone, without its features, and with each of them alone.
//!
//! It must not build the workspace at once: features are then unified, and a missing one stays hidden.

use std::path::Path;

use crate::cargo::{self, Metadata};

/// Checks every crate alone. Takes minutes on an empty target, seconds afterwards.
pub(crate) fn run(root: &Path) -> crate::Outcome {
    let plan = plan(&cargo::metadata(root)?);
    let mut failed = Vec::new();
    for step in &plan {
        let args: Vec<&str> = step.iter().map(String::as_str).collect();
        println!("cargo {}", args.join(" "));
        if let Err(message) = cargo::succeed(&mut cargo::command(root, &args)) {
            failed.push(message);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// The cargo commands, in the workspace's order.
fn plan(metadata: &Metadata) -> Vec<Vec<String>> {
    let mut steps = Vec::new();
    for package in metadata.members() {
        let base = ["check", "--quiet", "--package", &package.name, "--no-default-features"];
        let base: Vec<String> = base.iter().map(|word| (*word).to_owned()).collect();
        steps.push(base.clone());
        for (feature, enables) in &package.features {
            // A default that enables nothing is the build that was just checked.
            if feature == "default" && enables.is_empty() {
                continue;
            }
            let mut step = base.clone();
            step.extend(["--features".to_owned(), feature.clone()]);
            steps.push(step);
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_crate_alone_then_each_feature_alone() {
        let package = |name: &str, features: serde_json::Value| json!({"id": name, "name": name, "dependencies": [], "features": features, "targets": []});
        let text = json!({
            "packages": [
                package("plain", json!({})),
                package("rich", json!({"default": [], "server": ["dep:hyper"]})),
                package("stranger", json!({"odd": []})),
            ],
            "workspace_members": ["plain", "rich"], "resolve": null, "target_directory": "t",
        });
        let plan = plan(&cargo::parse(&text.to_string()).expect("made-up metadata reads"));
        let lines: Vec<String> = plan.iter().map(|step| step.join(" ")).collect();
        assert_eq!(
            lines,
            [
                "check --quiet --package plain --no-default-features",
                "check --quiet --package rich --no-default-features",
                "check --quiet --package rich --no-default-features --features server",
            ]
        );
    }
}
