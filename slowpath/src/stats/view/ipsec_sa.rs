//! `show crypto ipsec sa`.
//!
//! Lines and order are from published samples, without the lines that 9.x added. The sentence for
//! an empty table and the names of AES-GCM are by knowledge.

use std::net::Ipv4Addr;

use config::{Encryption, Hash};
use serde::Serialize;

use super::Append;

use crate::ike::{EspSuite, Selectors};

/// All phase-2 SAs, grouped by interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IpsecSaTable {
    /// Interfaces with at least one tunnel.
    pub interfaces: Vec<IpsecInterface>,
}

/// The tunnels of one interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IpsecInterface {
    /// Name of the interface.
    pub nameif: String,
    /// One per crypto map entry and access-list entry.
    pub tunnels: Vec<IpsecTunnel>,
}

/// One tunnel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IpsecTunnel {
    /// Name of the crypto map.
    pub map_name: String,
    /// Sequence number of its entry.
    pub map_sequence: u16,
    /// Our outer address.
    pub local_address: Ipv4Addr,
    /// The peer's outer address.
    pub peer: Ipv4Addr,
    /// The access-list entry as `show running-config` prints it.
    pub access_list_line: Option<String>,
    /// Our side of the negotiated selectors.
    pub local_ident: Ident,
    /// The peer's side.
    pub remote_ident: Ident,
    /// Packets.
    pub counters: IpsecCounters,
    /// Path MTU in bytes.
    pub path_mtu: u16,
    /// Bytes that ESP adds.
    pub overhead: u16,
    /// MTU of the interface in bytes.
    pub media_mtu: u16,
    /// The map's name, suite and settings apply to both directions.
    pub inbound: Vec<EspSa>,
    /// Outbound SAs; the first is the one in use.
    pub outbound: Vec<EspSa>,
}

/// One side of the selectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ident {
    /// The net.
    pub address: Ipv4Addr,
    /// Its mask.
    pub mask: Ipv4Addr,
    /// IP protocol, 0 for all.
    pub protocol: u8,
    /// Port, 0 for all.
    pub port: u16,
}

impl Ident {
    /// Our side and the peer's side of negotiated selectors.
    pub fn pair(selectors: &Selectors) -> (Self, Self) {
        let ident = |net: &config::MaskedNet, port| Self {
            address: net.address,
            mask: net.mask,
            protocol: selectors.protocol,
            port,
        };
        (
            ident(&selectors.local, selectors.local_port),
            ident(&selectors.remote, selectors.remote_port),
        )
    }
}

/// Packets of a tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IpsecCounters {
    /// Packets that were encapsulated, encrypted and authenticated.
    pub encapsulated: u64,
    /// Packets that were decapsulated, decrypted and verified.
    pub decapsulated: u64,
    /// Packets that were fragmented before encryption.
    pub fragmented: u64,
    /// Packets that could not be fragmented before encryption.
    pub fragmentation_failures: u64,
    /// Fragments made.
    pub fragments: u64,
    /// ICMP "fragmentation needed" sent.
    pub pmtu_sent: u64,
    /// ICMP "fragmentation needed" received.
    pub pmtu_received: u64,
    /// Inner packets that were fragments.
    pub inner_fragments: u64,
    /// Packets that could not be sealed.
    pub send_errors: u64,
    /// Packets that could not be opened.
    pub receive_errors: u64,
}

/// One SA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EspSa {
    /// Its SPI.
    pub spi: u32,
    /// `esp-aes-256 esp-md5-hmac`.
    pub transform: String,
    /// Bytes of IV per packet.
    pub iv_bytes: u8,
    /// ESP goes in UDP.
    pub nat_traversal: bool,
    /// Every worker seals with it.
    pub spread: bool,
    /// Handle of the connection.
    pub conn_id: u32,
    /// Seconds until it ends.
    pub remaining_s: u32,
    /// Kilobytes until it ends, `None` for no bound.
    pub remaining_kb: Option<u32>,
    /// The 64 bits of the anti-replay window at its right edge; `None` when it is off.
    pub replay_bitmap: Option<u64>,
}

/// The transform and the IV length of a suite as the ASA names them.
pub fn transform(suite: &EspSuite) -> (String, u8) {
    let (cipher, iv_bytes) = match suite.encryption {
        Encryption::Des => ("esp-des", 8),
        Encryption::TripleDes => ("esp-3des", 8),
        Encryption::Aes128 => ("esp-aes", 16),
        Encryption::Aes192 => ("esp-aes-192", 16),
        Encryption::Aes256 => ("esp-aes-256", 16),
        Encryption::AesGcm128 => ("esp-aes-gcm", 8),
        Encryption::AesGcm192 => ("esp-aes-gcm-192", 8),
        Encryption::AesGcm256 => ("esp-aes-gcm-256", 8),
    };
    let hmac = match suite.integrity {
        Some(Hash::Md5) => "esp-md5-hmac",
        Some(Hash::Sha1) => "esp-sha-hmac",
        Some(Hash::Sha256) => "esp-sha-256-hmac",
        Some(Hash::Sha384) => "esp-sha-384-hmac",
        Some(Hash::Sha512) => "esp-sha-512-hmac",
        None => "esp-none",
    };
    (format!("{cipher} {hmac}"), iv_bytes)
}

