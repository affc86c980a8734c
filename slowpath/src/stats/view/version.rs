//! `show version`, short.
//!
//! The lines for uptime, configuration file and interfaces have the ASA's layout from a published
//! sample; the first lines name Holdfast, because it is not the ASA's software.

use serde::Serialize;

use super::Append;

use super::arp::dotted_mac;
use super::duration::words;

/// What runs here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VersionView {
    /// Version of Holdfast.
    pub version: String,
    /// `x86-64-v3`, `x86-64-v4`.
    pub build: String,
    /// Path of the configuration at start.
    pub config_file: String,
    /// `hostname`.
    pub hostname: String,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// The CPU's own name.
    pub cpu: String,
    /// Polling cores.
    pub workers: usize,
    /// Crypto engine by suite, as measured at the start.
    pub engines: Vec<(String, String)>,
    /// Interfaces with a device.
    pub interfaces: Vec<InterfaceLine>,
}

/// An interface with its device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InterfaceLine {
    /// `Ethernet0/0`.
    pub hardware: String,
    /// Its MAC address.
    pub mac: [u8; 6],
    /// The EAL's name of the device.
    pub device: String,
}

impl VersionView {
    /// `show version`.
    pub fn render(&self) -> String {
        let mut out = format!(
            "\nHoldfast Software Version {}\n\
             Configuration language of Adaptive Security Appliance Version 8.2\n\n\
             Compiled for {}\nConfig file at boot was \"{}\"\n\n{} up {}\n\n\
             Hardware:   CPU {}, {} workers\n",
            self.version,
            self.build,
            self.config_file,
            self.hostname,
            words(self.uptime_s),
            self.cpu,
            self.workers
        );
        for (suite, engine) in &self.engines {
            out.append(format_args!("Encryption engine for {suite}: {engine}\n"));
        }
        out.push('\n');
        for (index, interface) in self.interfaces.iter().enumerate() {
            out.append(format_args!(
                "{index:>2}: Ext: {:<20}: address is {}, device {}\n",
                interface.hardware,
                dotted_mac(interface.mac),
                interface.device
            ));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form() {
        let view = VersionView {
            version: "0.1.0".to_owned(),
            build: "x86-64-v3".to_owned(),
            config_file: "startup-config".to_owned(),
            hostname: "CiscoASA".to_owned(),
            uptime_s: 51 * 86_400 + 9 * 3_600,
            cpu: "Example 2.4 GHz".to_owned(),
            workers: 3,
            engines: vec![("esp-3des esp-md5-hmac".to_owned(), "libipsec-mb".to_owned())],
            interfaces: vec![InterfaceLine {
                hardware: "Ethernet0/0".to_owned(),
                mac: [0x78, 0x72, 0x5d, 0xce, 0xe5, 0x8c],
                device: "0000:3b:00.0".to_owned(),
            }],
        };
        let expected = "
Holdfast Software Version 0.1.0
Configuration language of Adaptive Security Appliance Version 8.2

Compiled for x86-64-v3
Config file at boot was \"startup-config\"

CiscoASA up 51 days 9 hours

Hardware:   CPU Example 2.4 GHz, 3 workers
Encryption engine for esp-3des esp-md5-hmac: libipsec-mb

 0: Ext: Ethernet0/0         : address is 7872.5dce.e58c, device 0000:3b:00.0
";
        assert_eq!(view.render(), expected);
    }
}
