//! What an SA is made from.

use std::fmt;

use config::MaskedNet;

use super::Suite;
use super::suite::SALT_LEN;
use crate::crypto::{Direction, Engines, KeyError, KeyMaterial, KeySet};
use crate::packet::{FlowKey, protocol};
use crate::tunnel::SlotId;

/// Smallest SPI of an SA (RFC 4303 section 2.1 reserves the others).
pub const SPI_MIN: u32 = 256;

/// Ports of a selector, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// First port.
    pub first: u16,
    /// Last port.
    pub last: u16,
}

impl PortRange {
    /// Every port.
    pub const ANY: Self = Self {
        first: 0,
        last: u16::MAX,
    };

    /// Whether `port` lies in the range.
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

/// Which packets an SA is for, seen from this box (RFC 4301 section 4.4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selectors {
    /// Addresses behind this box.
    pub local: MaskedNet,
    /// Addresses behind the peer.
    pub remote: MaskedNet,
    /// The protocol, `None` for all.
    pub protocol: Option<u8>,
    /// Ports behind this box; looked at for TCP and UDP only.
    pub local_ports: PortRange,
    /// Ports behind the peer; looked at for TCP and UDP only.
    pub remote_ports: PortRange,
}

impl Selectors {
    /// Every packet between two nets.
    pub const fn between(local: MaskedNet, remote: MaskedNet) -> Self {
        Self {
            local,
            remote,
            protocol: None,
            local_ports: PortRange::ANY,
            remote_ports: PortRange::ANY,
        }
    }

    /// Whether they say nothing of protocols and ports.
    pub(super) fn are_nets_alone(&self) -> bool {
        let any = [self.local_ports, self.remote_ports] == [PortRange::ANY; 2];
        any && self.protocol.is_none()
    }

    /// Whether a packet to the peer is one of them.
    pub fn selects_outbound(&self, key: &FlowKey) -> bool {
        let with_ports = matches!(key.protocol, protocol::TCP | protocol::UDP);
        self.local.contains(key.src)
            && self.remote.contains(key.dst)
            && self.protocol.is_none_or(|number| number == key.protocol)
            && (!with_ports
                || self.local_ports.contains(key.sport) && self.remote_ports.contains(key.dport))
    }

    /// Whether a packet from the peer is one of them.
    pub fn selects_inbound(&self, key: &FlowKey) -> bool {
        self.selects_outbound(&key.reversed())
    }
}

/// Selectors as packets are held against them: the nets first, as words, and of most SAs nothing
/// else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter {
    local: [u32; 2],
    remote: [u32; 2],
    nets_alone: bool,
}

impl Filter {
    pub(super) fn new(selectors: &Selectors) -> Self {
        let words = |net: &MaskedNet| [net.address.to_bits(), net.mask.to_bits()];
        Self {
            local: words(&selectors.local),
            remote: words(&selectors.remote),
            nets_alone: selectors.are_nets_alone(),
        }
    }

    /// Whether the nets hold a packet from `local` to `remote`.
    #[inline]
    pub(super) fn holds(&self, local: u32, remote: u32) -> bool {
        let differ = |[net, mask]: [u32; 2], address: u32| address & mask ^ net;
        differ(self.local, local) | differ(self.remote, remote) == 0
    }

    /// [`Selectors::selects_outbound`], of the selectors that it was made from.
    #[inline]
    pub(super) fn selects_outbound(&self, selectors: &Selectors, key: &FlowKey) -> bool {
        self.holds(key.src, key.dst) && (self.nets_alone || selectors.selects_outbound(key))
    }
}

/// Everything that IKE has negotiated for one SA.
#[derive(Clone, Copy)]
pub struct SaParameters<'a> {
    /// SPI, at least [`SPI_MIN`].
    pub spi: u32,
    /// Cipher and integrity algorithm.
    pub suite: Suite,
    /// [`Suite::encryption_key_len`] bytes; with GCM the key, then the salt.
    pub encryption_key: &'a [u8],
    /// [`Suite::integrity_key_len`] bytes.
    pub integrity_key: &'a [u8],
    /// Our outer address, host byte order.
    pub local: u32,
    /// The peer's outer address, host byte order.
    pub remote: u32,
    /// Our and the peer's UDP port, if ESP goes in UDP (RFC 3948).
    pub encapsulation: Option<(u16, u16)>,
    /// Extended sequence numbers (RFC 4303 section 2.2.1).
    pub esn: bool,
    /// Packets that the inbound window covers.
    pub replay_window: u32,
    /// Bytes of inner packets that the SA may carry.
    pub lifetime_bytes: Option<u64>,
    /// The slot that the SA serves.
    pub slot: SlotId,
    /// Which packets it is for.
    pub selectors: Selectors,
    /// An outbound SA with which every worker seals, not its home alone.
    pub spread: bool,
}

