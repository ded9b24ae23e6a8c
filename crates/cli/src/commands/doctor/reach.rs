//! Whether a platform can be reached: name look-up, connection, TLS, and an answer, whatever it says. It sends `GET /`, without a key.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use numcheck_bulk::{SystemWallClock, WallClock as _};
use numcheck_protocol::{Auth, BodyKind, Info, Method, Platform, Repeat};
use numcheck_transport::http::header::DATE;
use numcheck_transport::{Address, Call, Client, NoAuthorization, Reply, RetryPolicy, SendErrorKind, Stream};
use tokio::net::{TcpStream, lookup_host};

use super::check::{Check, with_causes};
use crate::call::Network;
use crate::config;

/// The names of the checks of one platform.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    pub(super) dns: &'static str,
    pub(super) connection: &'static str,
    pub(super) tls: &'static str,
}

/// What is known of the way to a platform.
pub(super) struct Reached {
    pub(super) checks: Vec<Check>,
    pub(super) is_reached: bool,
    /// By how much this machine's clock is ahead of the platform's, in milliseconds, where an answer told its time.
    pub(super) ahead_ms: Option<i64>,
}

/// How far a connection got.
#[derive(Debug, Default)]
struct Trail {
    host: Option<String>,
    addresses: Option<Result<Vec<SocketAddr>, String>>,
    connected: Option<Result<SocketAddr, String>>,
}

/// Tries the way to `url`.
pub(super) async fn reach(names: Names, url: &str, network: &Network) -> Reached {
    const LOOK: Info = Info::new("doctor.look", Platform::Nxcloud, "/", Auth::ApiKey)
        .with_method(Method::Get)
        .with_body(BodyKind::Empty)
        .with_repeat(Repeat::Safe);
    let failed = |check| Reached { checks: vec![check], is_reached: false, ahead_ms: None };
    let settings = match network.settings() {
        Ok(settings) => settings,
        Err(failure) => {
            return failed(Check::bad(
                names.tls,
                with_causes(&failure),
                "correct --ca-file, or leave it out",
            ));
        }
    };
    let trail = Arc::new(Mutex::new(Trail::default()));
    let client = settings(Client::builder(url))
        .proxy(config::env().proxy())
        .retry(RetryPolicy::never())
        .dial({
            let trail = Arc::clone(&trail);
            move |to| connect(Arc::clone(&trail), to)
        })
        .build();
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            return failed(Check::bad(names.connection, with_causes(&error), "correct the address"));
        }
    };
    let before_ms = SystemWallClock.now_ms();
    let answered = client.send(Call::new(&LOOK), &NoAuthorization).await;
    let after_ms = SystemWallClock.now_ms();

    let trail = std::mem::take(&mut *trail.lock().unwrap_or_else(PoisonError::into_inner));
    let host = trail.host.unwrap_or_default();
    let is_name = host.parse::<IpAddr>().is_err();
    let host = if client.base_url().contains(&host) { host } else { format!("the proxy {host}") };
    let mut checks = Vec::new();
    match trail.addresses {
        Some(Ok(_)) if !is_name => {
            checks.push(Check::skipped(names.dns, format!("{host} is an address, and no name")))
        }
        Some(Ok(addresses)) => {
            checks.push(Check::ok(names.dns, format!("{host} has {}", listed(&addresses))))
        }
        Some(Err(why)) => checks.push(Check::bad(
            names.dns,
            format!("{host}: the name cannot be looked up: {why}"),
            "check the address for a slip, and this machine's name server; behind a proxy, set HTTPS_PROXY",
        )),
        None => {}
    }
    match trail.connected {
        Some(Ok(address)) => checks.push(Check::ok(names.connection, format!("connected to {address}"))),
        Some(Err(why)) => checks.push(Check::bad(
            names.connection,
            format!("no connection to {host}: {why}"),
            "check that a firewall lets this machine out; behind a proxy, set HTTPS_PROXY",
        )),
        None => {}
    }
    let is_plain = client.base_url().starts_with("http://");
    let reply = match &answered {
        Ok(reply) => {
            checks.push(match is_plain {
                true if client.is_loopback() => {
                    Check::skipped(names.tls, "plain http, to this machine itself")
                }
                true => Check::warn(
                    names.tls,
                    "plain http: everybody on the way can read and change what is sent",
                    "use https",
                ),
                false => Check::ok(names.tls, "the certificate is good"),
            });
            Some(reply)
        }
        Err(error) if error.kind() == SendErrorKind::Tls => {
            checks.push(Check::bad(
                names.tls,
                with_causes(error),
                "where a proxy or a firewall opens TLS, name its certificate by --ca-file, or trust this machine's own list by --platform-ca; and check the clock",
            ));
            None
        }
        // Told above.
        Err(_) if checks.iter().any(|check| check.state == super::State::Bad) => None,
        Err(error) => {
            // It went further than to connect.
            checks.retain(|check| check.name != names.connection);
            checks.push(Check::bad(
                names.connection,
                with_causes(error),
                "check that the address is the platform's, and the proxy",
            ));
            None
        }
    };
    let ahead_ms = reply.and_then(|reply| ahead_ms(reply, before_ms, after_ms));
    Reached { checks, is_reached: reply.is_some(), ahead_ms }
}