impl EspSa {
    fn render(&self, map_name: &str, out: &mut String) {
        out.append(format_args!(
            "      spi: 0x{:08X} ({})\n",
            self.spi, self.spi
        ));
        out.append(format_args!(
            "         transform: {} no compression\n",
            self.transform
        ));
        let encapsulation = if self.nat_traversal {
            " NAT-T-Encaps, "
        } else {
            ""
        };
        let spread = if self.spread { "Spread, " } else { "" };
        out.append(format_args!(
            "         in use settings ={{L2L, Tunnel, {encapsulation}{spread}}}\n"
        ));
        let conn_id = self.conn_id;
        out.append(format_args!(
            "         slot: 0, conn_id: {conn_id}, crypto-map: {map_name}\n"
        ));
        out.push_str("         sa timing: remaining key lifetime ");
        match self.remaining_kb {
            Some(kb) => out.append(format_args!("(kB/sec): ({kb}/{})\n", self.remaining_s)),
            None => out.append(format_args!("(sec): {}\n", self.remaining_s)),
        }
        out.append(format_args!("         IV size: {} bytes\n", self.iv_bytes));
        let support = if self.replay_bitmap.is_some() {
            'Y'
        } else {
            'N'
        };
        out.append(format_args!(
            "         replay detection support: {support}\n"
        ));
        if let Some(bitmap) = self.replay_bitmap {
            out.push_str("         Anti replay bitmap:\n");
            out.append(format_args!(
                "          0x{:08X} 0x{:08X}\n",
                bitmap >> 32,
                bitmap as u32
            ));
        }
    }
}

impl IpsecTunnel {
    fn render(&self, out: &mut String) {
        let (name, sequence) = (&self.map_name, self.map_sequence);
        let local = self.local_address;
        out.append(format_args!(
            "    Crypto map tag: {name}, seq num: {sequence}, local addr: {local}\n"
        ));
        out.push('\n');
        if let Some(line) = &self.access_list_line {
            out.append(format_args!("      {line}\n"));
        }
        for (side, ident) in [("local", &self.local_ident), ("remote", &self.remote_ident)] {
            out.append(format_args!(
                "      {side} ident (addr/mask/prot/port): ({}/{}/{}/{})\n",
                ident.address, ident.mask, ident.protocol, ident.port
            ));
        }
        out.append(format_args!("      current_peer: {}\n\n\n", self.peer));
        self.render_counters(out);
        out.push('\n');
        let peer = self.peer;
        out.append(format_args!(
            "      local crypto endpt.: {local}, remote crypto endpt.: {peer}\n"
        ));
        out.append(format_args!(
            "      path mtu {}, ipsec overhead {}, media mtu {}\n",
            self.path_mtu, self.overhead, self.media_mtu
        ));
        if let Some(sa) = self.outbound.first() {
            out.append(format_args!("      current outbound spi: {:08X}\n", sa.spi));
        }
        out.push_str("\n    inbound esp sas:\n");
        for sa in &self.inbound {
            sa.render(name, out);
        }
        out.push_str("    outbound esp sas:\n");
        for sa in &self.outbound {
            sa.render(name, out);
        }
        out.push('\n');
    }

    fn render_counters(&self, out: &mut String) {
        let c = &self.counters;
        let (sealed, opened) = (c.encapsulated, c.decapsulated);
        out.append(format_args!(
            "      #pkts encaps: {sealed}, #pkts encrypt: {sealed}, #pkts digest: {sealed}\n"
        ));
        out.append(format_args!(
            "      #pkts decaps: {opened}, #pkts decrypt: {opened}, #pkts verify: {opened}\n"
        ));
        out.append(format_args!(
            "      #pkts compressed: 0, #pkts decompressed: 0\n"
        ));
        out.append(format_args!(
            "      #pkts not compressed: {sealed}, #pkts comp failed: 0, #pkts decomp failed: 0\n"
        ));
        out.append(format_args!(
            "      #pre-frag successes: {}, #pre-frag failures: {}, #fragments created: {}\n",
            c.fragmented, c.fragmentation_failures, c.fragments
        ));
        out.append(format_args!(
            "      #PMTUs sent: {}, #PMTUs rcvd: {}, #decapsulated frgs needing reassembly: {}\n",
            c.pmtu_sent, c.pmtu_received, c.inner_fragments
        ));
        let (send, receive) = (c.send_errors, c.receive_errors);
        out.append(format_args!(
            "      #send errors: {send}, #recv errors: {receive}\n"
        ));
    }
}

