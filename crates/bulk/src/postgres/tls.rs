//! TLS to the server, whose certificate is always verified. The rustls provider is passed explicitly;
//! the process-wide default stays as it is.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

use super::fault::Fault;

/// Whose signature makes a certificate valid.
#[derive(Default)]
pub(super) enum Authorities {
    /// Those that the operating system trusts.
    #[default]
    OfTheSystem,
    /// Those in a PEM file, and no others.
    File(PathBuf),
}

/// How a connection is secured.
#[derive(Clone)]
pub(super) struct Tls(Option<Arc<ClientConfig>>);

impl Tls {
    /// Not at all; a connection that needs it fails.
    pub(super) fn none() -> Self {
        Self(None)
    }

    pub(super) fn verified(authorities: Authorities) -> Result<Self, Fault> {
        let mut roots = RootCertStore::empty();
        match authorities {
            Authorities::OfTheSystem => {
                // One unreadable file among hundreds is usual, and no reason to trust none.
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            Authorities::File(path) => {
                let unreadable =
                    |error| Fault::unfit_because("the file of sslrootcert cannot be read", error);
                for certificate in
                    CertificateDer::pem_file_iter(path).map_err(|error| unreadable(plain(error)))?
                {
                    let certificate = certificate.map_err(|error| unreadable(plain(error)))?;
                    roots.add(certificate).map_err(|error| unreadable(error.into()))?;
                }
            }
        }
        if roots.is_empty() {
            return Err(Fault::unfit(
                "there is no certificate authority to trust: name a PEM file in sslrootcert",
            ));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Fault::unfit_because("TLS cannot be set up", error))?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        // What `sslnegotiation=direct` needs; without it, servers do not look.
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(Self(Some(Arc::new(config))))
    }
}

/// Without the path, which is a piece of the address.
fn plain(error: rustls::pki_types::pem::Error) -> Box<dyn std::error::Error + Send + Sync> {
    match error {
        rustls::pki_types::pem::Error::Io(error) => io::Error::from(error.kind()).into(),
        _ => "it is no PEM".into(),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Tls {
    type Stream = Secured<S>;
    type TlsConnect = Connect;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Connect> {
        let Some(config) = &self.0 else { return Ok(Connect(None)) };
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidInput, "the host is no name that a certificate can have")
        })?;
        Ok(Connect(Some((TlsConnector::from(Arc::clone(config)), name))))
    }
}

pub(super) struct Connect(Option<(TlsConnector, ServerName<'static>)>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Connect {
    type Stream = Secured<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Secured<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            match self.0 {
                Some((connector, name)) => Ok(Secured(Box::new(connector.connect(name, stream).await?))),
                None => Err(io::Error::new(io::ErrorKind::Unsupported, "TLS was switched off")),
            }
        })
    }
}

/// A stream inside TLS.
pub(super) struct Secured<S>(Box<tokio_rustls::client::TlsStream<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Secured<S> {
    /// The certificate was verified; a binding to it would add nothing but a reader of certificates.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Secured<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.0).poll_read(cx, buf))?;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Secured<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
