//! `numcheck receive`: takes results in for all jobs of a store.
//!
//! It submits nothing. Any number of receivers may work on one store.

use std::cell::Cell;
use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_bulk::store::Reread;
use numcheck_bulk::{Folding, Unmatched};
use serde_json::json;
use tokio::time::timeout;

use crate::admin::AdminArgs;
use crate::batch_log::BatchLog;
use crate::commands::arguments::{PublicUrl, Signatures, listen_address};
use crate::durable::{StoreAt, turned_away_line};
use crate::exit::{Exit, Failure};
use crate::print;
use crate::stop::Stop;
use numcheck_job::{Engine, Receiving, receiver_key};

/// How long what is stored may take to be entered before the process ends.
const ENTERING: Duration = Duration::from_secs(10);

/// Receive results for all jobs of the store, until it is stopped.
///
/// Runs until SIGTERM or Ctrl-C; then it accepts nothing more, has 30 seconds to store what is on its way and 10 to enter it into the jobs, and ends. What
/// was not stored by then was not acknowledged, and comes again.
///
/// It takes results at the URLs that `run` and `submit` give with each batch, and at one fixed URL, which --print-url prints: for an application
/// whose callback URL is configured on the platform.
#[derive(Debug, Args)]
pub(crate) struct Receive {
    /// Where to listen, such as 0.0.0.0:8080.
    #[arg(
        long,
        env = "NUMCHECK_LISTEN",
        hide_env_values = true,
        value_name = "ADDR",
        value_parser = listen_address
    )]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    public_url: PublicUrl,
    #[command(flatten)]
    admin: AdminArgs,
    /// Show the results that belong to no number, or came a second time with other content, and end. They hold phone numbers.
    #[arg(long, env = "NUMCHECK_SHOW_QUARANTINE", hide_env_values = true, value_parser = BoolishValueParser::new())]
    show_quarantine: bool,
    /// Enter the results that were quarantined and now belong to a number, since this release reads more or their job is back, and end. None
    /// counts twice; what still belongs to no number, or cannot be read, stays. Costs nothing.
    #[arg(
        long,
        env = "NUMCHECK_REREAD",
        hide_env_values = true,
        conflicts_with = "show_quarantine",
        value_parser = BoolishValueParser::new()
    )]
    reread: bool,
    /// Print the store's fixed URL below --public-url, to be configured on the platform as the application's callback URL, and end. Whoever knows it
    /// can push results of any batch: treat it like a password.
    #[arg(
        long,
        env = "NUMCHECK_PRINT_URL",
        hide_env_values = true,
        conflicts_with_all = ["show_quarantine", "reread"],
        value_parser = BoolishValueParser::new()
    )]
    print_url: bool,
    /// Store results, and leave entering them into their jobs to another process on the same store: a run, or another receiver.
    #[arg(long, env = "NUMCHECK_STORE_ONLY", hide_env_values = true, value_parser = BoolishValueParser::new())]
    store_only: bool,
    /// Print one JSON object when it listens, or when it has reread.
    #[arg(long, env = "NUMCHECK_JSON", hide_env_values = true, value_parser = BoolishValueParser::new())]
    json: bool,
    #[command(flatten)]
    signatures: Signatures,
    #[command(flatten)]
    store: StoreAt,
}

impl Receive {
    pub(crate) async fn run(self) -> Result<Exit, Failure> {
        if self.print_url && !self.public_url.is_given() {
            return Err(Failure::usage(
                "--print-url: say by --public-url how the platform reaches this machine",
            ));
        }
        let looks_back = self.show_quarantine || self.reread;
        // Not by clap, which does not see what a profile says.
        if self.listen.is_none() && !looks_back && !self.print_url {
            return Err(Failure::usage("--listen: say where to listen, such as 0.0.0.0:8080"));
        }
        let url = if looks_back { None } else { self.public_url.checked()? };
        let store = match looks_back {
            true => self.store.open_existing_or_fail().await?,
            false => self.store.open_or_create().await?,
        };
        if let Some(public_url) = url.filter(|_| self.print_url) {
            let capability = receiver_key(&*store).await?.fixed_capability();
            let url = capability.url(public_url).map_err(Failure::of)?;
            if self.json {
                print::json(&json!({"url": url.as_str()}))?;
            } else {
                print::data(url.as_str())?;
            }
            return Ok(Exit::Settled);
        }
        let engine = Engine::new(store);
        let listen = match self.listen {
            _ if self.reread => return reread(&engine, self.json).await,
            Some(listen) if !self.show_quarantine => listen,
            _ => return show_quarantine(&engine).await,
        };
        self.admin.check(Some(listen))?;
        let verifier = self.signatures.verifier()?;
        let stop = Stop::on_signal(
            "numcheck: stopping: nothing more is taken in, and what is on its way is stored first; once more ends at once",
        );
        let receiving = Receiving::start(&**engine.store(), engine.inbox(), listen, url, verifier).await?;
        let admin = self.admin.start(&engine, Some(&receiving))?;
        let log = BatchLog::start(engine.store(), None);
        if self.json {
            let admin = admin.as_ref().map(|admin| admin.address().to_string());
            print::json(&json!({"listening": receiving.address().to_string(), "admin": admin}))?;
        } else {
            print::say(&format!("numcheck: receiving at {}; end it with Ctrl-C", receiving.address()));
        }
        let told = SetAside::default();
        if self.store_only {
            stop.wait().await;
            receiving.close().await;
        } else {
            tokio::select! {
                () = stop.wait() => {}
                () = engine.inbox().keep_folding(Folding::default()) => {}
                () = told.keep_telling_first(&engine) => {}
            }
            receiving.close().await;
            match timeout(ENTERING, engine.inbox().fold_all()).await {
                Ok(entered) => drop(entered.map_err(Failure::of)?),
                // They are stored.
                Err(_) => tracing::info!(
                    "not all results are entered into their jobs: the next process on the store goes on"
                ),
            }
        }
        log.end().await;
        told.tell(&engine);
        for (kind, count) in engine.inbox().turned_away() {
            print::say(&format!("numcheck: {}", turned_away_line(&kind, count)));
        }
        Ok(Exit::Settled)
    }
}

