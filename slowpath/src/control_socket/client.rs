//! The client's side of the control socket; blocking, with a timeout.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use super::protocol::{ReplyMessage, RequestMessage};
use super::{MESSAGE_MAX_BYTES, SOCKET_NAME};

/// Time that a client waits for the next piece of an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// A connection to the box.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
}

impl Client {
    /// Connects to the socket of the box that runs in `run_dir`.
    pub fn connect(run_dir: &Path) -> Result<Self> {
        let address = UnixAddr::new(&run_dir.join(SOCKET_NAME))?;
        let socket = socket(
            AddressFamily::Unix,
            SockType::SeqPacket,
            SockFlag::SOCK_CLOEXEC,
            None,
        )?;
        connect(socket.as_raw_fd(), &address)?;
        let stream = UnixStream::from(socket);
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self { stream })
    }

    /// Sends a request and gives every piece of its output to `output`. The last message is
    /// returned with its text already given away.
    pub fn call(
        &mut self,
        request: &RequestMessage,
        mut output: impl FnMut(&str) -> Result<()>,
    ) -> Result<ReplyMessage> {
        let request = serde_json::to_vec(request)?;
        if request.len() > MESSAGE_MAX_BYTES {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the command is too long",
            ));
        }
        self.stream.write_all(&request)?;
        let mut message = vec![0; MESSAGE_MAX_BYTES];
        loop {
            let len = self.stream.read(&mut message)?;
            if len == 0 {
                return Err(Error::new(
                    ErrorKind::UnexpectedEof,
                    "the box closed the connection",
                ));
            }
            let reply: ReplyMessage = serde_json::from_slice(&message[..len])?;
            output(&reply.text)?;
            if reply.last {
                return Ok(reply);
            }
        }
    }
}
