//! What is incomplete in `logging` and `snmp-server`.

use super::Check;
use crate::{DeviceId, LogFilter, LogTransport, Secret};

impl Check<'_> {
    pub(super) fn logging(&mut self) {
        let logging = &self.config.logging;
        for host in &logging.hosts {
            self.need_nameif(&host.nameif, &format!("logging host {}", host.address));
        }
        if let Some(DeviceId::Address(nameif)) = &logging.device_id {
            self.need_nameif(nameif, "logging device-id");
        }
        let tcp = logging
            .hosts
            .iter()
            .any(|host| host.transport == LogTransport::Tcp);
        if tcp && !logging.permit_hostdown {
            let message =
                "Traffic goes on while a TCP syslog host is away; an ASA would stop it.".to_owned();
            let help = "Write `logging permit-hostdown` to say that this is meant.";
            self.warn("hostdown-permitted", message, help);
        }
        let file = logging.file.as_ref().map(|(_, filter)| filter);
        for (what, filter) in [
            ("logging console", logging.console.as_ref()),
            ("logging buffered", logging.buffered.as_ref()),
            ("logging trap", logging.trap.as_ref()),
            ("logging file", file),
        ] {
            if let Some(LogFilter::List(name)) = filter {
                self.need_logging_list(name, what);
            }
        }
    }

    fn need_logging_list(&mut self, name: &str, what: &str) {
        let mut lists = self.config.logging.lists.iter();
        if !lists.any(|list| list.name == name) {
            let message = format!("{what}: there is no logging list {name}.");
            let help = "Nothing goes there until the list is there.";
            self.warn("unknown-logging-list", message, help);
        }
    }

    pub(super) fn snmp(&mut self) {
        let snmp = &self.config.snmp;
        for host in &snmp.hosts {
            let what = format!("snmp-server host {}", host.address);
            self.need_nameif(&host.nameif, &what);
            let community = host.community.as_ref().or(snmp.community.as_ref());
            if community.is_none_or(Secret::is_masked) {
                let message = format!("{what} has no community that can be used.");
                let help = "Write `snmp-server community`, or `community` behind the address.";
                self.warn("snmp-host-without-community", message, help);
            }
        }
        if !snmp.hosts.is_empty() && snmp.traps.is_empty() {
            let message = "There is a receiver of traps and no trap is turned on.".to_owned();
            self.warn("no-traps", message, "Write `snmp-server enable traps`.");
        }
    }
}
