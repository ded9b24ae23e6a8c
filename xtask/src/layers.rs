//! Which crate may use which, and what a crate must never reach: the design's table, held against `cargo metadata`.
//!
//! It must not hold an exception in code: every rule, dev-dependencies included, stands in [`RULES`] with its reason.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use crate::cargo::{self, Kind, Metadata, Package};

/// What the table says about one crate of the workspace.
struct Rule {
    package: &'static str,
    /// A crate uses only crates of a lower floor. `xtask` stands outside.
    floor: u8,
    /// The crates of the workspace it may use, as a normal or a build dependency, optional or not.
    may_use: &'static [&'static str],
    /// Further ones that its tests and examples may use, beside [`TESTING`].
    tests_may_use: &'static [&'static str],
    /// What it must not reach at any depth with every feature on; its tests may.
    never: &'static [&'static [&'static str]],
    /// What it may have only behind a feature that a caller switches on.
    only_behind_a_feature: &'static [&'static str],
    /// Why the table says so, for the message.
    reason: &'static str,
}

const PROTOCOL: &str = "numcheck-protocol";
const SIGNING: &str = "numcheck-signing";
const TRANSPORT: &str = "numcheck-transport";
const WEBHOOK: &str = "numcheck-webhook";
const TABLES: &str = "numcheck-tables";
const NXCLOUD: &str = "numcheck-nxcloud";
const QXT: &str = "numcheck-qxt";
const SANDBOX: &str = "numcheck-sandbox";
const BULK: &str = "numcheck-bulk";
const JOB: &str = "numcheck-job";
const CLI: &str = "numcheck";
const TESTING: &str = "numcheck-testing";
const BENCH: &str = "numcheck-bench";
const XTASK: &str = "xtask";

/// Every crate of the workspace but `xtask` itself.
const FAMILY: &[&str] =
    &[PROTOCOL, SIGNING, TRANSPORT, WEBHOOK, TABLES, NXCLOUD, QXT, SANDBOX, BULK, JOB, CLI, TESTING];
/// Crates that read a clock: time is an argument where these are forbidden.
const CLOCKS: &[&str] = &[
    "chrono",
    "coarsetime",
    "fasttime",
    "hifitime",
    "humantime",
    "instant",
    "jiff",
    "minstant",
    "quanta",
    "time",
    "tokio",
    "web-time",
];
/// Crates that speak HTTP or run a socket.
const NETWORK: &[&str] = &[
    "axum",
    "h2",
    "http",
    "http-body",
    "hyper",
    "hyper-util",
    "mio",
    "reqwest",
    "rustls",
    "socket2",
    "tokio",
    "tower",
];

