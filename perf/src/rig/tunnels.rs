//! Tunnels of the box, and the peer's side of them.

use config::MaskedNet;
use fastpath::control::Fastpath;
use fastpath::crypto::{Choice, EngineKind, Engines};
use fastpath::esp::{InboundSa, OutboundSa, SaParameters, Selectors};
use fastpath::tunnel::{SlotId, TunnelMtu};

use super::Blueprint;
use super::plan::{LOCAL, PEER};
use crate::options::Cipher;

/// SPI that the peer has chosen for the first tunnel.
const PEER_SPI: u32 = 0x2000;
const KEY: [u8; 64] = {
    let mut key = [0; 64];
    let mut at = 0;
    while at < key.len() {
        key[at] = (at * 7 + 3) as u8;
        at += 1;
    }
    key
};
/// Packets of the replay window.
const WINDOW: u32 = 1024;
/// Bytes of inner packets that fit any suite on a path of 1500.
const INNER_MTU: u32 = 1500;
const PATH_MTU: u32 = 1600;
const MSS: u16 = 1300;

/// A tunnel, and what the peer has of it.
#[derive(Debug)]
pub(crate) struct Tunnel {
    /// Its slot in the box.
    pub(crate) slot: SlotId,
    /// The peer's SA towards the box.
    pub(crate) outbound: OutboundSa,
    /// The peer's SA for what the box sends.
    pub(crate) inbound: InboundSa,
}

/// Parameters of one SA, as the box sees it; the peer has the addresses turned round.
pub(crate) fn parameters(cipher: Cipher, spi: u32, slot: SlotId) -> SaParameters<'static> {
    let suite = cipher.suite();
    SaParameters {
        spi,
        suite,
        encryption_key: &KEY[..suite.encryption_key_len()],
        integrity_key: &KEY[..suite.integrity_key_len()],
        local: LOCAL,
        remote: PEER,
        encapsulation: None,
        esn: true,
        replay_window: WINDOW,
        lifetime_bytes: None,
        slot,
        selectors: Selectors::between(MaskedNet::ANY, MaskedNet::ANY),
        spread: false,
    }
}

/// SPI under which the peer receives a tunnel's packets.
pub(crate) fn peer_spi(tunnel: u32) -> u32 {
    PEER_SPI + tunnel
}

/// Installs the tunnels of a box, up and with PRESERVE.
pub(super) fn install(
    fastpath: &mut Fastpath,
    blueprint: &Blueprint,
) -> Result<Vec<Tunnel>, String> {
    // The peer is another implementation of the same suites than the one that is measured most.
    let engines = Engines::with(Choice::Fixed(EngineKind::Portable));
    (0..blueprint.tunnels)
        .map(|tunnel| one(fastpath, tunnel, blueprint, &engines))
        .collect()
}

fn one(
    fastpath: &mut Fastpath,
    tunnel: u32,
    blueprint: &Blueprint,
    engines: &Engines,
) -> Result<Tunnel, String> {
    let (tunnels, publisher) = fastpath.tunnels();
    let mtu = TunnelMtu {
        path: PATH_MTU,
        inner: INNER_MTU,
        mss: MSS,
    };
    let slot = tunnels.allocate(mtu).ok_or("no slot is left")?;
    let spi = tunnels.reserve_spi().ok_or("no SPI is left")?;
    let in_parameters = parameters(blueprint.cipher, spi, slot);
    let out_parameters = SaParameters {
        spread: blueprint.spread,
        ..parameters(blueprint.cipher, peer_spi(tunnel), slot)
    };
    let text = |error: &dyn std::fmt::Display| error.to_string();
    tunnels
        .install_inbound(publisher, &in_parameters)
        .map_err(|e| text(&e))?;
    tunnels
        .install_outbound(publisher, &out_parameters)
        .map_err(|e| text(&e))?;
    tunnels.bring_up(slot, true);
    publisher.poll();
    let turned = |parameters: SaParameters<'static>| SaParameters {
        local: PEER,
        remote: LOCAL,
        ..parameters
    };
    Ok(Tunnel {
        slot,
        outbound: OutboundSa::build(&turned(in_parameters), engines).map_err(|e| text(&e))?,
        inbound: InboundSa::build(&turned(out_parameters), engines).map_err(|e| text(&e))?,
    })
}
