//! `show asp drop`.
//!
//! The layout is from published samples: descriptions up to 72 columns are counted in lines of 80
//! columns, longer ones in lines of 113. Reasons that never occurred are not printed. The keys of
//! the flow drops are by knowledge of 8.2.

use fastpath::verdict::DropReason;
use fastpath::worker::event::TeardownReason;
use serde::Serialize;

use super::Append;

/// Drops of packets and of flows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AspDrop {
    /// Packets.
    pub frames: Vec<DropRow>,
    /// Flows.
    pub flows: Vec<DropRow>,
    /// When and by whom the counters were cleared last, such as
    /// `10:43:33 UTC Mar 27 2019 by enable_15`; `None` for never.
    pub last_clearing: Option<String>,
}

/// One counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DropRow {
    /// What the line says.
    pub text: &'static str,
    /// The key that follows it.
    pub key: &'static str,
    /// How often.
    pub count: u64,
}

/// Packets that ended here because they had arrived: counters for conservation, no drops.
pub const CONSUMED: [DropReason; 3] = [
    DropReason::ArpConsumed,
    DropReason::IkeConsumed,
    DropReason::LocalConsumed,
];

/// Reasons for which packets are dropped.
pub fn reasons() -> impl Iterator<Item = DropReason> {
    let all = DropReason::ALL.iter().copied();
    all.filter(|reason| !CONSUMED.contains(reason))
}

/// Width of a description that leaves room for the count in 80 columns.
const NARROW_COLUMNS: usize = 72;
/// Width of every other description; a longer one is cut.
const WIDE_COLUMNS: usize = 102;

const fn flow_text_and_key(reason: TeardownReason) -> Option<(&'static str, &'static str)> {
    Some(match reason {
        TeardownReason::None => return None,
        TeardownReason::TcpFins => ("TCP FINs", "tcp-fins"),
        TeardownReason::TcpResetInside => ("TCP Reset-I", "reset-in"),
        TeardownReason::TcpResetOutside => ("TCP Reset-O", "reset-out"),
        TeardownReason::TcpResetAppliance => ("TCP Reset-APPLIANCE", "reset-appliance"),
        TeardownReason::SynTimeout => ("SYN Timeout", "syn-timeout"),
        TeardownReason::FinTimeout => ("FIN Timeout", "fin-timeout"),
        TeardownReason::ConnTimeout => ("Connection timeout", "connection-timeout"),
        TeardownReason::TunnelTornDown => ("Tunnel has been torn down", "tunnel-torn-down"),
        TeardownReason::VpnReclassifyFailed => ("VPN reclassify failed", "vpn-reclassify-failed"),
        TeardownReason::Reclassified => ("Close recursive flow", "recurse"),
        TeardownReason::XlateClear => ("Xlate Clear", "xlate-removed"),
        TeardownReason::Cleared => ("Host is removed", "host-removed"),
        TeardownReason::ProbeRetries => ("Probe maximum retries exceeded", "probe-max-retries"),
    })
}

impl AspDrop {
    /// The view of packet counters in the order of [`DropReason::ALL`] and of torn-down flows.
    pub fn new(frames: &[u64], flows: &[(TeardownReason, u64)]) -> Self {
        let frames = DropReason::ALL
            .iter()
            .zip(frames)
            .map(|(reason, &count)| DropRow {
                text: reason.text(),
                key: reason.key(),
                count,
            })
            .collect();
        let flows = flows
            .iter()
            .filter_map(|&(reason, count)| {
                let (text, key) = flow_text_and_key(reason)?;
                Some(DropRow { text, key, count })
            })
            .collect();
        Self {
            frames,
            flows,
            last_clearing: None,
        }
    }

    /// `show asp drop`.
    pub fn render(&self) -> String {
        let last = self.last_clearing.as_deref().unwrap_or("Never");
        let section = |title: &str, rows: &[DropRow]| {
            let mut out = format!("{title} drop:\n");
            out.extend(rows.iter().filter(|row| row.count > 0).map(DropRow::render));
            out.append(format_args!("\nLast clearing: {last}\n"));
            out
        };
        let frames = section("Frame", &self.frames);
        format!("{frames}\n{}", section("Flow", &self.flows))
    }
}

impl DropRow {
    fn render(&self) -> String {
        let description = format!("  {} ({})", self.text, self.key);
        let count = self.count;
        if description.len() <= NARROW_COLUMNS {
            format!("{description:<NARROW_COLUMNS$}{count:>8}\n")
        } else {
            format!("{description:<WIDE_COLUMNS$.WIDE_COLUMNS$}{count:>11}\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_the_sample() {
        let mut frames = [0; DropReason::COUNT];
        frames[DropReason::NattKeepalive as usize] = 117;
        frames[DropReason::TunnelDown as usize] = 118;
        frames[DropReason::IcmpErrorNoConn as usize] = 13;
        let flows = [
            (TeardownReason::TunnelTornDown, 3),
            (TeardownReason::None, 9),
            (TeardownReason::TcpFins, 0),
        ];
        let expected = [
            "Frame drop:",
            "  NAT-T keepalive message (natt-keepalive)                                   117",
            "  IPSEC tunnel is down (ipsec-tun-down)                                      118",
            "  ICMP error inspect no existing conn (inspect-icmp-error-no-existing-conn)\
             \x20                                   13",
            "",
            "Last clearing: Never",
            "",
            "Flow drop:",
            "  Tunnel has been torn down (tunnel-torn-down)                                 3",
            "",
            "Last clearing: Never",
            "",
        ];
        assert_eq!(AspDrop::new(&frames, &flows).render(), expected.join("\n"));
    }

    #[test]
    fn every_reason_has_a_row() {
        let frames: Vec<u64> = (1..=DropReason::COUNT as u64).collect();
        let text = AspDrop::new(&frames, &[]).render();
        for (reason, count) in DropReason::ALL.iter().zip(&frames) {
            let line = text
                .lines()
                .find(|line| line.contains(&format!("({})", reason.key())))
                .expect("a line per reason");
            assert!(line.ends_with(&format!(" {count}")), "{line}");
        }
    }

    #[test]
    fn the_last_clearing_is_told() {
        let view = AspDrop {
            last_clearing: Some("10:43:33 UTC Mar 27 2019 by enable_15".to_owned()),
            ..AspDrop::default()
        };
        assert_eq!(
            view.render(),
            "Frame drop:\n\nLast clearing: 10:43:33 UTC Mar 27 2019 by enable_15\n\n\
             Flow drop:\n\nLast clearing: 10:43:33 UTC Mar 27 2019 by enable_15\n"
        );
    }
}
