//! Live state as the views of `show`.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use fastpath::counters::Snapshot;
use fastpath::crypto::Direction;
use fastpath::dpdk::Link;
use fastpath::esp::Suite;
use fastpath::verdict::DropReason;

use super::Appliance;
use crate::cli::Command;
use crate::control_socket::Format;
use crate::stats::view::arp::ArpTable;
use crate::stats::view::asp_drop::{AspDrop, CONSUMED};
use crate::stats::view::balance::Balance;
use crate::stats::view::duration::CivilTime;
use crate::stats::view::interface::{Device, InterfaceRow, InterfaceTable};
use crate::stats::view::ipsec_sa::IpsecSaTable;
use crate::stats::view::isakmp_sa::{IsakmpSa, IsakmpSaTable};
use crate::stats::view::logging::{LoggingView, QueueView};
use crate::stats::view::route::{RouteRow, RouteTableView};
use crate::stats::view::to_json;
use crate::stats::view::version::{InterfaceLine, VersionView};
use crate::stats::view::vpn_bounce::VpnBounceTable;
use crate::time::Time;

/// Bytes of an IP packet on an interface that is not in force.
const MTU_DEFAULT: u16 = 1500;

/// A view in the wanted form.
fn shown<T: serde::Serialize>(view: &T, format: Format, text: impl FnOnce(&T) -> String) -> String {
    match format {
        Format::Text => text(view),
        Format::Json => to_json(view) + "\n",
    }
}

impl Appliance {
    /// The text of a `show` command; `None` for what is none.
    pub(super) fn show(&mut self, command: &Command, format: Format, now: Time) -> Option<String> {
        Some(match command {
            Command::ShowVpnContext { detail } => {
                let view = self.tunnels.vpn_contexts(&self.fastpath);
                shown(&view, format, |it| {
                    if *detail {
                        it.render_detail()
                    } else {
                        it.render()
                    }
                })
            }
            Command::ShowAspDrop => shown(&self.asp_drop(), format, AspDrop::render),
            Command::ShowAspBalance => shown(&self.balance(), format, Balance::render),
            Command::ShowIsakmpSa { detail } => {
                let sas = self.engine.ike_sas(now);
                let view = IsakmpSaTable {
                    sas: sas.iter().map(IsakmpSa::from).collect(),
                };
                shown(&view, format, |it| {
                    if *detail {
                        it.render_detail()
                    } else {
                        it.render()
                    }
                })
            }
            Command::ShowIpsecSa { peer } => {
                let view = self.tunnels.ipsec_sas(*peer, now, &self.fastpath);
                shown(&view, format, IpsecSaTable::render)
            }
            Command::ShowVpnBounce { detail, json } => {
                let format = if *json { Format::Json } else { format };
                let unix_ms = |at: Time| self.wall_ms.saturating_sub(now.since_ms(at));
                let unsealed = self.totals().drops[DropReason::Unsealed as usize];
                let view = VpnBounceTable::new(self.tunnels.ledger(), unsealed, unix_ms);
                shown(&view, format, |it| {
                    if *detail {
                        it.render_detail()
                    } else {
                        it.render()
                    }
                })
            }
            Command::ShowLogging => shown(&self.logger.view(), format, LoggingView::render),
            Command::ShowLoggingQueue => shown(&self.logger.queue(), format, QueueView::render),
            Command::ShowVersion => shown(&self.version(now), format, VersionView::render),
            Command::ShowArp => {
                let view = self.arp.view(&self.net, self.fastpath.neighbours(), now);
                shown(&view, format, ArpTable::render)
            }
            Command::ShowInterfaceIpBrief => {
                shown(&self.interfaces(), format, InterfaceTable::render)
            }
            Command::ShowInterface { nameif } => {
                let mut view = self.interfaces();
                if nameif.is_some() {
                    view.interfaces.retain(|row| row.nameif == *nameif);
                }
                shown(&view, format, InterfaceTable::render_detail)
            }
            Command::ShowRoute => shown(&self.routes(), format, RouteTableView::render),
            Command::ShowSnmp => {
                shown(&self.snmp.stats(), format, crate::stats::view::snmp::render)
            }
            Command::ShowClock => CivilTime::from_unix_ms(self.wall_ms).clock() + "\n",
            _ => return None,
        })
    }

    fn balance(&mut self) -> Balance {
        // What this turn has counted so far is counted at its end otherwise.
        self.fastpath.set_held(self.arp.held() as u64);
        self.fastpath.reclaim();
        Balance::new(&self.fastpath.counters(), &self.fastpath.pool_levels())
    }

    fn totals(&self) -> Snapshot {
        let sets = self.fastpath.counters();
        sets.iter().fold(Snapshot::default(), |sum, set| &sum + set)
    }

    fn asp_drop(&self) -> AspDrop {
        let mut frames = self.totals().drops;
        if let Some((base, _)) = &self.cleared {
            for (count, base) in frames.iter_mut().zip(base.drops) {
                *count = count.saturating_sub(base);
            }
        }
        for reason in CONSUMED {
            frames[reason as usize] = 0;
        }
        let mut view = AspDrop::new(&frames, &self.flow_drops.rows());
        view.last_clearing = self.cleared.as_ref().map(|(_, when)| when.clone());
        view
    }

