//! SNMP's place in the loop: what is raised, what is sent, what is heard.

use config::Config;

use super::Appliance;
use crate::limits::{QUERIES_PER_TURN, TRAPS_PER_TURN};
use crate::snmp::{Link, LinkWatch, Notifier, SnmpStats, Socket, Trap, Tunnel};
use crate::syslog::Message;
use crate::time::Time;
use crate::tunnel::{Change, TunnelChange};

/// Traps, links and sockets.
#[derive(Debug, Default)]
pub(super) struct Snmp {
    notifier: Notifier,
    links: LinkWatch,
    socket: Socket,
}

impl Snmp {
    /// Takes over the configuration; what the log shall say of it.
    pub(super) fn configure(&mut self, config: &Config) -> Option<Message> {
        self.notifier.configure(&config.snmp);
        let error = self.socket.listen(self.notifier.listens()).err()?;
        let text = format!(
            "Unable to open SNMP channel (UDP port 161), error code = {error}: queries with a \
             wrong community raise no trap"
        );
        Some(Message::new(212_001, 3, text))
    }

    pub(super) fn raise(&mut self, trap: Trap, now: Time) {
        self.notifier.raise(trap, now);
    }

    pub(super) const fn stats(&self) -> SnmpStats {
        self.notifier.stats()
    }
}

fn tunnel_trap(told: TunnelChange) -> Trap {
    let tunnel = Tunnel {
        // From 1, and positive for whoever reads it as signed.
        index: (told.tunnel.0 & 0x3fff_ffff) + 1,
        local: told.local,
        remote: told.remote,
    };
    match told.change {
        Change::Up {
            lifetime_s,
            lifetime_kb,
        } => Trap::TunnelStart {
            tunnel,
            lifetime_s,
            lifetime_kb,
        },
        Change::Down { active_ms } => Trap::TunnelStop { tunnel, active_ms },
    }
}

impl Appliance {
    /// Hears queries, takes what tunnels tell, and sends what waits: all in bounded steps.
    pub(super) fn run_snmp(&mut self, now: Time) {
        let Self { snmp, tunnels, .. } = self;
        while let Some(told) = tunnels.poll_change() {
            snmp.raise(tunnel_trap(told), now);
        }
        for _ in 0..QUERIES_PER_TURN {
            let Some((datagram, from)) = snmp.socket.receive() else {
                break;
            };
            snmp.notifier.heard(&datagram, from, now);
        }
        for _ in 0..TRAPS_PER_TURN {
            let Some(datagrams) = snmp.notifier.poll() else {
                break;
            };
            for (to, datagram) in datagrams {
                let gone = snmp.socket.send(to, &datagram);
                snmp.notifier.sent(gone);
            }
        }
    }

    /// Looks at the links, once per second.
    pub(super) fn watch_links(&mut self, now: Time) {
        for interface in &self.config.interfaces {
            let Some(port) = self.facts.port(&interface.hardware) else {
                continue;
            };
            let carrier = self.fastpath.port_link(port).is_some_and(|link| link.up);
            let trap = self.snmp.links.see(Link {
                index: port.saturating_add(1),
                name: interface.hardware.clone(),
                wanted: !interface.shutdown,
                up: carrier && !interface.shutdown,
            });
            if let Some(trap) = trap {
                self.snmp.notifier.raise(trap, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ike::TunnelId;

    #[test]
    fn a_tunnel_s_number_is_positive() {
        for (id, index) in [(0, 1), (7, 8), (u32::MAX, 0x4000_0000)] {
            let told = TunnelChange {
                tunnel: TunnelId(id),
                local: [1, 1, 1, 1].into(),
                remote: [2, 2, 2, 2].into(),
                change: Change::Down { active_ms: 5 },
            };
            let Trap::TunnelStop { tunnel, active_ms } = tunnel_trap(told) else {
                panic!("a stop");
            };
            assert_eq!((tunnel.index, active_ms), (index, 5));
        }
    }
}
