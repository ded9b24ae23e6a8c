//! What an operator's machines ask a process that receives: is it alive, is it ready, what are its figures.
//!
//! It listens at an address of its own, never at that of the pushes, which the internet reaches. It tells no number and no secret, changes nothing,
//! and goes on to answer while the process drains.

mod page;
mod readiness;
mod server;

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use clap::builder::BoolishValueParser;
use numcheck_bulk::Store;
use numcheck_job::{Engine, ReceiverView, Receiving};
use tokio::task::JoinHandle;

use crate::commands::arguments::listen_address;
use crate::exit::Failure;
use crate::print;
use readiness::Readiness;

/// Where health and metrics are served.
#[derive(Clone, Debug, Args)]
pub(crate) struct AdminArgs {
    /// Where to serve /healthz, /readyz and /metrics (Prometheus), such as 127.0.0.1:9090. Nothing serves them otherwise.
    #[arg(
        long,
        env = "NUMCHECK_ADMIN_LISTEN",
        hide_env_values = true,
        value_name = "ADDR",
        value_parser = listen_address
    )]
    admin_listen: Option<SocketAddr>,
    /// Let --admin-listen be an address that other machines reach, although whoever reaches it sees how many numbers are checked and what that costs.
    #[arg(
        long,
        env = "NUMCHECK_ALLOW_REMOTE_ADMIN",
        hide_env_values = true,
        value_parser = BoolishValueParser::new()
    )]
    allow_remote_admin: bool,
}

/// What the pages tell of.
#[derive(Debug)]
struct Watched {
    engine: Engine,
    /// The receiver, where the process has one.
    receiver: Option<ReceiverView>,
    readiness: Readiness,
    /// Whether it listens on this machine alone.
    is_loopback: bool,
}

impl Watched {
    fn store(&self) -> &Arc<dyn Store> {
        self.engine.store()
    }
}

/// Serves until it is dropped.
#[derive(Debug)]
pub(crate) struct Admin {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl AdminArgs {
    /// Refuses an address that is not for this, before anything is sent.
    pub(crate) fn check(&self, listen: Option<SocketAddr>) -> Result<(), Failure> {
        let Some(admin) = self.admin_listen else { return Ok(()) };
        if !admin.ip().to_canonical().is_loopback() && !self.allow_remote_admin {
            return Err(Failure::usage(format!(
                "--admin-listen: other machines reach {admin}, and would see how many numbers are checked and what that costs: name a loopback address such \
                 as 127.0.0.1:9090, or say --allow-remote-admin; nothing was sent"
            )));
        }
        if admin.port() != 0 && listen.is_some_and(|listen| listen.port() == admin.port()) {
            return Err(Failure::usage(format!(
                "--admin-listen and --listen have the same port {}: what the platform reaches must not show figures; nothing was sent",
                admin.port()
            )));
        }
        Ok(())
    }

    /// Serves them, where somebody asked for it.
    pub(crate) fn start(
        &self,
        engine: &Engine,
        receiving: Option<&Receiving>,
    ) -> Result<Option<Admin>, Failure> {
        let Some(address) = self.admin_listen else { return Ok(None) };
        let receiver = receiving.map(Receiving::view);
        let watched = Watched {
            engine: engine.clone(),
            readiness: Readiness::new(Arc::clone(engine.store()), receiver.clone()),
            receiver,
            is_loopback: address.ip().to_canonical().is_loopback(),
        };
        let listener = server::bind(address).map_err(|error| {
            Failure::usage(format!("--admin-listen: {address} cannot be listened at; nothing was sent"))
                .because(error)
        })?;
        let address = listener.local_addr().unwrap_or(address);
        print::say(&format!("numcheck: health and metrics at http://{address}"));
        let serving = tokio::spawn(server::serve(listener, Arc::new(watched)));
        Ok(Some(Admin { address, serving }))
    }
}

impl Admin {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(admin: &str, listen: Option<&str>, allow_remote_admin: bool) -> Result<(), String> {
        let address = |text: &str| text.parse().unwrap();
        let args = AdminArgs { admin_listen: Some(address(admin)), allow_remote_admin };
        args.check(listen.map(address)).map_err(|failure| failure.to_string())
    }

    #[test]
    fn an_admin_address_beyond_loopback_needs_a_word() {
        for admin in ["0.0.0.0:9090", "10.1.2.3:9090", "[::]:9090", "[::ffff:10.0.0.1]:9090"] {
            assert!(checked(admin, None, false).unwrap_err().contains("--allow-remote-admin"), "{admin}");
            checked(admin, None, true).unwrap();
        }
        for admin in ["127.0.0.1:9090", "127.9.9.9:9090", "[::1]:9090", "[::ffff:127.0.0.1]:9090"] {
            checked(admin, None, false).unwrap();
        }
    }

    #[test]
    fn figures_are_never_served_at_the_port_of_pushes() {
        for listen in ["127.0.0.1:9090", "0.0.0.0:9090", "[::]:9090"] {
            assert!(checked("127.0.0.1:9090", Some(listen), true).unwrap_err().contains("same port"));
        }
        checked("127.0.0.1:9090", Some("0.0.0.0:8080"), false).unwrap();
        // The system chooses both.
        checked("127.0.0.1:0", Some("127.0.0.1:0"), false).unwrap();
    }
}
