//! Arguments that several verbs take.
//!
//! It reads what was typed and sends nothing.

use std::fmt;
use std::io::Read;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use numcheck_bulk::{PriceKey, PriceTable, SharedPace, Store, SystemWallClock};
use numcheck_protocol::{Currency, Price, Rate};
use numcheck_signing::{Algorithm, Body, Input, Secret};
use numcheck_transport::env;
use numcheck_webhook::PushVerifier;

use crate::config;
use crate::exit::Failure;
use crate::level::Level;
use crate::needed;
use crate::print;
use crate::reading;

/// Prices that are known beforehand.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Prices {
    /// A price per number, such as `hlr:CN=0.05CNY`, or `hlr:*=0.01USD` for every other country; several by commas. Prices that
    /// earlier results have shown are known without it.
    #[arg(
        long,
        env = "NUMCHECK_PRICE",
        hide_env_values = true,
        value_name = "LEVEL:COUNTRY=AMOUNT",
        value_delimiter = ','
    )]
    price: Vec<String>,
}

impl Prices {
    pub(crate) fn table(&self) -> Result<PriceTable, Failure> {
        let mut table = PriceTable::default();
        for text in &self.price {
            let (key, currency, price) = read_price(text).ok_or_else(|| {
                Failure::usage(
                    "--price: write level, country and amount, such as hlr:CN=0.05CNY, basic:*=0.002USD or privacy:*=0.05CNY",
                )
            })?;
            table.set(key, currency, price);
        }
        Ok(table)
    }
}

/// Whether a text is a price, as `--price` takes it.
pub(crate) fn is_price(text: &str) -> bool {
    read_price(text).is_some()
}

fn read_price(text: &str) -> Option<(PriceKey, Currency, Price)> {
    let (level, rest) = text.split_once(':')?;
    let (group, amount) = rest.split_once('=')?;
    let level = <Level as ValueEnum>::from_str(level, true).ok()?.figure();
    let (price, currency) = numcheck_bulk::parse_amount(amount)?;
    Some((PriceKey { level, group: group.to_owned() }, currency, price))
}

/// How many requests are under way at once, where nobody says otherwise.
pub(crate) const CONCURRENCY: u16 = 8;

/// How fast requests may follow each other.
#[derive(Clone, Debug, Args)]
pub(crate) struct Speed {
    /// How many requests are under way at once. Of QXT: as many numbers at most are in doubt after a crash.
    #[arg(long, env = "NUMCHECK_CONCURRENCY", hide_env_values = true, default_value_t = CONCURRENCY, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) concurrency: u16,
    /// Of QXT: at most so many queries a second, such as 20/s, kept together with all who use the store for the same account.
    #[arg(long, env = "NUMCHECK_RATE", hide_env_values = true, value_name = "N/s")]
    pub(crate) rate: Option<QueryRate>,
}

/// How long QXT takes for so many numbers: its document states about 100 ms an answer.
pub(crate) fn asking_takes(numbers: u64, at_once: u16) -> Duration {
    Duration::from_millis(numbers.saturating_mul(100) / u64::from(at_once.max(1)))
}

/// How many queries a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueryRate(NonZeroU32);

impl FromStr for QueryRate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let count = text.strip_suffix("/s").unwrap_or(text).trim();
        count.parse().map(Self).map_err(|_| "write how many a second, such as 20/s")
    }
}

impl QueryRate {
    /// The pace that all who use the store for the same account keep together.
    pub(crate) fn pace(self, store: &Arc<dyn Store>, account: &str) -> SharedPace<dyn Store> {
        let rate = Rate { up_to: None, requests: self.0.get(), per_ms: 1000 };
        let bucket = format!("privacy {account}");
        SharedPace::new(Arc::clone(store), Arc::new(SystemWallClock), bucket, vec![rate])
    }
}

/// How long the platform's minute is.
#[derive(Clone, Debug, Args)]
pub(crate) struct Minute {
    /// How long the platform's minute is; for a sandbox on this machine whose time runs faster, and refused for any other platform.
    #[arg(
        long,
        env = "NUMCHECK_MINUTE",
        hide_env_values = true,
        default_value = "60s",
        value_name = "DURATION"
    )]
    minute: humantime::Duration,
}

impl Minute {
    /// The platform's own.
    const REAL: Duration = Duration::from_secs(60);

    /// The minute of the platform that the command is about to use.
    ///
    /// # Errors
    /// When it is not 60 s for a platform that is not on loopback: what a job believes about a batch in doubt rests on it.
    pub(crate) fn for_platform(&self, is_loopback: bool) -> Result<Duration, Failure> {
        let minute = *self.minute;
        if minute == Self::REAL || is_loopback {
            return Ok(minute);
        }
        Err(Failure::usage(format!(
            "--minute or NUMCHECK_MINUTE: {} is for a sandbox on this machine; a real platform's minute is 60s, and with another one a \
             batch whose answer was lost could be taken for unknown, sent again and paid twice: unset it; nothing was sent",
            self.minute
        )))
    }
}