/// The design's table. A new arrow is an architecture change: its own commit, its reason in `docs/architecture.md`.
const RULES: &[Rule] = &[
    Rule {
        package: PROTOCOL,
        floor: 0,
        may_use: &[],
        tests_may_use: &[],
        never: &[NETWORK, CLOCKS, &["tracing", "log", "rand", "getrandom"], FAMILY],
        only_behind_a_feature: &[],
        reason: "pure types for both ends of the wire, no_std",
    },
    Rule {
        package: SIGNING,
        floor: 0,
        may_use: &[],
        tests_may_use: &[],
        never: &[
            NETWORK,
            CLOCKS,
            &["serde", "serde_core", "serde_json", "tracing", "log", "rand", "getrandom"],
            FAMILY,
        ],
        only_behind_a_feature: &[],
        reason: "a pure function of bytes, secret and time; a gateway adds it and gets nothing else",
    },
    Rule {
        package: TRANSPORT,
        floor: 1,
        may_use: &[PROTOCOL],
        tests_may_use: &[],
        never: &[&[SIGNING, WEBHOOK, NXCLOUD, QXT, SANDBOX, BULK, JOB, CLI]],
        only_behind_a_feature: &[],
        reason: "authorisation is injected and runs in every attempt",
    },
    Rule {
        package: WEBHOOK,
        floor: 1,
        may_use: &[PROTOCOL, SIGNING],
        tests_may_use: &[],
        never: &[&[TRANSPORT, NXCLOUD, QXT, SANDBOX, BULK, JOB, CLI]],
        only_behind_a_feature: &[
            "http",
            "http-body",
            "http-body-util",
            "hyper",
            "hyper-util",
            "tokio",
            "tower-service",
        ],
        reason: "a receiver needs no client, and its pure part needs no server",
    },
    Rule {
        package: TABLES,
        floor: 1,
        may_use: &[PROTOCOL],
        tests_may_use: &[],
        never: &[
            NETWORK,
            &["clap", "rusqlite", "tokio-postgres"],
            &[SIGNING, TRANSPORT, WEBHOOK, NXCLOUD, QXT, SANDBOX, BULK, JOB, CLI],
        ],
        only_behind_a_feature: &[],
        reason: "reading and writing tables knows no platform, store, price or terminal",
    },
    Rule {
        package: NXCLOUD,
        floor: 2,
        may_use: &[PROTOCOL, SIGNING, TRANSPORT],
        // A facade is tested against the emulated platform, over TCP.
        tests_may_use: &[SANDBOX],
        never: &[&[QXT, WEBHOOK, SANDBOX, BULK, JOB, CLI]],
        only_behind_a_feature: &[],
        reason: "one platform, one facade",
    },
    Rule {
        package: QXT,
        floor: 2,
        may_use: &[PROTOCOL, SIGNING, TRANSPORT],
        // As above.
        tests_may_use: &[SANDBOX],
        never: &[&[NXCLOUD, WEBHOOK, SANDBOX, BULK, JOB, CLI]],
        only_behind_a_feature: &[],
        reason: "one platform, one facade",
    },
    Rule {
        package: SANDBOX,
        floor: 2,
        may_use: &[PROTOCOL, SIGNING],
        // Nothing: the emulator's tests speak raw HTTP, or it and the clients would agree on the same mistake.
        tests_may_use: &[],
        never: &[&[TRANSPORT, NXCLOUD, QXT, WEBHOOK, BULK, JOB, CLI]],
        only_behind_a_feature: &[],
        reason: "an emulator must not share code with what it tests",
    },
    Rule {
        package: BULK,
        floor: 2,
        may_use: &[PROTOCOL],
        // Nothing: what a vendor says is read in `job`, and tested there.
        tests_may_use: &[],
        never: &[&["hyper", "hyper-util", TRANSPORT, SIGNING, NXCLOUD, QXT, SANDBOX, WEBHOOK, JOB, CLI]],
        only_behind_a_feature: &[],
        reason: "the durable job is generic over what submits",
    },
    Rule {
        package: JOB,
        floor: 3,
        may_use: &[PROTOCOL, SIGNING, TRANSPORT, WEBHOOK, NXCLOUD, QXT, BULK],
        // The engine is tested against the emulated platforms, over TCP.
        tests_may_use: &[SANDBOX],
        never: &[&[SANDBOX, CLI, "clap"]],
        only_behind_a_feature: &[],
        reason: "joins the durable job with the clients and the receiver, for a program of one's own",
    },
    Rule {
        package: CLI,
        floor: 4,
        may_use: &[PROTOCOL, SIGNING, TRANSPORT, WEBHOOK, TABLES, NXCLOUD, QXT, SANDBOX, BULK, JOB],
        tests_may_use: &[],
        never: &[],
        only_behind_a_feature: &[],
        reason: "the command joins everything",
    },
    Rule {
        package: TESTING,
        floor: 3,
        // Only for the lists of known words: the tests of every crate use this one, and what they test should not come in by a side door.
        may_use: &[PROTOCOL],
        // The code blocks of the README and of docs/ are compiled as its doctests.
        tests_may_use: &[SIGNING, WEBHOOK, NXCLOUD, QXT, SANDBOX, BULK, JOB],
        never: &[&[SIGNING, TRANSPORT, WEBHOOK, NXCLOUD, QXT, SANDBOX, BULK, JOB, CLI]],
        only_behind_a_feature: &[],
        reason: "what tests share must not hold what they test",
    },
    Rule {
        package: BENCH,
        floor: 4,
        may_use: &[PROTOCOL, SIGNING, TRANSPORT],
        tests_may_use: &[],
        never: &[],
        only_behind_a_feature: &[],
        reason: "figures beside peers; the peers' dependencies stay out of every other crate's tests",
    },
    Rule {
        package: XTASK,
        floor: 0,
        may_use: &[],
        tests_may_use: &[],
        never: &[FAMILY],
        only_behind_a_feature: &[],
        reason: "broken generated code must not stop its own repair",
    },
];

/// Holds the workspace against the table; names every arrow that should not be.
pub(crate) fn run(root: &Path) -> crate::Outcome {
    let findings = check(&cargo::metadata(root)?, RULES);
    if findings.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}\n\nThe table is in xtask/src/layers.rs. A new arrow is an architecture change: its own commit, with its reason \
         in docs/architecture.md.",
        findings.join("\n")
    ))
}

