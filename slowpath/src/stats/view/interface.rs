//! `show interface ip brief`: the columns are from a published sample, the heading `OK?` is by
//! knowledge of 8.2.

use std::net::Ipv4Addr;

use serde::Serialize;

/// The interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InterfaceTable {
    /// In the order of the configuration.
    pub interfaces: Vec<InterfaceRow>,
}

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InterfaceRow {
    /// `Ethernet0/0`.
    pub hardware: String,
    /// Its address.
    pub address: Option<Ipv4Addr>,
    /// `shutdown`.
    pub shutdown: bool,
    /// A device stands behind it.
    pub present: bool,
    /// The device has link.
    pub link: bool,
}

impl InterfaceRow {
    fn render(&self) -> String {
        let address = self
            .address
            .map_or_else(|| "unassigned".to_owned(), |address| address.to_string());
        let method = if self.address.is_some() {
            "CONFIG"
        } else {
            "unset"
        };
        let status = if self.shutdown {
            "administratively down"
        } else if self.present {
            "up"
        } else {
            "down"
        };
        let up = !self.shutdown && self.present && self.link;
        let protocol = if up { "up" } else { "down" };
        format!(
            "{:<26} {address:<15} YES {method:<6} {status:<21} {protocol:<4}\n",
            self.hardware
        )
    }
}

impl InterfaceTable {
    /// `show interface ip brief`.
    pub fn render(&self) -> String {
        let mut out =
            "Interface                  IP-Address      OK? Method Status                Protocol\n"
                .to_owned();
        out.extend(self.interfaces.iter().map(InterfaceRow::render));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_the_sample() {
        let outside = InterfaceRow {
            hardware: "Ethernet0/0".to_owned(),
            address: Some(Ipv4Addr::new(192, 168, 1, 253)),
            shutdown: false,
            present: true,
            link: true,
        };
        let no_link = InterfaceRow {
            hardware: "Ethernet0/1".to_owned(),
            address: None,
            link: false,
            ..outside.clone()
        };
        let shut = InterfaceRow {
            hardware: "Ethernet0/2".to_owned(),
            shutdown: true,
            ..no_link.clone()
        };
        let absent = InterfaceRow {
            hardware: "Management0/0".to_owned(),
            present: false,
            ..outside.clone()
        };
        let table = InterfaceTable {
            interfaces: vec![outside, no_link, shut, absent],
        };
        let expected = [
            "Interface                  IP-Address      OK? Method Status                Protocol",
            "Ethernet0/0                192.168.1.253   YES CONFIG up                    up  ",
            "Ethernet0/1                unassigned      YES unset  up                    down",
            "Ethernet0/2                unassigned      YES unset  administratively down down",
            "Management0/0              192.168.1.253   YES CONFIG down                  down",
            "",
        ];
        assert_eq!(table.render(), expected.join("\n"));
    }
}
