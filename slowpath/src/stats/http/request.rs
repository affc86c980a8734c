//! The head of a request, as far as a server without state needs it (RFC 9112 sections 2 to 5).

use std::net::IpAddr;

/// A request that is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// What is asked for, without a query.
    pub(super) path: String,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("This is no request.\n")]
    Malformed,
    #[error("Only GET is answered here.\n")]
    Method,
    #[error("The request is too long.\n")]
    TooLong,
    #[error("This server answers by its own address alone.\n")]
    ForeignHost,
}

impl Refusal {
    pub(super) const fn status(self) -> &'static str {
        match self {
            Self::Malformed => "400 Bad Request",
            Self::Method => "405 Method Not Allowed",
            Self::TooLong => "431 Request Header Fields Too Large",
            Self::ForeignHost => "421 Misdirected Request",
        }
    }
}

/// Whether the empty line behind the head has come.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|it| it == b"\r\n\r\n") || bytes.windows(2).any(|it| it == b"\n\n")
}

impl Head {
    /// Reads a whole head.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(bytes).map_err(|_| Refusal::Malformed)?;
        let mut lines = text.lines();
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (method, target, version) = (words.next(), words.next(), words.next());
        let (Some(method), Some(target), Some(version), None) =
            (method, target, version, words.next())
        else {
            return Err(Refusal::Malformed);
        };
        if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
            return Err(Refusal::Malformed);
        }
        if method != "GET" {
            return Err(Refusal::Method);
        }
        let fields = lines.take_while(|line| !line.is_empty());
        let host = fields
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("host"));
        if host.is_some_and(|(_, value)| !is_ours(value.trim())) {
            return Err(Refusal::ForeignHost);
        }
        let path = target.split(['?', '#']).next().unwrap_or_default();
        Ok(Self {
            path: path.to_owned(),
        })
    }
}

/// Whether a page of this host may be answered: a name that somebody else's DNS gave our address
/// to is not ours.
fn is_ours(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let loopback = name.parse::<IpAddr>().is_ok_and(|it| it.is_loopback());
    loopback || name.eq_ignore_ascii_case("localhost") || name.is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> Result<String, Refusal> {
        Head::parse(text.as_bytes()).map(|head| head.path)
    }

    #[test]
    fn requests_are_read_and_refused() {
        let get = "GET /metrics?x=1 HTTP/1.1\r\nHost: localhost:9464\r\n\r\n";
        assert_eq!(path(get), Ok("/metrics".to_owned()));
        assert_eq!(path("GET / HTTP/1.0\n\n"), Ok("/".to_owned()));
        let hosts = ["127.0.0.1", "[::1]:9464", "LOCALHOST", "127.9.9.9:80", ""];
        for host in hosts {
            assert!(path(&format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n")).is_ok());
        }
        for host in [
            "example.com",
            "127.0.0.1.example.com",
            "192.0.2.1",
            "[2001:db8::1]",
        ] {
            let text = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(path(&text), Err(Refusal::ForeignHost));
        }
        assert_eq!(path("POST / HTTP/1.1\r\n\r\n"), Err(Refusal::Method));
        for text in [
            "",
            "GET",
            "GET / SPDY/3\r\n\r\n",
            "GET http://x/ HTTP/1.1\r\n",
            "GET /  HTTP/1.1\r\n",
        ] {
            assert_eq!(path(text), Err(Refusal::Malformed), "{text}");
        }
        assert!(is_whole(b"GET / HTTP/1.1\r\n\r\n") && is_whole(b"a\n\n"));
        assert!(!is_whole(b"GET / HTTP/1.1\r\nHost: x\r\n"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (is_whole(&bytes), Head::parse(&bytes));
        }

        #[test]
        fn no_text_panics_the_reader(text in "(GET|POST)? ?/?[ -~\r\n]{0,200}") {
            let _ = (is_whole(text.as_bytes()), Head::parse(text.as_bytes()));
        }
    }
}
