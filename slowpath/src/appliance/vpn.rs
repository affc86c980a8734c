//! IKE's actions and the tunnels' demands.

use super::Appliance;
use crate::ike::{Action, ClearScope};
use crate::syslog::Message;
use crate::time::Time;
use crate::tunnel::{Demand, SpiPool};

impl Appliance {
    /// One turn of IKE and tunnel ownership; whether there was anything to do.
    pub(super) fn vpn(&mut self, now: Time) -> bool {
        let mut busy = false;
        while let Some(result) = self.compute.take() {
            busy = true;
            self.engine.computed(now, &mut SpiPool(&mut self.fastpath), result);
        }
        if self.engine.next_timeout().is_some_and(|due| due <= now) {
            busy = true;
            self.engine.timeout(now, &mut SpiPool(&mut self.fastpath));
        }
        self.tunnels.tick(now, &mut self.fastpath);
        while let Some(demand) = self.tunnels.poll_demand() {
            busy = true;
            self.demand(demand, now);
        }
        while let Some(action) = self.engine.poll_action() {
            busy = true;
            self.act(action, now);
        }
        while let Some(message) = self.tunnels.poll_message() {
            self.log(&message);
        }
        busy
    }

    fn demand(&mut self, demand: Demand, now: Time) {
        let spis = &mut SpiPool(&mut self.fastpath);
        match demand {
            Demand::Initiate(tunnel) => self.engine.initiate(now, spis, tunnel),
            Demand::Rekey(spi) => self.engine.rekey(now, spis, spi),
            Demand::Expire(spi) => self.engine.expire(now, spi),
            Demand::ChildFailed(spi) => self.engine.child_failed(now, spi),
        }
    }

    fn act(&mut self, action: Action, now: Time) {
        match action {
            Action::Send { local, remote, message, keepalive } => {
                self.send_ike(local, remote, &message, keepalive, now);
            }
            Action::Compute(job) => {
                self.compute.submit(job);
            }
            Action::Negotiating(tunnel) => self.tunnels.negotiating(tunnel, &mut self.fastpath),
            Action::NegotiationFailed { tunnel, .. } => {
                self.tunnels.negotiation_failed(tunnel, now, &mut self.fastpath);
            }
            Action::ChildUp(sa) => {
                self.tunnels.child_up(sa, now, &mut self.fastpath);
                self.bind_peers(now);
                self.name_selectors();
            }
            Action::ChildConfirmed { inbound_spi } => {
                self.tunnels.child_confirmed(inbound_spi, &mut self.fastpath);
            }
            Action::ChildDown { tunnel, inbound_spi, outbound_spi, reason, .. } => {
                let spis = (inbound_spi, outbound_spi);
                self.tunnels.child_down(tunnel, spis, reason, now, &mut self.fastpath);
                self.name_selectors();
            }
            Action::IkeUp { .. } | Action::IkeDown { .. } => {}
            Action::Log { id, level, text } => self.log(&Message::new(id, level, text)),
        }
    }

    fn name_selectors(&mut self) {
        self.names.selectors = self.tunnels.selectors().collect();
    }

    pub(super) fn clear_isakmp(&mut self, scope: ClearScope, now: Time) {
        self.engine.clear_isakmp(now, &mut SpiPool(&mut self.fastpath), scope);
    }
}
