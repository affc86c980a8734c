//! A packet socket bound to one device: whole Ethernet frames in and out.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recvfrom, send,
    setsockopt, socket, sockopt,
};

use super::error::{Doing, Result, failed};

/// Receive buffer: at 1 Gbit/s about 60 ms of a reader that does not run.
const RECEIVE_BUFFER_BYTES: usize = 8 << 20;
/// `PACKET_OUTGOING` of packet(7): the frame leaves by the device.
const PACKET_OUTGOING: u8 = 4;

/// What [`PacketSocket::receive`] took from the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes of the frame in the caller's buffer.
    pub len_bytes: usize,
    /// The machine sent the frame by this device, as opposed to receiving it there.
    pub outgoing: bool,
}

/// The socket; it never blocks.
#[derive(Debug)]
pub struct PacketSocket {
    socket: OwnedFd,
    index: usize,
}

impl PacketSocket {
    /// Opens the socket on `device` of the caller's namespace.
    pub fn open(device: &str) -> Result<Self> {
        let address = link_address(device)?;
        let socket = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC,
            SockProtocol::EthAll,
        )
        .doing("open a packet socket")?;
        bind(socket.as_raw_fd(), &address).doing(&format!("bind to {device}"))?;
        setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER_BYTES)
            .doing("size the receive buffer")?;
        Ok(Self {
            socket,
            index: address.ifindex(),
        })
    }

    /// The next frame, or `None` when none waits. Frames of other devices, from the moment between
    /// the socket's birth and its binding, are passed over.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<Option<Received>> {
        loop {
            match recvfrom::<LinkAddr>(self.socket.as_raw_fd(), buffer) {
                Ok((len_bytes, Some(from))) if from.ifindex() == self.index => {
                    let outgoing = from.pkttype() == PACKET_OUTGOING;
                    return Ok(Some(Received {
                        len_bytes,
                        outgoing,
                    }));
                }
                Ok(_) | Err(Errno::EINTR) => {}
                // A device that goes down reports so once; the socket stays bound.
                Err(Errno::EAGAIN | Errno::ENETDOWN) => return Ok(None),
                Err(error) => return failed(format!("receive a frame: {error}")),
            }
        }
    }

    /// Sends a frame; one that the device refuses is lost, as on a wire.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        match send(self.socket.as_raw_fd(), frame, MsgFlags::empty()) {
            Ok(_) | Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::ENETDOWN) => Ok(()),
            Err(error) => failed(format!("send a frame: {error}")),
        }
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn link_address(device: &str) -> Result<LinkAddr> {
    let address = getifaddrs()
        .doing("list the devices")?
        .filter(|interface| interface.interface_name == device)
        .find_map(|interface| interface.address?.as_link_addr().copied());
    match address {
        Some(address) => Ok(address),
        None => failed(format!("there is no device {device} here")),
    }
}