/// How the platform reaches the receiver.
#[derive(Clone, Args)]
pub(crate) struct PublicUrl {
    /// How the platform reaches the address of --listen from outside, such as `https://example.org`. `receive` needs only its path.
    #[arg(long, env = "NUMCHECK_PUBLIC_URL", hide_env_values = true, value_name = "URL")]
    public_url: Option<String>,
    /// Let a --public-url of another machine be plain http, although whoever sees it on its way can forge results.
    #[arg(
        long,
        env = "NUMCHECK_ALLOW_PLAIN_CALLBACK",
        hide_env_values = true,
        value_parser = BoolishValueParser::new()
    )]
    allow_plain_callback: bool,
}

impl PublicUrl {
    pub(crate) fn is_given(&self) -> bool {
        self.public_url.is_some()
    }

    /// The URL. Whether it is one shows when a callback URL is made of it.
    ///
    /// # Errors
    /// When it is plain http to another machine than this one, which nobody has allowed.
    pub(crate) fn checked(&self) -> Result<Option<&str>, Failure> {
        let Some(url) = self.public_url.as_deref() else { return Ok(None) };
        let scheme = url.trim_start().split_once("://").map(|(scheme, _)| scheme);
        let is_plain = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"));
        if is_plain && !self.allow_plain_callback && !numcheck_transport::is_loopback(url) {
            return Err(Failure::usage(
                "--public-url is plain http to another machine: whoever sees it on its way can forge results; put a proxy with TLS in \
                 between and write https, or say --allow-plain-callback; nothing was sent",
            ));
        }
        Ok(Some(url))
    }
}

/// Shows whether there is one, never which: its path may be a secret.
impl fmt::Debug for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicUrl(***)")
    }
}

/// An address to listen at: `0.0.0.0:8080`, `[::1]:8080`, or a name as `localhost:8080`.
///
/// # Errors
/// When it is neither, or the name has no address.
pub(crate) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let mut addresses = text
        .to_socket_addrs()
        .map_err(|_| "write HOST:PORT, such as 0.0.0.0:8080 or localhost:8080".to_owned())?;
    addresses.next().ok_or_else(|| "the name has no address".to_owned())
}

/// What is done about the signatures of pushed results.
#[derive(Debug, Args)]
pub(crate) struct Signatures {
    /// Take in only results that the account has signed. Otherwise a signature is checked where there is one, and
    /// NXCLOUD_ACCESS_KEY and NXCLOUD_ACCESS_SECRET are known.
    #[arg(long, env = "NUMCHECK_REQUIRE_SIGNED_PUSHES", hide_env_values = true, value_parser = BoolishValueParser::new())]
    require_signed_pushes: bool,
}

impl Signatures {
    pub(crate) fn required(&self) -> bool {
        self.require_signed_pushes
    }

    /// What checks the account's signatures; `None` where the account is not known, and then none are required.
    pub(crate) fn verifier(&self) -> Result<Option<PushVerifier>, Failure> {
        let env = config::env();
        let access_key = env.text("NXCLOUD_ACCESS_KEY").map_err(Failure::setting)?;
        let secret = env.secret("NXCLOUD_ACCESS_SECRET").map_err(Failure::setting)?;
        match (access_key, secret) {
            (Some(access_key), Some(secret)) => {
                let verifier = PushVerifier::new(&access_key, Secret::from(secret));
                // A result that is lost because its retry is old was paid for.
                let verifier = verifier.with_tolerance_ms(PushVerifier::RETRIES_MS);
                Ok(Some(if self.require_signed_pushes { verifier.required() } else { verifier }))
            }
            _ if self.require_signed_pushes => Err(Failure::usage(
                "--require-signed-pushes: NXCLOUD_ACCESS_KEY and NXCLOUD_ACCESS_SECRET are needed to check a signature",
            )),
            _ => Ok(None),
        }
    }
}

/// A request whose signature is made or checked.
#[derive(Debug, Args)]
pub(crate) struct Signed {
    /// The `accessKey` header.
    #[arg(long, env = "NXCLOUD_ACCESS_KEY", hide_env_values = true, value_name = "KEY")]
    access_key: Option<String>,
    /// The `ts` header: Unix time in milliseconds.
    #[arg(long, env = "NUMCHECK_TS", hide_env_values = true, value_name = "MS")]
    pub(crate) ts: String,
    /// The `bizType` header: 1 is number check, 2 is WhatsApp.
    #[arg(long, env = "NUMCHECK_BIZ_TYPE", hide_env_values = true, value_name = "B")]
    biz_type: String,
    /// The `action` header, such as `numbercheck`.
    #[arg(long, env = "NUMCHECK_ACTION", hide_env_values = true, value_name = "A")]
    action: String,
    /// The hash.
    #[arg(
        long,
        env = "NUMCHECK_ALGORITHM",
        hide_env_values = true,
        default_value = "md5",
        value_name = "md5|sha256"
    )]
    pub(crate) algorithm: Algorithm,
    #[command(flatten)]
    body: SignedBody,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct SignedBody {
    /// The body, byte for byte as it is sent; `-` is standard input.
    #[arg(long, env = "NUMCHECK_BODY_FILE", hide_env_values = true, value_name = "F")]
    body_file: Option<PathBuf>,
    /// The request has no body, or a multipart one.
    #[arg(long, env = "NUMCHECK_NO_BODY", hide_env_values = true, value_parser = BoolishValueParser::new())]
    no_body: bool,
}

