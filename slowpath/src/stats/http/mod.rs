//! A small HTTP server for this machine: metrics, the status page, histograms. It answers GET and
//! nothing else, one request per connection, and changes nothing.

mod listen;
mod metrics;
mod request;
mod status;

use std::io::ErrorKind;
use std::os::fd::BorrowedFd;

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;
use nix::poll::PollFlags;
use sha2::{Digest, Sha256};

use super::histograms::{Histograms, hgrm};
use super::reading::Reading;
use crate::time::Time;

pub use listen::{ListenAddress, ListenError};
use listen::{Listener, Stream};
use request::{Head, Refusal};

/// Connections at one time.
const CLIENTS_MAX: usize = 64;
/// Time that a connection may take as a whole.
const EXCHANGE_MAX_MS: u64 = 10_000;
/// Bytes of the longest request.
const HEAD_MAX_BYTES: usize = 8 * 1024;
/// Bytes that one read takes.
const READ_BYTES: usize = 1024;
/// Bytes of a percentile distribution.
const HGRM_MAX_BYTES: usize = 64 * 1024;

/// The status page.
const PAGE: &str = include_str!("page.html");
/// Content type of metrics (OpenMetrics 1.0, section "Protocol negotiation").
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug)]
struct Client {
    stream: Stream,
    since: Time,
    head: Vec<u8>,
    /// What is sent, and how much of it was.
    reply: Option<(Vec<u8>, usize)>,
    dead: bool,
}

/// The listening socket and its connections; polled, never waiting.
#[derive(Debug)]
pub struct HttpServer {
    listener: Listener,
    clients: Vec<Client>,
    /// What the page may load and run: itself.
    page_policy: String,
}

/// An answer.
struct Reply {
    status: &'static str,
    content_type: &'static str,
    body: String,
}

impl HttpServer {
    /// Listens.
    pub fn bind(address: &ListenAddress) -> std::io::Result<Self> {
        Ok(Self {
            listener: Listener::bind(address)?,
            clients: Vec::new(),
            page_policy: page_policy(),
        })
    }

    /// What to wait for.
    pub(super) fn interests(&self) -> Vec<(BorrowedFd<'_>, PollFlags)> {
        let clients = self.clients.iter().map(|client| {
            let flags = match client.reply {
                Some(_) => PollFlags::POLLOUT,
                None => PollFlags::POLLIN,
            };
            (client.stream.fd(), flags)
        });
        [(self.listener.fd(), PollFlags::POLLIN)]
            .into_iter()
            .chain(clients)
            .collect()
    }

    /// Accepts, reads, answers and sends what can be without waiting; whether there was anything.
    pub(super) fn turn(&mut self, reading: &Reading, now: Time) -> bool {
        let mut busy = false;
        while let Some(stream) = self.listener.accept() {
            busy = true;
            // One connection too many is let go at once.
            if self.clients.len() < CLIENTS_MAX {
                self.clients.push(Client {
                    stream,
                    since: now,
                    head: Vec::new(),
                    reply: None,
                    dead: false,
                });
            }
        }
        let policy = &self.page_policy;
        for client in &mut self.clients {
            busy |= client.read(|head| respond(head, reading).bytes(policy));
            client.write();
            client.dead |= now.since_ms(client.since) >= EXCHANGE_MAX_MS;
        }
        self.clients.retain(|client| !client.dead);
        busy
    }
}

impl Client {
    /// Reads on; a whole head is answered. Whether there was anything to read.
    fn read(&mut self, respond: impl FnOnce(&[u8]) -> Vec<u8>) -> bool {
        if self.reply.is_some() {
            return false;
        }
        let mut bytes = [0; READ_BYTES];
        match self.stream.read(&mut bytes) {
            Ok(0) => self.dead = true,
            Ok(len) => self.head.extend_from_slice(&bytes[..len]),
            Err(error) => {
                let later = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted);
                self.dead |= !later;
                return self.dead;
            }
        }
        if request::is_whole(&self.head) || self.head.len() > HEAD_MAX_BYTES {
            self.reply = Some((respond(&self.head), 0));
        }
        true
    }

    fn write(&mut self) {
        let Some((bytes, sent)) = &mut self.reply else {
            return;
        };
        while let Some(rest) = bytes.get(*sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(len) if len > 0 => *sent += len,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                _ => break,
            }
        }
        self.dead = true;
    }
}

