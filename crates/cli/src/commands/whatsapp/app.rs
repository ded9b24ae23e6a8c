//! `numcheck whatsapp create-app`: creates an application, and saves its key, which no operation returns again.
//!
//! Nothing is sent before it is settled where the key goes.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_protocol::whatsapp::{self, AppName};
use numcheck_protocol::{CallbackUrl, Endpoint};
use serde_json::Map;

use super::{fail, succeed};
use crate::call::{self, Network};
use crate::drift;
use crate::exit::{Exit, Failure};
use crate::print;
use crate::stop::Stop;

/// Create an application. An account can have 1000, and none can be removed here.
///
/// The platform tells the application's key once, and never again: it is written to a file, which only this user can read, or shown.
/// NXCLOUD_APPKEY_FILE takes that file. Nothing is known to be charged, so it does not ask first. Sent once: an answer that was lost leaves it in doubt whether there is an application.
#[derive(Debug, Args)]
pub(crate) struct CreateApp {
    /// What the application is called.
    #[arg(long, env = "NUMCHECK_APP_NAME", hide_env_values = true, value_name = "NAME")]
    name: AppName,
    /// Where the platform pushes what happens. Who knows it may push to it.
    #[arg(long, env = "NUMCHECK_WEBHOOK_URL", hide_env_values = true, value_name = "U")]
    webhook_url: CallbackUrl,
    /// Write the key to this new file.
    #[arg(
        long,
        env = "NUMCHECK_KEY_FILE",
        hide_env_values = true,
        value_name = "F",
        required_unless_present = "show"
    )]
    key_file: Option<PathBuf>,
    /// Show the key, which is a secret.
    #[arg(long, env = "NUMCHECK_SHOW", hide_env_values = true, value_parser = BoolishValueParser::new())]
    show: bool,
    /// Print one JSON object.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    network: Network,
}

impl CreateApp {
    pub(super) async fn run(self) -> Result<Exit, Failure> {
        // A variable may say that there is nothing to show.
        if self.key_file.is_none() && !self.show {
            return Err(Failure::usage(
                "--key-file or --show: the key is told once and must go somewhere; nothing was sent",
            ));
        }
        let stop = Stop::on_signal(call::STOPPING);
        let client = call::nxcloud(&self.network)?;
        let file = self.key_file.as_deref().map(KeyFile::create).transpose()?;
        let call = client.whatsapp().create_app(self.name, self.webhook_url);
        let app = match call::once(&stop, &whatsapp::CreateApp::INFO, call).await {
            Ok(app) => app,
            Err(error) => {
                let doubt =
                    "nobody can list applications, so ask the platform's support before creating another";
                return fail(&error, self.json, doubt);
            }
        };
        drift::tell(&app.drift);
        let key = app.data.app_key.text();
        let mut more = Map::new();
        let mut line = "created an application".to_owned();
        if let Some(id) = app.data.app_id.get().map(|id| id.get()) {
            more.insert("app_id".to_owned(), id.into());
            line.push_str(&format!(" with the number {id}"));
        }
        if let Some(name) = app.data.app_name.get() {
            more.insert("app_name".to_owned(), name.as_str().into());
        }
        let mut written = Ok(());
        match (&key, &self.key_file, file) {
            // It may stand there under another name, and is told once.
            (None, Some(path), Some(file)) => {
                written = file.keep(&String::from_utf8_lossy(app.body()));
                print::say(&format!(
                    "numcheck: the platform told no key where it should stand; its whole answer is in {}",
                    path.display()
                ));
            }
            (None, ..) => {
                let answer = String::from_utf8_lossy(app.body());
                line.push_str(&format!("; the whole answer: {answer}"));
                more.insert("answer".to_owned(), answer.into());
                print::say(
                    "numcheck: the platform told no key where it should stand; its whole answer is printed",
                );
            }
            (Some(key), Some(path), Some(file)) => {
                written = file.keep(key);
                more.insert("key_file".to_owned(), path.to_string_lossy().into());
                line.push_str(&format!("; its key is in {}", path.display()));
            }
            (Some(_), ..) => {}
        }
        if let Some(key) = key.filter(|_| self.show) {
            line.push_str(&format!("; its key is {key}"));
            more.insert("app_key".to_owned(), key.into());
        }
        // What could not be written was shown, if that was asked for.
        let shown = succeed(self.json, "created", more.into(), &line)?;
        written.map(|()| shown)
    }
}

/// A file for the key, made before anything is sent. It goes again where there is no key to keep.
struct KeyFile {
    file: File,
    path: PathBuf,
    kept: bool,
}

impl KeyFile {
    fn create(path: &Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| {
            let text = format!("--key-file: {} cannot be made anew; nothing was sent", path.display());
            Failure::usage(text).because(error)
        })?;
        Ok(Self { file, path: path.to_owned(), kept: false })
    }

    fn keep(mut self, key: &str) -> Result<(), Failure> {
        // A file that holds a part of the key is better than none.
        self.kept = true;
        let written = self.file.write_all(format!("{key}\n").as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(|error| {
            let path = self.path.display();
            Failure::new(format!(
                "the application was created, but its key cannot be written to {path}: ask the platform's support for it"
            ))
            .because(error)
        })
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        if !self.kept {
            // It is empty; where it cannot be removed, that does no harm.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
