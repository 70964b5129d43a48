//! Encrypted connections, to a server in front of the real one that speaks TLS for it.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tavern_embedded_postgres::testkit::TestDatabase;
use tavern_storage_postgres::testkit;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_postgres::config::Host;
use tokio_rustls::TlsAcceptor;

use crate::support::database;

/// An authority, and a server's certificate for `localhost` that it has signed.
struct Certificates {
    authority: CertificateDer<'static>,
    server: ServerConfig,
}

fn certificates() -> Certificates {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let signed = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![server.der().clone()], key)
        .unwrap();
    Certificates { authority: signed.der().clone(), server }
}

fn write_pem(certificate: &CertificateDer<'_>, path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    let text = BASE64_STANDARD.encode(certificate);
    writeln!(file, "-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----").unwrap();
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

async fn real_server(database: &TestDatabase) -> Box<dyn Stream> {
    let config: tokio_postgres::Config = database.url().parse().unwrap();
    let port = config.get_ports()[0];
    match &config.get_hosts()[0] {
        Host::Tcp(host) => Box::new(TcpStream::connect((host.as_str(), port)).await.unwrap()),
        Host::Unix(dir) => {
            Box::new(UnixStream::connect(dir.join(format!(".s.PGSQL.{port}"))).await.unwrap())
        }
    }
}

/// Serves one connection after the other: answers the question for encryption with `answer`, and
/// if that is yes, encrypts.
async fn serve(
    listener: &TcpListener,
    database: &TestDatabase,
    answer: u8,
    tls: &TlsAcceptor,
) -> ! {
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut question = [0; 8];
        client.read_exact(&mut question).await.unwrap();
        assert_eq!(question, [0, 0, 0, 8, 4, 210, 22, 47], "the request for encryption");
        client.write_all(&[answer]).await.unwrap();
        let mut client: Box<dyn Stream> = if answer == b'S' {
            match tls.accept(client).await {
                Ok(client) => Box::new(client),
                // The client did not like the certificate.
                Err(_) => continue,
            }
        } else {
            Box::new(client)
        };
        let mut server = real_server(database).await;
        // Either side may just hang up.
        drop(copy_bidirectional(&mut client, &mut server).await);
    }
}

/// Whether a connection to `host` with these parameters comes about.
async fn connects(host: &str, parameters: &str, answer: u8, certificates: &Certificates) -> bool {
    let database = database().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tls = TlsAcceptor::from(Arc::new(certificates.server.clone()));
    let port = listener.local_addr().unwrap().port();
    let user = database.url().parse::<tokio_postgres::Config>().unwrap();
    let user = user.get_user().unwrap();
    let url = format!("postgres://{user}@{host}:{port}/{}?{parameters}", database.name());
    let pool = testkit::pool(&url);
    tokio::select! {
        never = serve(&listener, &database, answer, &tls) => never,
        outcome = pool.check(Duration::from_secs(20)) => outcome.is_ok(),
    }
}

#[tokio::test]
async fn each_mode_demands_what_it_should() {
    let certificates = certificates();
    let dir = tempfile::tempdir().unwrap();
    let ours = dir.path().join("ours.pem");
    write_pem(&certificates.authority, &ours);
    let other = dir.path().join("other.pem");
    write_pem(&self::certificates().authority, &other);
    let with = |mode: &str, file: &Path| format!("sslmode={mode}&sslrootcert={}", file.display());
    for (host, parameters, answer, expected) in [
        // Whoever it is.
        ("localhost", "sslmode=require".to_owned(), b'S', true),
        ("localhost", "sslmode=prefer".to_owned(), b'S', true),
        ("localhost", "sslmode=prefer".to_owned(), b'N', true),
        ("localhost", "sslmode=require".to_owned(), b'N', false),
        // Only whom an authority knows.
        ("localhost", with("require", &ours), b'S', true),
        ("localhost", with("require", &other), b'S', false),
        ("127.0.0.1", with("verify-ca", &ours), b'S', true),
        ("127.0.0.1", with("verify-ca", &other), b'S', false),
        // Only the one that was asked for.
        ("localhost", with("verify-full", &ours), b'S', true),
        ("127.0.0.1", with("verify-full", &ours), b'S', false),
        ("localhost", with("verify-full", &other), b'S', false),
        ("localhost", with("verify-full", &ours), b'N', false),
    ] {
        let outcome = connects(host, &parameters, answer, &certificates).await;
        let said = char::from(answer);
        assert_eq!(outcome, expected, "{host} {parameters}, the server says {said}");
    }
}
