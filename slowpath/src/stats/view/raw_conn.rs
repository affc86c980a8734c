//! `show conn raw`, which is Holdfast's own: the bytes of each entry, to compare two moments.

use std::net::Ipv4Addr;

use fastpath::conn::{Cold, Hot};
use serde::Serialize;

use super::{Append, protocol_name};

/// One entry of the connection table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RawConn {
    /// Number in the logs.
    pub id: u32,
    /// IP protocol.
    pub protocol: String,
    /// The endpoint with the lower address, real.
    pub low: (Ipv4Addr, u16),
    /// The other one.
    pub high: (Ipv4Addr, u16),
    /// The entry in hexadecimal, fields in the order of its layout: the part that every packet
    /// touches (64 bytes), a blank, the rest (48 bytes, links of the timer wheel as zeros).
    pub entry: String,
}

impl RawConn {
    /// The view of an entry.
    pub fn new(hot: &Hot, cold: &Cold) -> Self {
        let entry = format!("{} {}", hex(&hot.to_bytes()), hex(&cold.to_bytes()));
        Self {
            id: cold.id.0,
            protocol: protocol_name(hot.protocol),
            low: (Ipv4Addr::from_bits(hot.low_address), hot.low_port),
            high: (Ipv4Addr::from_bits(hot.high_address), hot.high_port),
            entry,
        }
    }

    /// The line of `show conn raw`.
    pub fn render(&self) -> String {
        let Self {
            id,
            protocol,
            low,
            high,
            entry,
        } = self;
        format!(
            "{protocol} {}:{} {}:{} id {id} {entry}\n",
            low.0, low.1, high.0, high.1
        )
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.append(format_args!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use fastpath::conn::{COLD_BYTES, HOT_BYTES};

    use super::*;

    #[test]
    fn bytes_are_two_digits_each() {
        assert_eq!(hex(&[0, 0x0a, 0xff]), "000aff");
    }

    #[test]
    fn a_line_names_the_flow_before_its_bytes() {
        let conn = RawConn {
            id: 7,
            protocol: "TCP".to_owned(),
            low: (Ipv4Addr::new(10, 0, 0, 1), 80),
            high: (Ipv4Addr::new(192, 0, 2, 1), 40_000),
            entry: format!("{} {}", "00".repeat(HOT_BYTES), "11".repeat(COLD_BYTES)),
        };
        let line = conn.render();
        assert!(line.starts_with("TCP 10.0.0.1:80 192.0.2.1:40000 id 7 0000"));
        assert!(line.ends_with("1111\n"));
    }
}
