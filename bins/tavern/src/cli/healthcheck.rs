//! Asking a running server whether it is well, without any other program.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::config::HealthTarget;

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Most of an answer that is read.
const LONGEST: u64 = 8 * 1024;

#[derive(Debug, thiserror::Error)]
pub(crate) enum HealthError {
    #[error("cannot reach {host}:{port}")]
    Unreachable { host: String, port: u16, source: std::io::Error },
    #[error("the answer of port {port} is no HTTP; does it use TLS?")]
    NoHttp { port: u16 },
    #[error("{path} answered {status}{reason}")]
    Unwell { path: &'static str, status: u16, reason: String },
}

/// Asks a port of this machine: the path of the health port, or else that of client ports.
pub(crate) fn ask_port(port: u16) -> Result<String, HealthError> {
    let target = |path| HealthTarget { host: "127.0.0.1".to_owned(), port, path };
    match ask(&target("/readyz")) {
        Err(HealthError::Unwell { status: 404, .. }) => ask(&target("/healthcheck")),
        other => other,
    }
}

/// Asks one place. The answer is a line for people.
pub(crate) fn ask(target: &HealthTarget) -> Result<String, HealthError> {
    let HealthTarget { host, port, path } = target;
    let answer = exchange(target).map_err(|source| HealthError::Unreachable {
        host: host.clone(),
        port: *port,
        source,
    })?;
    let no_http = || HealthError::NoHttp { port: *port };
    let text = String::from_utf8_lossy(&answer);
    let mut words = text.split([' ', '\r', '\n']);
    if !words.next().is_some_and(|version| version.starts_with("HTTP/1.")) {
        return Err(no_http());
    }
    let status: u16 = words.next().and_then(|word| word.parse().ok()).ok_or_else(no_http)?;
    if status == 200 {
        return Ok(format!("{host}:{port}{path} is well"));
    }
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let line: String = body.lines().next().unwrap_or_default().chars().take(200).collect();
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    let reason = if line.is_empty() { String::new() } else { format!(": {line}") };
    Err(HealthError::Unwell { path, status, reason })
}

fn exchange(target: &HealthTarget) -> std::io::Result<Vec<u8>> {
    let HealthTarget { host, port, path } = target;
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for address in (host.as_str(), *port).to_socket_addrs()? {
        let mut stream = match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => stream,
            Err(error) => {
                last = error;
                continue;
            }
        };
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        match stream.take(LONGEST).read_to_end(&mut answer) {
            // A server that closes hard after its answer has answered all the same.
            Err(error) if answer.is_empty() => return Err(error),
            Ok(_) | Err(_) => return Ok(answer),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A server that gives these answers, one per connection, and the requests it got.
    fn server(answers: &[&'static str]) -> (u16, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers = answers.to_vec();
        let serving = std::thread::spawn(move || {
            let mut got = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                    request.push(byte[0]);
                }
                stream.write_all(answer.as_bytes()).unwrap();
                let request = String::from_utf8(request).unwrap();
                got.push(request.lines().next().unwrap_or_default().to_owned());
            }
            got
        });
        (port, serving)
    }

    #[test]
    fn a_health_port_is_asked_for_readiness() {
        let (port, serving) = server(&["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready"]);
        assert_eq!(ask_port(port).unwrap(), format!("127.0.0.1:{port}/readyz is well"));
        assert_eq!(serving.join().unwrap(), ["GET /readyz HTTP/1.1"]);
    }

    #[test]
    fn a_client_port_is_asked_by_its_own_path() {
        let (port, serving) =
            server(&["HTTP/1.1 404 Not Found\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n{}"]);
        assert!(ask_port(port).unwrap().ends_with("/healthcheck is well"));
        assert_eq!(serving.join().unwrap(), ["GET /readyz HTTP/1.1", "GET /healthcheck HTTP/1.1"]);
    }

    #[test]
    fn an_unwell_server_says_why() {
        let (port, serving) =
            server(&["HTTP/1.1 503 Service Unavailable\r\n\r\ndraining\u{1b}[0m\nmore"]);
        assert_eq!(ask_port(port).unwrap_err().to_string(), "/readyz answered 503: draining[0m");
        serving.join().unwrap();
        let (port, serving) = server(&["\u{15}\u{3}\u{1}"]);
        assert!(ask_port(port).unwrap_err().to_string().contains("TLS"));
        serving.join().unwrap();
    }

    #[test]
    fn nobody_there_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let error = ask_port(port).unwrap_err();
        assert!(matches!(error, HealthError::Unreachable { .. }), "{error}");
    }
}
