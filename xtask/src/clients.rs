//! Generates clients from the OpenAPI documents and lets them talk to a sandbox: those of openapi-generator for Python and TypeScript, that of
//! openapi-python-client, and schemathesis, which sends what the documents allow and what they do not.
//!
//! The scripts stand in `xtask/clients`, with the versions of the generators. What they make goes to `clients` in cargo's target folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::Running;
use crate::{cargo, ci};

const DOCUMENTS: [(&str, &str); 2] = [("nxcloud", "NXCLOUD_BASE_URL"), ("qxt", "QXT_BASE_URL")];
/// Programs that no package of a registry brings.
const NEEDED: [&str; 3] = ["node", "npm", "python3"];
/// What schemathesis holds an answer against. That a request is refused where a document forbids it is not asked: the platforms are lenient.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance";

/// Generates, builds and runs all of them. Takes a minute where the tests are built, and asks the package registries where `target` is new.
pub(crate) fn run(root: &Path) -> crate::Outcome {
    let is_missing = |program: &&&str| Command::new(program).arg("--version").output().is_err();
    let missing: Vec<&str> = NEEDED.iter().filter(is_missing).copied().collect();
    if !missing.is_empty() {
        return Err(format!(
            "install {} first: the generated clients cannot be tried without",
            missing.join(", ")
        ));
    }
    // The command of the tests, which is built already where they have been run.
    let build = ["test", "--locked", "--workspace", "--all-features", "--no-run", "--quiet"];
    cargo::succeed(&mut ci::quiet(root, &build))?;
    let target = cargo::metadata(root)?.target_directory;
    let clients = Clients { root, scripts: root.join("xtask/clients"), made: target.join("clients") };
    clients.install()?;
    clients.generate()?;
    let numcheck = target.join("debug/numcheck");
    // A check takes no time, and the three seconds between two queries pass in less than one.
    let (_sandbox, account) = Running::sandbox(&numcheck, &["--callback-delay", "0s", "--minute", "6s"])?;
    clients.talk(&account)
}

struct Clients<'a> {
    root: &'a Path,
    scripts: PathBuf,
    made: PathBuf,
}

impl Clients<'_> {
    fn install(&self) -> crate::Outcome {
        let typescript = self.made.join("typescript");
        let failed = |error: std::io::Error| format!("{}: {error}", typescript.display());
        fs::create_dir_all(&typescript).map_err(failed)?;
        for file in ["package.json", "client.ts"] {
            fs::copy(self.scripts.join(file), typescript.join(file)).map_err(failed)?;
        }
        let npm = ["install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"];
        quietly(Command::new("npm").args(npm).current_dir(&typescript))?;
        quietly(Command::new("python3").args(["-m", "venv"]).arg(self.made.join("venv")))?;
        let pip = ["install", "--quiet", "--disable-pip-version-check", "--requirement"];
        quietly(self.python("pip").args(pip).arg(self.scripts.join("requirements.txt")))
    }

    /// A program of the packages that were installed.
    fn python(&self, program: &str) -> Command {
        Command::new(self.made.join("venv/bin").join(program))
    }

    fn document(&self, name: &str) -> PathBuf {
        self.root.join(format!("docs/openapi/{name}.json"))
    }

    fn generate(&self) -> crate::Outcome {
        let python = self.made.join("python");
        // What an earlier document left would hide what this one lacks.
        let _ = fs::remove_dir_all(&python);
        for (name, _) in DOCUMENTS {
            let typescript = self.made.join("typescript").join(name);
            let _ = fs::remove_dir_all(&typescript);
            let package = format!("--additional-properties=packageName={name}");
            let extension = "--additional-properties=importFileExtension=.js".to_owned();
            for (generator, folder, option) in
                [("python", &python, package), ("typescript-fetch", &typescript, extension)]
            {
                let mut command = self.python("openapi-generator-cli");
                command.args(["generate", "--generator-name", generator, &option, "--input-spec"]);
                quietly(command.arg(self.document(name)).arg("--output").arg(folder))?;
            }
            let mut command = self.python("openapi-python-client");
            command.args(["generate", "--meta", "none", "--path"]).arg(self.document(name));
            quietly(command.arg("--output-path").arg(python.join(format!("{name}_client"))))?;
        }
        let typescript = self.made.join("typescript");
        let tsc =
            ["--strict", "--target", "es2022", "--module", "nodenext", "--types", "node", "--outDir", "out"];
        quietly(Command::new("node_modules/.bin/tsc").args(tsc).arg("client.ts").current_dir(typescript))
    }

    fn talk(&self, account: &BTreeMap<String, String>) -> crate::Outcome {
        let quietly = |command: &mut Command| {
            // No compiled file beside the scripts.
            command.envs(account).env("PYTHONDONTWRITEBYTECODE", "1");
            quietly(command.env("NXCLOUD_DOCUMENT", self.document("nxcloud")))
        };
        for script in ["openapi_generator.py", "openapi_python_client.py"] {
            let mut command = self.python("python");
            quietly(command.arg(self.scripts.join(script)).env("PYTHONPATH", self.made.join("python")))?;
            println!("{script}: passed");
        }
        quietly(Command::new("node").arg(self.made.join("typescript/out/client.js")))?;
        println!("client.ts: passed");
        for (name, url) in DOCUMENTS {
            let url = account.get(url).map_or("", String::as_str);
            let mut command = self.python("schemathesis");
            command.arg("run").arg(self.document(name)).args(["--url", url, "--checks", CHECKS]);
            command.args(["--max-examples", "25", "--generation-deterministic", "--no-color"]);
            // It keeps what it has seen where it runs.
            command
                .current_dir(&self.made)
                .env("PYTHONPATH", &self.scripts)
                .env("SCHEMATHESIS_HOOKS", "hooks");
            quietly(&mut command)?;
            println!("schemathesis of {name}.json: passed");
        }
        Ok(())
    }
}

/// Runs a command to its end, and shows what it says only where it fails.
pub(crate) fn quietly(command: &mut Command) -> crate::Outcome {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("cannot start `{program}`: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("{said}{errors}\n`{program}` failed: {}", output.status))
}