fn check(metadata: &Metadata, rules: &[Rule]) -> Vec<String> {
    let graph = Graph::new(metadata);
    let mut findings = Vec::new();
    for package in metadata.members() {
        match rules.iter().find(|rule| rule.package == package.name) {
            Some(rule) => {
                direct(package, rule, rules, &mut findings);
                deep(package, rule, &graph, &mut findings);
            }
            None => findings.push(format!("{}: the table has no row for this crate", package.name)),
        }
    }
    findings
}

/// What the manifest itself declares.
fn direct(package: &Package, rule: &Rule, rules: &[Rule], findings: &mut Vec<String>) {
    for dependency in &package.dependencies {
        let name = dependency.name.as_str();
        let of_the_workspace = rules.iter().any(|rule| rule.package == name);
        let allowed = rule.may_use.contains(&name)
            || (dependency.kind == Kind::Dev
                && (rule.tests_may_use.contains(&name) || name == TESTING || name == rule.package));
        if of_the_workspace && !allowed {
            let kind = if dependency.kind == Kind::Dev { "its tests must not use" } else { "must not use" };
            findings.push(format!(
                "{} (floor {}) -> {name}: {kind} it ({})",
                rule.package, rule.floor, rule.reason
            ));
        }
        if dependency.kind != Kind::Dev && !dependency.optional && rule.only_behind_a_feature.contains(&name)
        {
            findings.push(format!(
                "{} -> {name}: must be optional, behind a feature that is not a default ({})",
                rule.package, rule.reason
            ));
        }
    }
    for feature in package.features.get("default").into_iter().flatten() {
        if !rule.only_behind_a_feature.is_empty() {
            findings.push(format!(
                "{}: the feature `{feature}` must not be a default, it may bring what a caller did not ask for ({})",
                rule.package, rule.reason
            ));
        }
    }
}

/// What stands anywhere below the crate. One finding for each offender, with the shortest way to it.
fn deep(package: &Package, rule: &Rule, graph: &Graph<'_>, findings: &mut Vec<String>) {
    let forbidden: BTreeSet<&str> = rule.never.iter().copied().flatten().copied().collect();
    for path in graph.paths_to(&package.id, |name| name != rule.package && forbidden.contains(name)) {
        let offender = path.last().copied().unwrap_or_default();
        findings.push(format!("{}: must never reach {offender} ({})", path.join(" -> "), rule.reason));
    }
}

/// Who needs whom when the crate is built for use; what only tests need is left out.
struct Graph<'a> {
    names: BTreeMap<&'a str, &'a str>,
    arrows: BTreeMap<&'a str, Vec<(&'a str, Kind)>>,
}

impl<'a> Graph<'a> {
    fn new(metadata: &'a Metadata) -> Self {
        let names =
            metadata.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
        let arrows = metadata
            .resolve
            .iter()
            .flat_map(|resolve| &resolve.nodes)
            .map(|node| {
                let below = node
                    .deps
                    .iter()
                    .flat_map(|edge| edge.dep_kinds.iter().map(|kind| (edge.pkg.as_str(), kind.kind)))
                    .collect();
                (node.id.as_str(), below)
            })
            .collect();
        Self { names, arrows }
    }

    /// The shortest path of names to every offender. Below an offender nothing more is looked for.
    ///
    /// Build dependencies count for the crate itself; those of others run on the builder's machine only.
    fn paths_to(&self, from: &'a str, offends: impl Fn(&str) -> bool) -> Vec<Vec<&'a str>> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::from([from]);
        let mut queue = VecDeque::from([(from, vec![self.name(from)])]);
        while let Some((id, path)) = queue.pop_front() {
            for (below, kind) in self.arrows.get(id).into_iter().flatten() {
                let counts = *kind == Kind::Normal || (*kind == Kind::Build && id == from);
                if !counts || !seen.insert(below) {
                    continue;
                }
                let mut path = path.clone();
                path.push(self.name(below));
                if offends(self.name(below)) {
                    found.push(path);
                } else {
                    queue.push_back((below, path));
                }
            }
        }
        found
    }

