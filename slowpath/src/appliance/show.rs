//! Live state as the views of `show`.

use std::collections::BTreeSet;

use config::{Audience, Defaults};
use fastpath::counters::Snapshot;
use fastpath::crypto::Direction;
use fastpath::esp::Suite;
use fastpath::verdict::DropReason;

use super::Appliance;
use crate::cli::Command;
use crate::control_socket::Format;
use crate::stats::view::arp::ArpTable;
use crate::stats::view::asp_drop::AspDrop;
use crate::stats::view::duration::CivilTime;
use crate::stats::view::interface::{InterfaceRow, InterfaceTable};
use crate::stats::view::ipsec_sa::IpsecSaTable;
use crate::stats::view::isakmp_sa::{IsakmpSa, IsakmpSaTable};
use crate::stats::view::logging::LoggingView;
use crate::stats::view::to_json;
use crate::stats::view::version::{InterfaceLine, VersionView};
use crate::time::Time;

/// Packets that ended here because they had arrived: counters for conservation, no drops.
const CONSUMED: [DropReason; 3] = [
    DropReason::ArpConsumed,
    DropReason::IkeConsumed,
    DropReason::LocalConsumed,
];

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
            Command::ShowRunningConfig { all, section } => {
                let defaults = if *all {
                    Defaults::All
                } else {
                    Defaults::Hidden
                };
                let section = (!section.is_empty()).then(|| section.join(" "));
                config::render(&self.config, Audience::Shown, defaults, section.as_deref())
            }
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
            Command::ShowLogging => shown(&self.logger.view(), format, LoggingView::render),
            Command::ShowVersion => shown(&self.version(now), format, VersionView::render),
            Command::ShowArp => {
                let view = self.arp.view(&self.net, self.fastpath.neighbours(), now);
                shown(&view, format, ArpTable::render)
            }
            Command::ShowInterfaceIpBrief => {
                shown(&self.interfaces(), format, InterfaceTable::render)
            }
            Command::ShowClock => CivilTime::from_unix_ms(self.wall_ms).clock() + "\n",
            _ => return None,
        })
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

    fn interfaces(&self) -> InterfaceTable {
        let row = |interface: &config::Interface| {
            let present = self.facts.port(&interface.hardware).is_some();
            InterfaceRow {
                hardware: interface.hardware.clone(),
                address: interface.address.map(|(address, _)| address),
                shutdown: interface.shutdown,
                present,
                link: present,
            }
        };
        InterfaceTable {
            interfaces: self.config.interfaces.iter().map(row).collect(),
        }
    }

    fn version(&self, now: Time) -> VersionView {
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
