//! `show arp`: the layout is from a published sample; `-` for an address of the box's own
//! configuration is by knowledge of 8.2.

use std::net::Ipv4Addr;

use serde::Serialize;

use super::Append;

/// The neighbours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ArpTable {
    /// Resolved entries; what is still being asked for is not shown.
    pub neighbours: Vec<Neighbour>,
}

/// A resolved neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// Name of the interface.
    pub nameif: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its MAC address.
    pub mac: [u8; 6],
    /// Seconds since it was learned, `None` for static.
    pub age_s: Option<u64>,
}

/// A MAC address as the ASA writes it: `0011.2233.4455`.
pub fn dotted_mac(mac: [u8; 6]) -> String {
    let [first, second, third] = [0, 2, 4].map(|at| u16::from_be_bytes([mac[at], mac[at + 1]]));
    format!("{first:04x}.{second:04x}.{third:04x}")
}

impl ArpTable {
    /// `show arp`.
    pub fn render(&self) -> String {
        let mut out = String::new();
        for neighbour in &self.neighbours {
            let age = neighbour
                .age_s
                .map_or_else(|| "-".to_owned(), |age_s| age_s.to_string());
            out.append(format_args!(
                "        {} {} {} {age}\n",
                neighbour.nameif,
                neighbour.address,
                dotted_mac(neighbour.mac)
            ));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_published_sample() {
        let learned = Neighbour {
            nameif: "outside".to_owned(),
            address: Ipv4Addr::new(1, 2, 3, 4),
            mac: [0x44, 0x4e, 0x6d, 0xf8, 0xb9, 0x7e],
            age_s: Some(15),
        };
        let fixed = Neighbour {
            age_s: None,
            ..learned.clone()
        };
        let table = ArpTable {
            neighbours: vec![learned, fixed],
        };
        assert_eq!(
            table.render(),
            "        outside 1.2.3.4 444e.6df8.b97e 15\n        \
             outside 1.2.3.4 444e.6df8.b97e -\n"
        );
    }
}
