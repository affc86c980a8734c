//! Where the server listens: a loopback address or a socket in the file system.

use std::io::{Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::str::FromStr;

use crate::control_socket::remove_stale;

/// Mode of a socket in the file system.
const SOCKET_MODE: u32 = 0o660;

/// An address to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// `127.0.0.1:9464`, `[::1]:9464`.
    Loopback(SocketAddr),
    /// `unix:PATH`.
    Unix(PathBuf),
}

/// Why an address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// Neither form.
    #[error("\"{0}\" is neither ADDRESS:PORT nor unix:PATH")]
    Form(String),
    /// Another machine could reach it, and nothing here asks who reads.
    #[error("{0} is no loopback address: put a proxy that asks who reads in front of it")]
    NotLoopback(SocketAddr),
}

impl FromStr for ListenAddress {
    type Err = ListenError;

    fn from_str(text: &str) -> std::result::Result<Self, ListenError> {
        match text.strip_prefix("unix:") {
            Some(path) if !path.is_empty() => return Ok(Self::Unix(path.into())),
            _ => {}
        }
        let address: SocketAddr = text
            .parse()
            .map_err(|_| ListenError::Form(text.to_owned()))?;
        if address.ip().is_loopback() {
            Ok(Self::Loopback(address))
        } else {
            Err(ListenError::NotLoopback(address))
        }
    }
}

#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    pub(super) fn bind(address: &ListenAddress) -> Result<Self> {
        Ok(match address {
            ListenAddress::Loopback(address) => {
                let listener = TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                Self::Tcp(listener)
            }
            ListenAddress::Unix(path) => {
                remove_stale(path)?;
                let listener = UnixListener::bind(path)?;
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))?;
                listener.set_nonblocking(true)?;
                Self::Unix(listener, path.clone())
            }
        })
    }

    /// The next connection; `None` when there is none, or none that can be served.
    pub(super) fn accept(&self) -> Option<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().ok()?;
                stream.set_nonblocking(true).ok()?;
                Some(Stream::Tcp(stream))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().ok()?;
                stream.set_nonblocking(true).ok()?;
                Some(Stream::Unix(stream))
            }
        }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener, _) => listener.as_fd(),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // The next start removes what is left here.
            let _removed = std::fs::remove_file(path);
        }
    }
}

impl Stream {
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }

    pub(super) fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(bytes),
            Self::Unix(stream) => stream.read(bytes),
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_served() {
        for text in ["127.0.0.1:9464", "[::1]:0", "127.8.8.8:1"] {
            assert!(
                matches!(text.parse(), Ok(ListenAddress::Loopback(_))),
                "{text}"
            );
        }
        assert_eq!(
            "unix:/run/x".parse(),
            Ok(ListenAddress::Unix("/run/x".into()))
        );
        for text in ["0.0.0.0:9464", "192.0.2.1:80", "[::]:9464"] {
            let refused = text.parse::<ListenAddress>();
            assert!(
                matches!(refused, Err(ListenError::NotLoopback(_))),
                "{text}"
            );
        }
        for text in ["", "9464", "unix:", "localhost:9464", "127.0.0.1"] {
            assert!(
                matches!(text.parse::<ListenAddress>(), Err(ListenError::Form(_))),
                "{text}"
            );
        }
    }
}
