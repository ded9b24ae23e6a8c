//! Why a sandbox does not start.
//!
//! Nothing that happens after the start is an error of this kind: that stands in the journal.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use numcheck_protocol::Platform;

/// A sandbox that could not be started. Nothing is running.
#[derive(Debug)]
pub struct StartError {
    platform: Platform,
    address: SocketAddr,
    source: io::Error,
}

impl StartError {
    pub(crate) fn new(platform: Platform, address: SocketAddr, source: io::Error) -> Self {
        Self { platform, address, source }
    }

    /// What went wrong.
    pub fn kind(&self) -> StartErrorKind {
        match self.source.kind() {
            io::ErrorKind::AddrInUse => StartErrorKind::AddressInUse,
            _ => StartErrorKind::CannotListen,
        }
    }

    /// Where it should have listened.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Why a sandbox does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StartErrorKind {
    /// Something else listens on the address already.
    AddressInUse,
    /// The address cannot be listened on for another reason.
    CannotListen,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let platform = self.platform.name();
        let why = match self.kind() {
            StartErrorKind::AddressInUse => "the address is in use",
            StartErrorKind::CannotListen => "the address cannot be listened on",
        };
        write!(
            f,
            "the sandbox did not start: for {platform}, {}: {why}; choose another one, or port 0 for any",
            self.address
        )
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
