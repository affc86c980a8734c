//! `show interface ip brief`: the columns are from a published sample, the heading `OK?` is by
//! knowledge of 8.2. `show interface`: lines from a published sample; those that count what an
//! Ethernet chip of the ASA counts and DPDK does not are left out.

use std::net::Ipv4Addr;

use serde::Serialize;

use super::Append;
use super::arp::dotted_mac;

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
    /// Its name, where it has one.
    pub nameif: Option<String>,
    /// Mask of its address.
    pub mask: Option<Ipv4Addr>,
    /// Bytes of an IP packet at most.
    pub mtu: u16,
    /// What is known of the device.
    pub device: Option<Device>,
}

/// The device behind an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Device {
    /// DPDK's name for it.
    pub name: String,
    /// Megabits per second, zero where the driver does not know.
    pub speed_mbps: u32,
    /// Both directions at once.
    pub full_duplex: bool,
    /// Station address.
    pub mac: [u8; 6],
    /// Packets and bytes received.
    pub received: (u64, u64),
    /// Packets and bytes sent.
    pub sent: (u64, u64),
    /// Packets that found no free buffer.
    pub no_buffer: u64,
    /// Packets that found no free descriptor.
    pub overrun: u64,
    /// Packets received with errors.
    pub input_errors: u64,
    /// Packets that could not be sent.
    pub output_errors: u64,
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
        let (status, protocol) = (self.status(), self.protocol());
        format!(
            "{:<26} {address:<15} YES {method:<6} {status:<21} {protocol:<4}\n",
            self.hardware
        )
    }
}

impl InterfaceRow {
    const fn status(&self) -> &'static str {
        if self.shutdown {
            "administratively down"
        } else if self.present {
            "up"
        } else {
            "down"
        }
    }

    const fn protocol(&self) -> &'static str {
        if !self.shutdown && self.present && self.link {
            "up"
        } else {
            "down"
        }
    }

    fn append(&self, out: &mut String) {
        out.append(format_args!(
            "Interface {} \"{}\", is {}, line protocol is {}\n",
            self.hardware,
            self.nameif.as_deref().unwrap_or_default(),
            self.status(),
            self.protocol()
        ));
        if let Some(device) = &self.device {
            device.append(out, self.mtu);
        }
        match (self.address, self.mask) {
            (Some(address), Some(mask)) => {
                out.append(format_args!("\tIP address {address}, subnet mask {mask}\n"));
            }
            _ => out.push_str("\tIP address unassigned\n"),
        }
        if let Some(device) = &self.device {
            device.append_counters(out);
        }
    }
}

impl Device {
    fn append(&self, out: &mut String, mtu: u16) {
        out.append(format_args!("  Hardware is {}", self.name));
        if self.speed_mbps > 0 {
            let duplex = if self.full_duplex { "Full" } else { "Half" };
            out.append(format_args!(
                ", BW {} Mbps\n\tAuto-Duplex({duplex}-duplex), Auto-Speed({0} Mbps)",
                self.speed_mbps
            ));
        }
        let mac = dotted_mac(self.mac);
        out.append(format_args!("\n\tMAC address {mac}, MTU {mtu}\n"));
    }

    fn append_counters(&self, out: &mut String) {
        let (packets, bytes) = self.received;
        out.append(format_args!(
            "\t{packets} packets input, {bytes} bytes, {} no buffer\n\t{} input errors, {} overrun\n",
            self.no_buffer, self.input_errors, self.overrun
        ));
        let (packets, bytes) = self.sent;
        out.append(format_args!(
            "\t{packets} packets output, {bytes} bytes\n\t{} output errors\n",
            self.output_errors
        ));
    }
}

impl InterfaceTable {
    /// `show interface`, of one interface where it is named.
    pub fn render_detail(&self) -> String {
        let mut out = String::new();
        for interface in &self.interfaces {
            interface.append(&mut out);
        }
        out
    }

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
            nameif: Some("outside".to_owned()),
            mask: Some(Ipv4Addr::new(255, 255, 255, 0)),
            mtu: 1500,
            device: None,
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

    #[test]
    fn an_interface_is_described() {
        let row = InterfaceRow {
            hardware: "Ethernet0/0".to_owned(),
            address: Some(Ipv4Addr::new(10, 86, 194, 60)),
            shutdown: false,
            present: true,
            link: true,
            nameif: Some("outside".to_owned()),
            mask: Some(Ipv4Addr::new(255, 255, 254, 0)),
            mtu: 1500,
            device: Some(Device {
                name: "0000:3b:00.0".to_owned(),
                speed_mbps: 1000,
                full_duplex: true,
                mac: [0, 0x0b, 0xfc, 0xf8, 0xc4, 0x4e],
                received: (1_328_522, 124_426_545),
                sent: (124_606, 86_803_402),
                ..Device::default()
            }),
        };
        let bare = InterfaceRow {
            address: None,
            nameif: None,
            device: None,
            present: false,
            ..row.clone()
        };
        let table = InterfaceTable {
            interfaces: vec![row, bare],
        };
        let expected = [
            "Interface Ethernet0/0 \"outside\", is up, line protocol is up",
            "  Hardware is 0000:3b:00.0, BW 1000 Mbps",
            "\tAuto-Duplex(Full-duplex), Auto-Speed(1000 Mbps)",
            "\tMAC address 000b.fcf8.c44e, MTU 1500",
            "\tIP address 10.86.194.60, subnet mask 255.255.254.0",
            "\t1328522 packets input, 124426545 bytes, 0 no buffer",
            "\t0 input errors, 0 overrun",
            "\t124606 packets output, 86803402 bytes",
            "\t0 output errors",
            "Interface Ethernet0/0 \"\", is down, line protocol is down",
            "\tIP address unassigned",
            "",
        ];
        assert_eq!(table.render_detail(), expected.join("\n"));
    }
}