    fn name(&self, id: &'a str) -> &'a str {
        self.names.get(id).copied().unwrap_or(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Metadata of a made-up workspace: members, others, and arrows as (from, to, kind, optional).
    fn made_up(members: &[&str], others: &[&str], arrows: &[(&str, &str, Option<&str>, bool)]) -> Metadata {
        let all = members.iter().chain(others);
        let of = |name: &str| -> Vec<_> { arrows.iter().filter(|arrow| arrow.0 == name).collect() };
        let packages: Vec<Value> = all
            .clone()
            .map(|name| {
                let dependencies: Vec<Value> = of(name)
                    .iter()
                    .map(|arrow| json!({"name": arrow.1, "kind": arrow.2, "optional": arrow.3}))
                    .collect();
                json!({"id": name, "name": name, "dependencies": dependencies, "features": {}, "targets": []})
            })
            .collect();
        let nodes: Vec<Value> = all
            .map(|name| {
                let deps: Vec<Value> = of(name)
                    .iter()
                    .map(|arrow| json!({"pkg": arrow.1, "dep_kinds": [{"kind": arrow.2, "target": null}]}))
                    .collect();
                json!({"id": name, "deps": deps})
            })
            .collect();
        let text = json!({
            "packages": packages, "workspace_members": members, "resolve": {"nodes": nodes}, "target_directory": "t",
        });
        cargo::parse(&text.to_string()).expect("made-up metadata reads")
    }

    fn findings(
        members: &[&str],
        others: &[&str],
        arrows: &[(&str, &str, Option<&str>, bool)],
    ) -> Vec<String> {
        check(&made_up(members, others, arrows), RULES)
    }

    #[test]
    fn the_designs_own_arrows_are_allowed() {
        let arrows: Vec<_> =
            RULES
                .iter()
                .flat_map(|rule| rule.may_use.iter().map(|to| (rule.package, *to, None, false)))
                .chain(RULES.iter().flat_map(|rule| {
                    rule.tests_may_use.iter().map(|to| (rule.package, *to, Some("dev"), false))
                }))
                .collect();
        let members: Vec<_> = RULES.iter().map(|rule| rule.package).collect();
        assert_eq!(findings(&members, &[], &arrows), Vec::<String>::new());
    }

    #[test]
    fn an_illegal_arrow_is_found() {
        let found = findings(&[QXT, NXCLOUD], &[], &[(QXT, NXCLOUD, None, true)]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with("numcheck-qxt (floor 2) -> numcheck-nxcloud: must not use it"),
            "{found:?}"
        );
        assert!(found[1].contains("must never reach numcheck-nxcloud"), "{found:?}");
    }

    #[test]
    fn a_build_dependency_is_an_arrow_too() {
        let found = findings(&[XTASK, PROTOCOL], &[], &[(XTASK, PROTOCOL, Some("build"), false)]);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_deep_offender_is_found_with_its_path() {
        let found = findings(
            &[PROTOCOL],
            &["innocent", "middle", "tokio"],
            &[
                (PROTOCOL, "innocent", None, false),
                ("innocent", "middle", None, false),
                ("middle", "tokio", None, false),
            ],
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("numcheck-protocol -> innocent -> middle -> tokio: must never reach tokio")
        );
    }

    #[test]
    fn what_only_tests_need_is_not_reached() {
        let found = findings(
            &[PROTOCOL],
            &["proptest", "rand"],
            &[(PROTOCOL, "proptest", Some("dev"), false), ("proptest", "rand", None, false)],
        );
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn a_dev_arrow_needs_its_own_word() {
        assert_eq!(
            findings(&[NXCLOUD, SANDBOX], &[], &[(NXCLOUD, SANDBOX, Some("dev"), false)]),
            Vec::<String>::new()
        );
        let found = findings(&[SANDBOX, NXCLOUD], &[], &[(SANDBOX, NXCLOUD, Some("dev"), false)]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("its tests must not use"), "{found:?}");
    }

    #[test]
    fn what_tests_share_is_for_tests_only() {
        assert_eq!(
            findings(&[NXCLOUD, TESTING], &[], &[(NXCLOUD, TESTING, Some("dev"), false)]),
            Vec::<String>::new()
        );
        let found = findings(&[NXCLOUD, TESTING], &[], &[(NXCLOUD, TESTING, None, true)]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("must not use it"), "{found:?}");
    }

    #[test]
    fn the_webhooks_server_stays_behind_its_feature() {
        assert_eq!(findings(&[WEBHOOK], &["hyper"], &[(WEBHOOK, "hyper", None, true)]), Vec::<String>::new());
        let found = findings(&[WEBHOOK], &["hyper"], &[(WEBHOOK, "hyper", None, false)]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("must be optional"), "{found:?}");
    }

    #[test]
    fn a_crate_without_a_row_is_named() {
        assert_eq!(findings(&["stranger"], &[], &[]), ["stranger: the table has no row for this crate"]);
    }

    #[test]
    fn arrows_of_the_table_only_go_down() {
        let floor = |name: &str| RULES.iter().find(|rule| rule.package == name).map(|rule| rule.floor);
        for rule in RULES {
            for below in rule.may_use {
                assert!(floor(below) < Some(rule.floor), "{} -> {below}", rule.package);
                assert!(floor(below).is_some(), "{below} has no row");
            }
        }
    }
}