impl IpsecSaTable {
    /// `show crypto ipsec sa`.
    pub fn render(&self) -> String {
        let mut out = String::new();
        for interface in &self.interfaces {
            out.append(format_args!("interface: {}\n", interface.nameif));
            for tunnel in &interface.tunnels {
                tunnel.render(&mut out);
            }
        }
        if out.is_empty() {
            out.push_str("There are no ipsec sas\n");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tunnel() -> IpsecTunnel {
        let (transform, iv_bytes) = transform(&EspSuite {
            encryption: Encryption::Aes256,
            integrity: Some(Hash::Md5),
        });
        let outbound = EspSa {
            spi: 0xEA40_155F,
            transform,
            iv_bytes,
            nat_traversal: false,
            spread: false,
            conn_id: 14_376_960,
            remaining_s: 28_733,
            remaining_kb: Some(4_373_999),
            replay_bitmap: Some(1),
        };
        let inbound = EspSa {
            spi: 0x6A73_91E0,
            nat_traversal: true,
            remaining_kb: None,
            ..outbound.clone()
        };
        let ident = |address: [u8; 4], mask: [u8; 4]| Ident {
            address: address.into(),
            mask: mask.into(),
            protocol: 0,
            port: 0,
        };
        IpsecTunnel {
            map_name: "COLO-MAP".to_owned(),
            map_sequence: 3,
            local_address: Ipv4Addr::new(172, 20, 248, 119),
            peer: Ipv4Addr::new(8, 8, 4, 4),
            access_list_line: Some(
                "access-list 200 extended permit ip 172.20.122.32 255.255.255.240 any".to_owned(),
            ),
            local_ident: ident([172, 20, 122, 32], [255, 255, 255, 240]),
            remote_ident: ident([0, 0, 0, 0], [0, 0, 0, 0]),
            counters: IpsecCounters {
                encapsulated: 7,
                decapsulated: 5,
                ..IpsecCounters::default()
            },
            path_mtu: 1500,
            overhead: 74,
            media_mtu: 1500,
            inbound: vec![inbound],
            outbound: vec![outbound],
        }
    }

    const EXPECTED: &str = "\
interface: outside
    Crypto map tag: COLO-MAP, seq num: 3, local addr: 172.20.248.119

      access-list 200 extended permit ip 172.20.122.32 255.255.255.240 any
      local ident (addr/mask/prot/port): (172.20.122.32/255.255.255.240/0/0)
      remote ident (addr/mask/prot/port): (0.0.0.0/0.0.0.0/0/0)
      current_peer: 8.8.4.4


      #pkts encaps: 7, #pkts encrypt: 7, #pkts digest: 7
      #pkts decaps: 5, #pkts decrypt: 5, #pkts verify: 5
      #pkts compressed: 0, #pkts decompressed: 0
      #pkts not compressed: 7, #pkts comp failed: 0, #pkts decomp failed: 0
      #pre-frag successes: 0, #pre-frag failures: 0, #fragments created: 0
      #PMTUs sent: 0, #PMTUs rcvd: 0, #decapsulated frgs needing reassembly: 0
      #send errors: 0, #recv errors: 0

      local crypto endpt.: 172.20.248.119, remote crypto endpt.: 8.8.4.4
      path mtu 1500, ipsec overhead 74, media mtu 1500
      current outbound spi: EA40155F

    inbound esp sas:
      spi: 0x6A7391E0 (1785958880)
         transform: esp-aes-256 esp-md5-hmac no compression
         in use settings ={L2L, Tunnel,  NAT-T-Encaps, }
         slot: 0, conn_id: 14376960, crypto-map: COLO-MAP
         sa timing: remaining key lifetime (sec): 28733
         IV size: 16 bytes
         replay detection support: Y
         Anti replay bitmap:
          0x00000000 0x00000001
    outbound esp sas:
      spi: 0xEA40155F (3930068319)
         transform: esp-aes-256 esp-md5-hmac no compression
         in use settings ={L2L, Tunnel, }
         slot: 0, conn_id: 14376960, crypto-map: COLO-MAP
         sa timing: remaining key lifetime (kB/sec): (4373999/28733)
         IV size: 16 bytes
         replay detection support: Y
         Anti replay bitmap:
          0x00000000 0x00000001

";

    #[test]
    fn the_output_is_the_published_sample_without_the_lines_of_9_x() {
        let table = IpsecSaTable {
            interfaces: vec![IpsecInterface {
                nameif: "outside".to_owned(),
                tunnels: vec![tunnel()],
            }],
        };
        assert_eq!(table.render(), EXPECTED);
    }

    #[test]
    fn an_empty_table_is_a_sentence() {
        assert_eq!(IpsecSaTable::default().render(), "There are no ipsec sas\n");
    }

    #[test]
    fn the_sides_of_selectors_keep_their_ports() {
        let (local, remote) = Ident::pair(&Selectors {
            local: config::MaskedNet::host(Ipv4Addr::new(10, 0, 0, 1)),
            remote: config::MaskedNet::ANY,
            protocol: 6,
            local_port: 80,
            remote_port: 0,
        });
        assert_eq!((local.protocol, local.port), (6, 80));
        assert_eq!((remote.protocol, remote.port), (6, 0));
        assert_eq!(remote.mask, Ipv4Addr::UNSPECIFIED);
    }
}
