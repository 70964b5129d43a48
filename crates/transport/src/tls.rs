//! Certificates: loaded at the start, looked at again while the server runs.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::RwLock;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file holds nothing in PEM form that would fit.
    #[error("no usable PEM section in {}", path.display())]
    Pem {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// Certificate and key cannot be used, or do not belong together.
    #[error("certificate and key cannot be used together")]
    Pair(#[source] rustls::Error),
}

/// What a file looked like when it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

impl Stamp {
    fn of(path: &Path) -> Result<Self, TlsError> {
        let data = std::fs::metadata(path)
            .map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
        Ok(Self { modified: data.modified().ok(), bytes: data.len() })
    }
}

struct Loaded {
    key: Arc<CertifiedKey>,
    stamps: [Stamp; 2],
}

/// The certificate of the listeners. New connections get the newest one that could be loaded.
pub(crate) struct Certificate {
    chain_file: PathBuf,
    key_file: PathBuf,
    loaded: RwLock<Loaded>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("chain_file", &self.chain_file).finish_non_exhaustive()
    }
}

impl Certificate {
    /// Loads certificate and key. Reads files: call it at the start only.
    pub(crate) fn load(chain_file: &Path, key_file: &Path) -> Result<Arc<Self>, TlsError> {
        let loaded = read(chain_file, key_file)?;
        Ok(Arc::new(Self {
            chain_file: chain_file.to_owned(),
            key_file: key_file.to_owned(),
            loaded: RwLock::new(loaded),
        }))
    }

    /// Loads the files again if they have changed; answers whether they had.
    ///
    /// # Errors
    /// When they have changed into something that cannot be used: the old one stays in use.
    pub(crate) fn reload(&self) -> Result<bool, TlsError> {
        let stamps = [Stamp::of(&self.chain_file)?, Stamp::of(&self.key_file)?];
        if self.loaded.read().stamps == stamps {
            return Ok(false);
        }
        let loaded = read(&self.chain_file, &self.key_file)?;
        *self.loaded.write() = loaded;
        Ok(true)
    }

    /// Looks at the files every few seconds, until dropped.
    pub(crate) async fn keep_fresh(self: Arc<Self>) {
        let mut last_problem = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let certificate = Arc::clone(&self);
            // Files may be on slow disks.
            let looked = tokio::task::spawn_blocking(move || certificate.reload()).await;
            match looked {
                Ok(Ok(changed)) => {
                    if changed {
                        tracing::info!("the certificate of the listeners has been reloaded");
                    }
                    last_problem = None;
                }
                Ok(Err(error)) => {
                    // The same problem is told once, not every five seconds.
                    let problem = error.to_string();
                    if last_problem.as_ref() != Some(&problem) {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(error, "the changed certificate is not used");
                        last_problem = Some(problem);
                    }
                }
                Err(_) => return,
            }
        }
    }

    /// What connections are accepted with.
    pub(crate) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Pair)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Newest(Arc::clone(self))));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn read(chain_file: &Path, key_file: &Path) -> Result<Loaded, TlsError> {
    // Taken before reading: a change in between is then seen at the next look.
    let stamps = [Stamp::of(chain_file)?, Stamp::of(key_file)?];
    let wrong = |path: &Path| {
        let path = path.to_owned();
        move |source| {
            if let pem::Error::Io(source) = source {
                TlsError::Read { path, source }
            } else {
                TlsError::Pem { path, source }
            }
        }
    };
    let chain = CertificateDer::pem_file_iter(chain_file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(wrong(chain_file))?;
    if chain.is_empty() {
        return Err(wrong(chain_file)(pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(wrong(key_file))?;
    let key =
        CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(TlsError::Pair)?;
    Ok(Loaded { key: Arc::new(key), stamps })
}

/// Hands out the newest certificate.
#[derive(Debug)]
struct Newest(Arc<Certificate>);

impl ResolvesServerCert for Newest {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.loaded.read().key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn write_pair(dir: &Path, name: &str) -> (PathBuf, PathBuf) {
        let pair = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let (chain, key) = (dir.join("cert.pem"), dir.join("key.pem"));
        fs::write(&chain, pair.cert.pem()).unwrap();
        fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
        (chain, key)
    }

    fn presented(certificate: &Certificate) -> Vec<u8> {
        certificate.loaded.read().key.cert[0].to_vec()
    }

    #[test]
    fn changed_files_are_loaded_and_broken_ones_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let (chain, key) = write_pair(dir.path(), "one.example");
        let certificate = Certificate::load(&chain, &key).unwrap();
        let first = presented(&certificate);
        assert!(!certificate.reload().unwrap(), "nothing has changed");

        write_pair(dir.path(), "a-longer-name.example");
        assert!(certificate.reload().unwrap());
        let second = presented(&certificate);
        assert_ne!(first, second);

        fs::write(&chain, "no certificate").unwrap();
        let error = certificate.reload().unwrap_err();
        assert!(error.to_string().contains("cert.pem"), "{error}");
        assert_eq!(presented(&certificate), second, "the old one stays");

        fs::remove_file(&key).unwrap();
        assert!(matches!(certificate.reload().unwrap_err(), TlsError::Read { .. }));
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (chain, _) = write_pair(a.path(), "one.example");
        let (_, key) = write_pair(b.path(), "two.example");
        assert!(matches!(Certificate::load(&chain, &key).unwrap_err(), TlsError::Pair(_)));
    }
}
