//! Parses a PostgreSQL URL.
//!
//! No error quotes any part of the URL: what looks like a host may be half of a password.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::fault::Fault;
use super::tls::{Authorities, Tls};

/// How the server is reached. No `Debug`: it holds a password.
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) tls: Tls,
}

/// A dead host is noticed after about so long.
const NOTICE: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(5);

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let (mut config, options) = read(text)?;
        let remote = !is_local(&config);
        let verify = match options.mode.as_deref() {
            None | Some("prefer" | "allow") => remote,
            Some("disable") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(_) => {
                return Err(Fault::unfit(
                    "its option sslmode has no such value: write verify-full or disable",
                ));
            }
        };
        // No TLS over a socket of this machine, whatever is said: the server does not speak it there.
        let socket = !config.get_hosts().is_empty() && config.get_hosts().iter().all(is_socket);
        let tls = if verify && !socket {
            config.ssl_mode(SslMode::Require);
            Tls::verified(options.authorities)?
        } else {
            config.ssl_mode(SslMode::Disable);
            Tls::none()
        };
        config.application_name("numcheck");
        // A standby stores nothing; where several hosts are named, the right one is found.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(NOTICE);
        }
        config.keepalives_idle(NOTICE).keepalives_interval(NOTICE / 3).keepalives_retries(3);
        Ok(Self { config, tls })
    }
}

/// What this crate reads of an address itself.
#[derive(Default)]
struct Options {
    mode: Option<String>,
    authorities: Authorities,
}

const UNREADABLE: &str = "write postgres://user:password@host:port/database, and in the password %40 for @, %2F for /, %3F for ?, %23 for #, \
                          %25 for %";

fn read(text: &str) -> Result<(Config, Options), Fault> {
    let unreadable = || Fault::unfit(UNREADABLE);
    let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let rest = rest.ok_or_else(unreadable)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // An `@` further on, or a second one, is a password's that was not encoded: then nothing is where it seems to be.
    if rest.matches('@').count() != authority.matches('@').count()
        || authority.matches('@').count() > 1
        || rest.contains('#')
    {
        return Err(unreadable());
    }
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut options = Options::default();
    let mut others = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", mode)) => options.mode = Some(mode.to_owned()),
            Some(("sslrootcert", "system")) => options.authorities = Authorities::OfTheSystem,
            Some(("sslrootcert", path)) => {
                options.authorities = Authorities::File(PathBuf::from(decode(path).ok_or_else(unreadable)?));
            }
            _ => others.push(pair),
        }
    }
    let mut config =
        Config::from_str(&format!("postgres://{place}?{}", others.join("&"))).map_err(|_| unreadable())?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        config.host("localhost");
    }
    Ok((config, options))
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

fn is_socket(host: &Host) -> bool {
    match host {
        #[cfg(unix)]
        Host::Unix(_) => true,
        Host::Tcp(_) => false,
    }
}

/// Whether what is sent stays on this machine, whichever of the hosts is taken.
fn is_local(config: &Config) -> bool {
    if !config.get_hostaddrs().is_empty() {
        return config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        host => is_socket(host),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(text: &str) -> SslMode {
        Address::parse(text).map(|address| address.config.get_ssl_mode()).expect("it can be read")
    }

    #[test]
    fn a_host_that_is_not_this_machine_is_reached_by_tls() {
        for text in [
            "postgres://u:p@db.example.org/n",
            "postgresql://u:p@192.0.2.1/n",
            "postgres://u:p@[2001:db8::1]:5433/n",
            "postgres://u:p@db.example.org/n?sslmode=prefer",
            "postgres://u:p@db.example.org/n?sslmode=allow",
            "postgres://u:p@localhost,db.example.org/n",
            "postgres://u:p@localhost/n?hostaddr=192.0.2.1",
            "postgres://u:p@db.example.org/n?sslmode=require",
            "postgres://u:p@localhost/n?sslmode=verify-full",
            "postgres://u:p@127.0.0.1/n?connect_timeout=3&sslmode=verify-ca",
        ] {
            assert_eq!(mode(text), SslMode::Require, "{text}");
        }
    }

    #[test]
    fn this_machine_and_an_explicit_word_do_without() {
        for text in [
            "postgres://u:p@localhost/n",
            "postgres://u:p@127.0.0.1:5433/n",
            "postgres://u@[::1]/n",
            "postgres:///n",
            "postgres://u@/n?host=/run/postgresql",
            "postgres://u@%2Frun%2Fpostgresql/n?sslmode=require",
            "postgres://u:p@db.example.org/n?sslmode=disable",
            "postgres://u:p@db.example.org/n?hostaddr=127.0.0.1",
        ] {
            assert_eq!(mode(text), SslMode::Disable, "{text}");
        }
    }

    #[test]
    fn an_error_repeats_no_piece_of_the_address() {
        for text in [
            "postgres://user:hunter2@w@hunter2/n",
            "postgres://user:hunter2/hunter2@host/n",
            "postgres://user:hunter2?hunter2=hunter2@host/n",
            "postgres://user:hunter2#hunter2@host/n",
            "postgres://user:hunter2@host:hunter2/n",
            "postgres://user@host/n?hunter2=hunter2",
            "postgres://user@host/n?sslmode=hunter2",
            "postgres://user@host/n?sslrootcert=hunter2%2",
            "postgres://user@host/n?sslrootcert=/nowhere/hunter2",
            "mysql://user:hunter2@host/n",
            "host=hunter2 password=hunter2",
            "",
        ] {
            let error = Address::parse(text).err().unwrap_or_else(|| panic!("{text} was read"));
            let mut all = format!("{error} {error:?}");
            let mut next: Option<&dyn std::error::Error> = std::error::Error::source(&error);
            while let Some(source) = next {
                all += &format!(" {source} {source:?}");
                next = source.source();
            }
            assert!(!all.contains("hunter2"), "{all}");
        }
    }

    #[test]
    fn an_encoded_password_is_taken_as_it_is() {
        let address =
            Address::parse("postgres://user:a%40b%2Fc%3Fd%23e%25@localhost/n").expect("it can be read");
        assert_eq!(address.config.get_password(), Some(&b"a@b/c?d#e%"[..]));
    }

    #[test]
    fn a_standby_is_not_taken_for_the_server() {
        let address =
            Address::parse("postgres://u:p@localhost/n?target_session_attrs=any").expect("it can be read");
        assert_eq!(address.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
    }
}