impl Signed {
    /// Reads secret and body, and hands the input of the signature over.
    pub(crate) async fn with<T>(&self, use_it: impl FnOnce(&Input<'_>, &Secret) -> T) -> Result<T, Failure> {
        let (access_key, secret) = self.account()?;
        let body = match &self.body.body_file {
            Some(path) => Some(read(path, "--body-file").await?),
            None => None,
        };
        let input = Input {
            access_key: &access_key,
            action: &self.action,
            biz_type: &self.biz_type,
            ts: &self.ts,
            body: body.as_deref().map_or(Body::Empty, Body::Json),
        };
        Ok(use_it(&input, &Secret::from(secret)))
    }

    fn account(&self) -> Result<(String, String), Failure> {
        let secret = config::env().required_secret("NXCLOUD_ACCESS_SECRET");
        match (&self.access_key, secret) {
            (Some(access_key), Ok(secret)) => Ok((access_key.clone(), secret)),
            (Some(_), Err(error)) => Err(Failure::usage(error.to_string())),
            (None, _) => {
                needed::check(needed::NXCLOUD)?;
                Err(Failure::setting(env::EnvError::missing("NXCLOUD_ACCESS_KEY")))
            }
        }
    }
}

/// The same of a file that holds a secret or a phone number: a person is told when others can read it.
pub(crate) async fn read_private(path: &Path, option: &str) -> Result<Vec<u8>, Failure> {
    let content = read(path, option).await?;
    if path != Path::new("-") && env::is_readable_by_others(path) {
        print::say(&format!(
            "numcheck: {option}: other users can read this file: chmod 600 {}",
            path.display()
        ));
    }
    Ok(content)
}

/// The content of a file, or of standard input for `-`.
async fn read(path: &Path, option: &str) -> Result<Vec<u8>, Failure> {
    let own = path.to_owned();
    let read = reading::unless_stopped(move || {
        let mut content = Vec::new();
        match own == Path::new("-") {
            true => reading::stdin().read_to_end(&mut content).map(|_| content),
            false => std::fs::read(own),
        }
    });
    read.await?.map_err(|error| {
        Failure::usage(format!("{option}: {} cannot be read", path.display())).because(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_of_its_own_is_for_loopback_only() {
        let minute = |text: &str| Minute { minute: text.parse().unwrap() };
        for text in ["1s", "59s", "1m 30s", "0s"] {
            assert_eq!(minute(text).for_platform(true).unwrap(), *minute(text).minute);
            let refused = minute(text).for_platform(false).unwrap_err();
            assert_eq!(refused.exit(), crate::exit::Exit::Usage);
            for part in ["--minute", "NUMCHECK_MINUTE", text, "paid twice"] {
                assert!(refused.to_string().contains(part), "{refused}");
            }
        }
        for text in ["60s", "1m"] {
            assert_eq!(minute(text).for_platform(false).unwrap(), Duration::from_secs(60));
        }
    }

    #[test]
    fn a_public_url_of_plain_http_beyond_this_machine_needs_a_word() {
        let url = |text: &str, allow_plain_callback| PublicUrl {
            public_url: Some(text.to_owned()),
            allow_plain_callback,
        };
        for text in [
            "http://example.org",
            "HTTP://10.0.0.1:80/x",
            "http://127.0.0.1@example.org",
            " http://[::2]",
            "http://",
        ] {
            let refused = url(text, false).checked().unwrap_err();
            assert_eq!(refused.exit(), crate::exit::Exit::Usage);
            assert!(refused.to_string().contains("--allow-plain-callback"), "{refused}");
            assert!(!refused.to_string().contains("example"), "{refused}");
            assert_eq!(url(text, true).checked().unwrap(), Some(text));
        }
        // What is no URL is refused where a callback URL is made of it.
        for text in [
            "https://example.org",
            "http://127.0.0.1:8080/x?y",
            "http://[::1]:1",
            "http://localhost",
            "not a url",
            "",
        ] {
            assert_eq!(url(text, false).checked().unwrap(), Some(text));
        }
        assert!(PublicUrl { public_url: None, allow_plain_callback: false }.checked().unwrap().is_none());
    }
}