    pub(super) fn clear_asp_drop(&mut self) {
        let when = CivilTime::from_unix_ms(self.wall_ms).clock();
        self.cleared = Some((self.totals(), format!("{when} by enable_15")));
        self.flow_drops.clear();
    }

    pub(super) fn has_interface(&self, nameif: &str) -> bool {
        let mut names = self.config.interfaces.iter().map(|it| it.nameif.as_deref());
        names.any(|name| name == Some(nameif))
    }

    fn interfaces(&self) -> InterfaceTable {
        let row = |interface: &config::Interface| {
            let port = self.facts.port(&interface.hardware);
            let link = port.and_then(|port| self.fastpath.port_link(port));
            let mut policies = self.policy.interfaces.iter();
            let policy = policies.find(|it| Some(&it.nameif) == interface.nameif.as_ref());
            InterfaceRow {
                hardware: interface.hardware.clone(),
                address: interface.address.map(|(address, _)| address),
                shutdown: interface.shutdown,
                present: port.is_some(),
                link: link.is_some_and(|link| link.up),
                nameif: interface.nameif.clone(),
                mask: interface.address.map(|(_, mask)| mask),
                mtu: policy.map_or(MTU_DEFAULT, |policy| policy.mtu),
                device: port.and_then(|port| self.device(port, link.unwrap_or_default())),
            }
        };
        InterfaceTable {
            interfaces: self.config.interfaces.iter().map(row).collect(),
        }
    }

    fn device(&self, port: u16, link: Link) -> Option<Device> {
        let port = self.fastpath.ports().iter().find(|it| it.port == port)?;
        let stats = self.fastpath.port_stats(port.port).unwrap_or_default();
        Some(Device {
            name: port.device.clone(),
            speed_mbps: link.speed_mbps,
            full_duplex: link.full_duplex,
            mac: port.mac,
            received: (stats.rx_packets, stats.rx_bytes),
            sent: (stats.tx_packets, stats.tx_bytes),
            no_buffer: stats.rx_no_buffer,
            overrun: stats.rx_missed,
            input_errors: stats.rx_errors,
            output_errors: stats.tx_errors,
        })
    }

    fn routes(&self) -> RouteTableView {
        let metric = |net, mask, gateway: Option<Ipv4Addr>| {
            let mut statics = self.config.routes.iter();
            let found = statics.find(|route| {
                (route.net.address, route.net.mask) == (net, mask)
                    && gateway.is_none_or(|gateway| gateway == route.gateway)
            });
            found.map_or(0, |route| route.metric)
        };
        let row = |(net, mask, interface, gateway): (u32, u32, u8, Option<u32>)| {
            let (net, mask) = (Ipv4Addr::from_bits(net), Ipv4Addr::from_bits(mask));
            let gateway = gateway.map(Ipv4Addr::from_bits);
            let interface = self.policy.interfaces.get(usize::from(interface));
            RouteRow {
                net,
                mask,
                gateway,
                metric: metric(net, mask, gateway),
                nameif: interface.map_or_else(String::new, |it| it.nameif.clone()),
            }
        };
        RouteTableView {
            routes: self.policy.routes.iter().map(row).collect(),
        }
    }

    pub(super) fn version(&self, now: Time) -> VersionView {
        let ports = self.fastpath.ports();
        let lines = self.config.interfaces.iter().filter_map(|interface| {
            let port = self.facts.port(&interface.hardware)?;
            let device = ports.iter().find(|it| it.port == port)?;
            Some(InterfaceLine {
                hardware: interface.hardware.clone(),
                mac: device.mac,
                device: device.device.clone(),
            })
        });
        VersionView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: self.facts.build.to_owned(),
            config_file: self.config_path.display().to_string(),
            hostname: self.config.identity.hostname.clone(),
            uptime_s: now.0 / 1000,
            cpu: self.facts.cpu.clone(),
            workers: usize::from(self.fastpath.workers()),
            engines: self.engines(),
            interfaces: lines.collect(),
        }
    }

    /// The engine of each suite that the configuration names; at every size of packet, by
    /// direction, where they differ.
    fn engines(&self) -> Vec<(String, String)> {
        let engines = self.fastpath.engines();
        let sets = self.config.ipsec.transform_sets.iter();
        let suites = sets.filter_map(|set| Suite::new(set.encryption?, set.integrity));
        let mut seen = BTreeSet::new();
        suites
            .filter(|suite| seen.insert(suite.index()))
            .map(|suite| {
                let names: BTreeSet<String> = [Direction::Seal, Direction::Open]
                    .into_iter()
                    .flat_map(|direction| engines.chosen(suite, direction))
                    .map(|kind| kind.to_string())
                    .collect();
                (
                    suite.to_string(),
                    names.into_iter().collect::<Vec<_>>().join(", "),
                )
            })
            .collect()
    }
}
