//! Packets that IPsec refused: 402114, 402116, 402117, 402119, 402120, 402130.

use fastpath::packet::FlowKey;
use fastpath::worker::event::IpsecKind;

use super::super::Message;
use super::address;
use crate::ike::Selectors;
use crate::stats::view::Append;
use crate::stats::view::protocol_name;

/// The message of a refused packet. `packet` is its outer and its inner part; a packet in clear
/// has its own addresses in the outer part.
pub(super) fn refused(
    kind: IpsecKind,
    spi: u32,
    sequence: u32,
    packet: (&FlowKey, &FlowKey),
    selectors: Option<&Selectors>,
) -> Message {
    let (outer, inner) = packet;
    let (remote, local) = (address(outer.src), address(outer.dst));
    let esp = format!(
        "IPSEC: Received an ESP packet (SPI= 0x{spi:08X}, sequence number= 0x{sequence:X}) \
         from {remote}"
    );
    let authenticated = format!("{esp} (user= {remote}) to {local}");
    match kind {
        IpsecKind::InvalidSpi => {
            Message::new(402_114, 4, format!("{esp} to {local} with an invalid SPI."))
        }
        IpsecKind::Selector => {
            let policy = mismatch(inner, selectors);
            Message::new(402_116, 4, format!("{authenticated}.  {policy}"))
        }
        IpsecKind::NotIpsec => {
            let protocol = protocol_name(outer.protocol);
            let text = format!(
                "IPSEC: Received a non-IPSec packet (protocol= {protocol}) from {remote} to \
                 {local}."
            );
            Message::new(402_117, 4, text)
        }
        IpsecKind::Replay => {
            let text = format!("{authenticated} that failed anti-replay checking.");
            Message::new(402_119, 4, text)
        }
        IpsecKind::Authentication => {
            let text = format!("{authenticated} that failed authentication.");
            Message::new(402_120, 4, text)
        }
        IpsecKind::Padding => {
            let text = format!(
                "CRYPTO: Received an ESP packet (SPI = 0x{spi:08X}, sequence number = \
                 0x{sequence:X}) from {remote} (user = {remote}) to {local} with incorrect IPsec \
                 padding."
            );
            Message::new(402_130, 6, text)
        }
    }
}

fn mismatch(inner: &FlowKey, selectors: Option<&Selectors>) -> String {
    let mut text = format!(
        "The decapsulated inner packet doesn't match the negotiated policy in the SA.  \
         The packet specifies its destination as {}, its source as {}, and its protocol as {}.",
        address(inner.dst),
        address(inner.src),
        inner.protocol
    );
    if let Some(selectors) = selectors {
        let proxy = |net: &config::MaskedNet, port: u16| {
            format!("{}/{}/{}/{port}", net.address, net.mask, selectors.protocol)
        };
        text.append(format_args!(
            "  The SA specifies its local proxy as {} and its remote_proxy as {}.",
            proxy(&selectors.local, selectors.local_port),
            proxy(&selectors.remote, selectors.remote_port)
        ));
    }
    text
}
