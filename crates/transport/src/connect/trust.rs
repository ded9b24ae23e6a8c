//! Which certificates are trusted, and which one is shown. The provider is always named: with two compiled in, rustls's process-wide default panics.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::BuildError;

/// The certificate authorities that a client trusts. Default: Mozilla's, compiled in.
///
/// ```no_run
/// use numcheck_transport::{Client, Trust};
///
/// let pem = std::fs::read("company-ca.pem")?;
/// let client = Client::builder("https://api2.nxcloud.com").trust(Trust::webpki().and_pem(&pem)?).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Trust(RootCertStore);

impl Trust {
    /// Mozilla's authorities, as the crate `webpki-roots` holds them.
    pub fn webpki() -> Self {
        Self(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
    }

    /// The authorities that the operating system trusts, read now.
    ///
    /// # Errors
    ///
    /// [`BuildError::Certificates`] when there is none.
    #[cfg(feature = "native-roots")]
    pub fn platform() -> Result<Self, BuildError> {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        // One unreadable file among hundreds is usual, and no reason to trust none.
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            return Err(BuildError::Certificates {
                source: found.errors.into_iter().next().map(|error| Box::new(error) as _),
            });
        }
        Ok(Self(roots))
    }

    /// Only the given authorities: one or more certificates in PEM.
    ///
    /// # Errors
    ///
    /// [`BuildError::Certificates`] when there is none, or one that cannot be read.
    pub fn only_pem(pem: &[u8]) -> Result<Self, BuildError> {
        Self(RootCertStore::empty()).and_pem(pem)
    }

    /// The given authorities too: one or more certificates in PEM.
    ///
    /// # Errors
    ///
    /// [`BuildError::Certificates`] when there is none, or one that cannot be read.
    pub fn and_pem(mut self, pem: &[u8]) -> Result<Self, BuildError> {
        let before = self.0.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(unreadable)?;
            self.0.add(certificate).map_err(unreadable)?;
        }
        if self.0.len() == before { Err(BuildError::Certificates { source: None }) } else { Ok(self) }
    }

    /// The provider is passed by hand, and early data stays off: it could be replayed.
    pub(crate) fn connector(
        self,
        certificate: Option<ClientCertificate>,
    ) -> Result<tokio_rustls::TlsConnector, BuildError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unreadable)?
            .with_root_certificates(self.0);
        let mut config = match certificate {
            None => config.with_no_client_auth(),
            Some(ClientCertificate { chain, key }) => {
                config.with_client_auth_cert(chain, key).map_err(unusable)?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config).into())
    }
}

impl Default for Trust {
    fn default() -> Self {
        Self::webpki()
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trust({} authorities)", self.0.len())
    }
}

/// The certificate with which a client proves itself to a server that asks for one (mutual TLS), with its private key. `Debug` shows neither.
///
/// ```no_run
/// use numcheck_transport::{Client, ClientCertificate};
///
/// let certificate = ClientCertificate::from_pem(&std::fs::read("client.pem")?, &std::fs::read("client.key")?)?;
/// let client = Client::builder("https://gateway.example.org").client_certificate(certificate).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ClientCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl ClientCertificate {
    /// The certificate, then those that lead to its authority, and its private key (PKCS#8, PKCS#1 or SEC1). Both may stand in one file,
    /// which is then given twice.
    ///
    /// # Errors
    /// [`BuildError::ClientCertificate`] when either is missing or cannot be read. That they belong together is found out by
    /// [`ClientBuilder::build`](crate::ClientBuilder::build).
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, BuildError> {
        let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>().map_err(unusable)?;
        if chain.is_empty() {
            return Err(BuildError::ClientCertificate { source: None });
        }
        Ok(Self { chain, key: PrivateKeyDer::from_pem_slice(key).map_err(unusable)? })
    }
}

impl Clone for ClientCertificate {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate(***)")
    }
}

fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> BuildError {
    BuildError::ClientCertificate { source: Some(Box::new(error)) }
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> BuildError {
    BuildError::Certificates { source: Some(Box::new(error)) }
}