async fn connect(trail: Arc<Mutex<Trail>>, to: Address) -> io::Result<Stream> {
    let note =
        |change: &dyn Fn(&mut Trail)| change(&mut trail.lock().unwrap_or_else(PoisonError::into_inner));
    note(&|trail| trail.host = Some(to.host.clone()));
    let found = lookup_host((to.host.as_str(), to.port)).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            note(&|trail| trail.addresses = Some(Err(error.to_string())));
            return Err(error);
        }
    };
    note(&|trail| trail.addresses = Some(Ok(addresses.clone())));
    let connected = TcpStream::connect(addresses.as_slice()).await;
    let result = connected.as_ref().map_err(ToString::to_string);
    let result = result.and_then(|stream| stream.peer_addr().map_err(|error| error.to_string()));
    note(&|trail| trail.connected = Some(result.clone()));
    connected.map(Stream::new)
}

fn listed(addresses: &[SocketAddr]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = addresses.iter().take(SHOWN).map(|address| address.ip().to_string()).collect();
    let more = addresses.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// By how much this machine's clock is ahead: its own middle of the call against the middle of the second that the answer names.
fn ahead_ms(reply: &Reply, before_ms: u64, after_ms: u64) -> Option<i64> {
    const HALF_A_SECOND: i64 = 500;
    let date = httpdate::parse_http_date(reply.headers.get(DATE)?.to_str().ok()?.trim()).ok()?;
    let date_ms = date.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis();
    let ours_ms = before_ms.midpoint(after_ms);
    Some(i64::try_from(ours_ms).ok()? - i64::try_from(date_ms).ok()? - HALF_A_SECOND)
}

#[cfg(test)]
mod tests {
    use numcheck_transport::http::{HeaderValue, StatusCode};

    use super::*;

    #[test]
    fn the_clock_is_compared_in_the_middle_of_the_call_and_of_the_second() {
        let reply =
            |date| Reply::new(StatusCode::NOT_FOUND, "").with_header(DATE, HeaderValue::from_static(date));
        let date = reply("Thu, 01 Jan 1970 00:16:40 GMT");
        assert_eq!(ahead_ms(&date, 1_000_000, 1_001_000), Some(0));
        assert_eq!(ahead_ms(&date, 1_090_000, 1_090_000), Some(89_500));
        assert_eq!(ahead_ms(&date, 900_000, 902_000), Some(-99_500));
        assert_eq!(ahead_ms(&reply("yesterday"), 0, 0), None);
        assert_eq!(ahead_ms(&Reply::new(StatusCode::OK, ""), 0, 0), None);
    }
}