impl fmt::Debug for SaParameters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaParameters")
            .field("spi", &format_args!("{:#010x}", self.spi))
            .field("suite", &self.suite)
            .field("local", &self.local)
            .field("remote", &self.remote)
            .field("encapsulation", &self.encapsulation)
            .field("esn", &self.esn)
            .field("replay_window", &self.replay_window)
            .field("lifetime_bytes", &self.lifetime_bytes)
            .field("slot", &self.slot)
            .field("selectors", &self.selectors)
            .field("spread", &self.spread)
            .finish_non_exhaustive()
    }
}

/// Why an SA cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The SPI is one of those that no SA has.
    #[error("SPI {0:#x} is reserved")]
    Spi(u32),
    /// The keys do not fit the suite, or nothing can use them.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Prepared keys and the salt, which is zero without GCM.
pub(super) fn prepare(
    parameters: &SaParameters<'_>,
    engines: &Engines,
    direction: Direction,
) -> Result<(KeySet, [u8; SALT_LEN]), BuildError> {
    if parameters.spi < SPI_MIN {
        return Err(BuildError::Spi(parameters.spi));
    }
    let suite = parameters.suite;
    let (cipher, salt) = parameters
        .encryption_key
        .split_at_checked(suite.cipher_key_len())
        .ok_or(KeyError::Length)?;
    let salt = match (suite.is_gcm(), salt) {
        (true, salt) => salt.try_into().map_err(|_| KeyError::Length)?,
        (false, []) => [0; SALT_LEN],
        (false, _) => return Err(KeyError::Length.into()),
    };
    let material =
        KeyMaterial::new(suite, cipher, parameters.integrity_key).ok_or(KeyError::Length)?;
    Ok((engines.prepare(&material, direction)?, salt))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn net(a: u8) -> MaskedNet {
        MaskedNet::new(Ipv4Addr::new(10, a, 0, 0), Ipv4Addr::new(255, 255, 0, 0))
    }

    #[test]
    fn selectors_look_at_ports_of_tcp_and_udp_only() {
        let mut selectors = Selectors::between(net(1), net(2));
        selectors.remote_ports = PortRange {
            first: 80,
            last: 81,
        };
        let (here, there) = (0x0a01_0001, 0x0a02_0001);
        let tcp = |dport| FlowKey::new(protocol::TCP, here, 4000, there, dport);
        assert!(selectors.selects_outbound(&tcp(80)) && selectors.selects_outbound(&tcp(81)));
        assert!(!selectors.selects_outbound(&tcp(79)) && !selectors.selects_outbound(&tcp(82)));
        assert!(selectors.selects_inbound(&tcp(80).reversed()));
        assert!(!selectors.selects_inbound(&tcp(80)));
        let icmp = FlowKey::new(protocol::ICMP, here, 7, there, 7);
        assert!(selectors.selects_outbound(&icmp));
        selectors.protocol = Some(protocol::UDP);
        assert!(!selectors.selects_outbound(&tcp(80)) && !selectors.selects_outbound(&icmp));
        assert!(!Filter::new(&selectors).selects_outbound(&selectors, &tcp(80)));
    }

    #[test]
    fn a_filter_selects_what_its_selectors_do() {
        let ports = PortRange {
            first: 80,
            last: 81,
        };
        let nets = Selectors::between(net(1), net(2));
        let cases = [
            nets,
            Selectors {
                remote_ports: ports,
                ..nets
            },
            Selectors {
                local_ports: ports,
                ..nets
            },
            Selectors {
                protocol: Some(protocol::TCP),
                ..nets
            },
        ];
        let addresses = [0x0a01_0001, 0x0a02_0001, 0x0a03_0001];
        for selectors in cases {
            let filter = Filter::new(&selectors);
            assert_eq!(filter.nets_alone, selectors == nets);
            for (src, dst) in addresses.iter().flat_map(|a| addresses.map(|b| (*a, b))) {
                for (number, port) in [(6, 80), (6, 82), (17, 81), (17, 82), (1, 0)] {
                    let key = FlowKey::new(number, src, port, dst, 161 - port);
                    let expected = selectors.selects_outbound(&key);
                    assert_eq!(filter.selects_outbound(&selectors, &key), expected);
                }
            }
        }
    }
}