/// How many results were quarantined, as far as it was told.
#[derive(Debug, Default)]
struct SetAside(Cell<u64>);

impl SetAside {
    /// Tells of it once there is something to tell, and says no more. Never resolves.
    async fn keep_telling_first(&self, engine: &Engine) {
        while self.0.get() == 0 {
            let entered = engine.inbox().entered();
            self.tell(engine);
            entered.await;
        }
        pending().await
    }

    /// Tells of what was not told before.
    fn tell(&self, engine: &Engine) {
        let Unmatched { strays, conflicts, .. } = engine.inbox().unmatched();
        let count = strays + conflicts;
        if self.0.replace(count) == count {
            return;
        }
        print::say(&format!(
            "numcheck: {} {} set aside: {strays} of no number that is known, or unreadable, {conflicts} second ones with other content; \
             numcheck receive --show-quarantine shows them",
            print::count(count, "result"),
            print::form(count, "was", "were"),
        ));
    }
}

async fn show_quarantine(engine: &Engine) -> Result<Exit, Failure> {
    engine.inbox().fold_all().await.map_err(Failure::of)?;
    let mut after = 0;
    loop {
        let some = engine.store().quarantine(after, 100).await.map_err(Failure::of)?;
        let Some(last) = some.last() else {
            if after == 0 {
                print::say("numcheck: nothing is quarantined");
            }
            return Ok(Exit::Settled);
        };
        after = last.id;
        for odd in some {
            let (body, body_base64) = match String::from_utf8(odd.body) {
                Ok(body) => (Some(body), None),
                Err(bytes) => (None, Some(base64(bytes.as_bytes()))),
            };
            let mut entry = json!({
                "id": odd.id, "batch_no": odd.batch_no, "received_ms": odd.received_ms,
                "why": if odd.conflict { "conflict" } else { "unknown" }, "body": body,
            });
            if let (Some(entry), Some(body_base64)) = (entry.as_object_mut(), body_base64) {
                entry.insert("body_base64".to_owned(), body_base64.into());
            }
            print::json(&entry)?;
        }
    }
}

async fn reread(engine: &Engine, json: bool) -> Result<Exit, Failure> {
    let Reread { seen, entered, .. } = engine.inbox().reread_all().await.map_err(Failure::of)?;
    let left = seen - entered.seen;
    if json {
        print::json(&json!({
            "looked_at": seen, "entered": entered.first + entered.charged_again, "charged_again": entered.charged_again,
            "repeats": entered.repeats, "conflicts": entered.conflicts, "left": left,
        }))?;
    } else {
        let again = match entered.charged_again {
            0 => String::new(),
            again => format!(" ({again} a second charge)"),
        };
        let form = |count: u32, one, many| print::form(count.into(), one, many);
        print::say(&format!(
            "numcheck: {} of {} entered{again}; {} {} a known one, {} {} one and {}, {left} still {} to no number or cannot be read",
            entered.first + entered.charged_again,
            print::count(seen.into(), "quarantined result"),
            entered.repeats,
            form(entered.repeats, "repeats", "repeat"),
            entered.conflicts,
            form(entered.conflicts, "contradicts", "contradict"),
            form(entered.conflicts, "stays", "stay"),
            form(left, "belongs", "belong"),
        ));
    }
    Ok(Exit::Settled)
}

/// Bytes in base64 (RFC 4648), with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let word =
            three.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = DIGITS.get((word >> (18 - 6 * place)) as usize & 63).copied().unwrap_or(b'=');
            text.push(char::from(if place <= three.len() { digit } else { b'=' }));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xb3]), "//6z");
    }
}