fn respond(head: &[u8], reading: &Reading) -> Reply {
    let head = if head.len() > HEAD_MAX_BYTES {
        Err(Refusal::TooLong)
    } else {
        Head::parse(head)
    };
    match head {
        Ok(head) => route(&head.path, reading),
        Err(refusal) => Reply::text(refusal.status(), refusal.to_string()),
    }
}

fn route(path: &str, reading: &Reading) -> Reply {
    const OK: &str = "200 OK";
    let reply = |content_type, body| Reply {
        status: OK,
        content_type,
        body,
    };
    match path {
        "/" => reply("text/html; charset=utf-8", PAGE.to_owned()),
        "/metrics" => reply(OPENMETRICS, metrics::render(reading)),
        "/status.json" => reply("application/json", status::status(reading).to_string()),
        "/histograms.hlog" => Reply::text(OK, reading.history.text()),
        path => {
            let counts = path
                .strip_prefix("/histograms/")
                .and_then(|name| name.strip_suffix(".hgrm"))
                .and_then(|name| {
                    reading
                        .histograms
                        .counts(Histograms::spec(name)?.name, None)
                });
            match counts {
                Some(counts) => Reply::text(OK, hgrm(&counts, HGRM_MAX_BYTES)),
                None => Reply::text("404 Not Found", "There is nothing here.\n".to_owned()),
            }
        }
    }
}

impl Reply {
    fn text(status: &'static str, body: String) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body,
        }
    }

    fn bytes(self, page_policy: &str) -> Vec<u8> {
        let Self {
            status,
            content_type,
            body,
        } = self;
        let allow = if status.starts_with("405") {
            "Allow: GET\r\n"
        } else {
            ""
        };
        let mut bytes = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
             Connection: close\r\nCache-Control: no-store\r\n{allow}\
             X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
             Content-Security-Policy: {page_policy}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(body.as_bytes());
        bytes
    }
}

/// The policy under which a browser shows the page: its own style and script by their digests
/// (Content Security Policy Level 3), its own status, nothing from elsewhere.
fn page_policy() -> String {
    let digest = |tag: &str| {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        let text = PAGE
            .split_once(&open)
            .and_then(|(_, rest)| rest.split_once(&close))
            .map_or("", |(text, _)| text);
        STANDARD.encode(Sha256::digest(text))
    };
    format!(
        "default-src 'none'; connect-src 'self'; script-src 'sha256-{}'; style-src 'sha256-{}'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        digest("script"),
        digest("style")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_brings_everything_and_writes_text_as_text() {
        assert!(PAGE.len() < 64 * 1024);
        assert_eq!(PAGE.matches("<script>").count(), 1);
        assert_eq!(PAGE.matches("<style>").count(), 1);
        for foreign in [
            "http://",
            "https://",
            "src=",
            "@import",
            "url(",
            "innerHTML",
            "style=",
        ] {
            let found = PAGE.replace("http://www.w3.org/2000/svg", "");
            assert!(!found.contains(foreign), "{foreign}");
        }
        let policy = page_policy();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
        assert!(!policy.contains(&STANDARD.encode(Sha256::digest(""))));
    }

    #[test]
    fn an_answer_says_what_it_is_and_closes() {
        let reply = Reply::text("405 Method Not Allowed", "no\n".to_owned());
        let text = String::from_utf8(reply.bytes("default-src 'none'")).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"));
        for line in ["Allow: GET", "Content-Length: 3", "Connection: close"] {
            assert!(head.lines().any(|it| it == line), "{head}");
        }
        assert_eq!(body, "no\n");
    }
}
