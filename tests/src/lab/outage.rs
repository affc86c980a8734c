//! An outage of the path between the offices.

use super::error::Result;
use super::namespace::Namespace;

/// Before the main routing table, behind the internet's own addresses: ARP and the links stay.
const PREFERENCE: u32 = 10;
/// The internet's devices.
const DEVICES: [&str; 2] = ["head", "branch"];

/// While it lives, the internet silently discards everything that it should forward: no link goes
/// down and no ICMP error is sent, so that only silence can be noticed.
#[derive(Debug)]
pub struct Outage<'a> {
    internet: &'a Namespace,
}

impl<'a> Outage<'a> {
    /// Begins the outage.
    pub fn begin(internet: &'a Namespace) -> Result<Self> {
        let outage = Self { internet };
        for device in DEVICES {
            internet.ip(&format!(
                "rule add pref {PREFERENCE} iif {device} blackhole"
            ))?;
        }
        Ok(outage)
    }

    /// Ends it; dropping does the same but cannot tell of an error.
    pub fn end(self) -> Result<()> {
        self.restore()
    }

    fn restore(&self) -> Result<()> {
        for device in DEVICES {
            self.internet.ip(&format!(
                "rule del pref {PREFERENCE} iif {device} blackhole"
            ))?;
        }
        Ok(())
    }
}

impl Drop for Outage<'_> {
    fn drop(&mut self) {
        // After `end` the rules are gone, which is what is wanted.
        let _ = self.restore();
    }
}
