//! `show vpn-bounce [detail]`, Holdfast's own: what happened whenever a tunnel went down.

use std::net::Ipv4Addr;

use serde::Serialize;

use super::Append;
use super::duration::CivilTime;
use crate::bounce::{BOUNCES_MAX, Bounce, Cause, Ledger, Tally};
use crate::ike::Proof;
use crate::time::Time;

/// The ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VpnBounceTable {
    /// Bounces since the start of the box.
    pub total: u32,
    /// How many of them can be remembered.
    pub room: usize,
    /// From release to resume, of every flow that went on.
    pub latency: Latency,
    /// Packets of tunnelled flows that left in clear: zero, or the box is broken.
    pub left_in_clear: u64,
    /// Reports of workers that no bounce was known for.
    pub strays: u64,
    /// Peers whose end does not preserve its connections.
    pub forgetful_peers: Vec<Ipv4Addr>,
    /// The bounces that are remembered, oldest first.
    pub bounces: Vec<VpnBounce>,
}

/// A summary of the histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// Flows that went on.
    pub flows: u64,
    /// Half of them within so many microseconds.
    pub p50_us: u64,
    /// Ninety-nine of a hundred.
    pub p99_us: u64,
    /// All of them.
    pub max_us: u64,
}

/// A bounce. Times are milliseconds from `down` on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VpnBounce {
    /// Its number.
    pub number: u32,
    /// When the tunnel was declared down, UTC.
    pub down: String,
    /// The same in milliseconds since 1970.
    pub down_unix_ms: u64,
    /// The peer.
    pub peer: Ipv4Addr,
    /// Name of the crypto map.
    pub map_name: String,
    /// Sequence number of its entry.
    pub sequence: u16,
    /// Why.
    pub cause: Cause,
    /// TCP flows were kept.
    pub preserved: bool,
    /// How long before `down` its traffic had no answer, in milliseconds.
    pub evidence_before_ms: Option<u64>,
    /// We began to negotiate.
    pub negotiating_ms: Option<u64>,
    /// An SA pair was ready.
    pub ready_ms: Option<u64>,
    /// The peer was known to take packets.
    pub proven_ms: Option<u64>,
    /// What showed it.
    pub proof: Option<&'static str>,
    /// The first flow went on.
    pub first_resumed_ms: Option<u64>,
    /// The last flow that went on did.
    pub last_resumed_ms: Option<u64>,
    /// TCP flows when it went down.
    pub flows: Option<u64>,
    /// What became of them.
    pub tally: Tally,
    /// Nothing more is expected.
    pub settled: bool,
}

const fn proof_text(proof: Proof) -> &'static str {
    match proof {
        Proof::SecondMessage => "second message of quick mode",
        Proof::ThirdMessage => "third message of quick mode",
        Proof::Answer => "answer to a probe",
        Proof::Traffic => "a packet of the peer",
        Proof::Wait => "none: the wait was over",
    }
}

impl VpnBounce {
    /// The row of a bounce; `unix_ms`: the time of day of a point in monotonic time.
    pub fn new(bounce: &Bounce, unix_ms: impl Fn(Time) -> u64) -> Self {
        let after = |at: Option<Time>| at.map(|at| at.since_ms(bounce.down));
        let proven = bounce.proven.map(|(at, _)| at);
        let down_unix_ms = unix_ms(bounce.down);
        let resumed = |us: Option<u32>| {
            let (proven_ms, us) = (after(proven)?, us?);
            Some(proven_ms + u64::from(us).div_ceil(1_000))
        };
        Self {
            number: bounce.number,
            down: CivilTime::from_unix_ms(down_unix_ms).log_stamp(),
            down_unix_ms,
            peer: bounce.peer,
            map_name: bounce.map_name.clone(),
            sequence: bounce.sequence,
            cause: bounce.cause,
            preserved: bounce.preserved,
            evidence_before_ms: bounce.evidence.map(|at| bounce.down.since_ms(at)),
            negotiating_ms: after(bounce.negotiating),
            ready_ms: after(bounce.ready),
            proven_ms: after(proven),
            proof: bounce.proven.map(|(_, proof)| proof_text(proof)),
            first_resumed_ms: resumed(bounce.first_resumed_us),
            last_resumed_ms: resumed(bounce.last_resumed_us),
            flows: bounce.flows,
            tally: bounce.tally,
            settled: bounce.settled,
        }
    }

    const fn state(&self) -> &'static str {
        match (self.settled, self.ready_ms.is_some()) {
            (true, _) => "settled",
            (false, true) => "back",
            (false, false) => "down",
        }
    }

    fn render(&self) -> String {
        let map = format!("{} {}", self.map_name, self.sequence);
        format!(
            "{:<6}{:<21}{:<16}{map:<16}{:<15}{:>9}{:>7}{:>7}{:>8}{:>6}  {}\n",
            self.number,
            self.down,
            self.peer.to_string(),
            self.cause.text(),
            shown(self.ready_ms),
            shown(self.flows),
            self.tally.held,
            self.tally.resumed,
            self.tally.far_resets,
            self.state(),
        )
    }

    fn render_detail(&self) -> String {
        let mut out = format!(
            "VPN bounce {}: crypto map {} {}, peer {}, {}\n",
            self.number,
            self.map_name,
            self.sequence,
            self.peer,
            self.state()
        );
        let fate = if self.preserved {
            "preserved"
        } else {
            "torn down"
        };
        out.append(format_args!(
            "    Down {}: {}; TCP flows {fate}: {}\n",
            self.down,
            self.cause.text(),
            shown(self.flows)
        ));
        if let Some(before_ms) = self.evidence_before_ms {
            out.append(format_args!(
                "    Traffic had no answer for {before_ms} ms before\n"
            ));
        }
        out.append(format_args!(
            "    After: negotiation {} ms, SA ready {} ms, peer proven {} ms ({})\n",
            shown(self.negotiating_ms),
            shown(self.ready_ms),
            shown(self.proven_ms),
            self.proof.unwrap_or("not yet"),
        ));
        out.append(format_args!(
            "    Resumed: {}, first {} ms, last {} ms\n",
            self.tally.resumed,
            shown(self.first_resumed_ms),
            shown(self.last_resumed_ms)
        ));
        let tally = &self.tally;
        out.append(format_args!(
            "    Held: {}, released {}, no room {}, net unreachables {}\n    \
             Timed out: {}, reset by the far end {}, reclassified {}\n",
            tally.held,
            tally.released,
            tally.refused,
            tally.unreachables,
            tally.timed_out,
            tally.far_resets,
            tally.reclassified
        ));
        out
    }
}

fn shown(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

impl VpnBounceTable {
    /// The ledger as it stands; `unix_ms`: the time of day of a point in monotonic time.
    pub fn new(ledger: &Ledger, left_in_clear: u64, unix_ms: impl Fn(Time) -> u64) -> Self {
        let histogram = ledger.latency_us();
        Self {
            total: ledger.made(),
            room: BOUNCES_MAX,
            latency: Latency {
                flows: histogram.len(),
                p50_us: histogram.value_at_quantile(0.5),
                p99_us: histogram.value_at_quantile(0.99),
                max_us: histogram.max(),
            },
            left_in_clear,
            strays: ledger.strays(),
            forgetful_peers: ledger.forgetful_peers(),
            bounces: ledger
                .bounces()
                .map(|bounce| VpnBounce::new(bounce, &unix_ms))
                .collect(),
        }
    }

    fn head(&self) -> String {
        let mut out = format!(
            "VPN bounces: {}, shown {} of at most {}\nPackets left in clear: {}\n",
            self.total,
            self.bounces.len(),
            self.room,
            self.left_in_clear
        );
        let latency = &self.latency;
        if latency.flows > 0 {
            out.append(format_args!(
                "Resume of {} flows after release: 50% {} us, 99% {} us, all {} us\n",
                latency.flows, latency.p50_us, latency.p99_us, latency.max_us
            ));
        }
        for peer in &self.forgetful_peers {
            out.append(format_args!(
                "Peer {peer}: the far end does not preserve its connections\n"
            ));
        }
        out
    }

    /// `show vpn-bounce`.
    pub fn render(&self) -> String {
        let mut out = self.head();
        if self.bounces.is_empty() {
            return out;
        }
        out.append(format_args!(
            "\n{:<6}{:<21}{:<16}{:<16}{:<15}{:>9}{:>7}{:>7}{:>8}{:>6}  State\n",
            "No", "Down", "Peer", "Map", "Cause", "Back(ms)", "Flows", "Held", "Resumed", "Reset"
        ));
        for bounce in &self.bounces {
            out.push_str(&bounce.render());
        }
        out
    }

    /// `show vpn-bounce detail`.
    pub fn render_detail(&self) -> String {
        let mut out = self.head();
        for bounce in &self.bounces {
            out.push('\n');
            out.push_str(&bounce.render_detail());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use fastpath::tunnel::{BounceRecord, SlotId};

    use super::*;
    use crate::bounce::Begin;
    use crate::ike::TunnelId;

    const BOOT_UNIX_MS: u64 = 1_795_453_122_000;

    fn record(bounce: u32) -> BounceRecord {
        BounceRecord {
            slot: SlotId::new(3),
            bounce,
            held: 4,
            refused: 1,
            released: 9,
            unreachables: 2,
            resumed: 3,
            far_resets: 1,
            probed_out: 0,
            first_resumed_us: 10_400,
            last_resumed_us: 30_000,
        }
    }

    fn table() -> VpnBounceTable {
        let mut ledger = Ledger::default();
        let begin = Begin {
            tunnel: TunnelId(5),
            slot: SlotId::new(3),
            peer: Ipv4Addr::new(209, 165, 200, 10),
            map_name: "map1".to_owned(),
            sequence: 5,
            cause: Cause::LostContact,
            preserved: true,
            evidence: Some(Time(8_700)),
        };
        let number = ledger.begin(begin.clone(), Time(10_000));
        ledger.negotiating(number, Time(10_000));
        ledger.ready(number, Time(10_214));
        ledger.proven(number, Proof::Answer, Time(10_235));
        ledger.counted(number, 6);
        ledger.report(&record(number), Time(10_300));
        ledger.tick(Time(15_300));
        let cleared = Begin {
            cause: Cause::ClearIsakmp,
            evidence: None,
            ..begin
        };
        ledger.begin(cleared, Time(70_000));
        VpnBounceTable::new(&ledger, 0, |at| BOOT_UNIX_MS + at.0)
    }

    #[test]
    fn the_table_has_a_line_per_bounce() {
        let expected = "\
VPN bounces: 2, shown 2 of at most 1024
Packets left in clear: 0
Resume of 3 flows after release: 50% 30079 us, 99% 30079 us, all 30079 us

No    Down                 Peer            Map             Cause           Back(ms)  Flows   Held Resumed Reset  State
1     Nov 23 2026 16:58:52 209.165.200.10  map1 5          lost contact         214      6      4       3     1  settled
2     Nov 23 2026 16:59:52 209.165.200.10  map1 5          clear isakmp           -      -      0       0     0  down
";
        assert_eq!(table().render(), expected);
    }

    #[test]
    fn detail_tells_the_whole_story() {
        let text = table().render_detail();
        let expected = "
VPN bounce 1: crypto map map1 5, peer 209.165.200.10, settled
    Down Nov 23 2026 16:58:52: lost contact; TCP flows preserved: 6
    Traffic had no answer for 1300 ms before
    After: negotiation 0 ms, SA ready 214 ms, peer proven 235 ms (answer to a probe)
    Resumed: 3, first 246 ms, last 265 ms
    Held: 4, released 9, no room 1, net unreachables 2
    Timed out: 0, reset by the far end 1, reclassified 0
";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn json_has_the_same_numbers() {
        let json = super::super::to_json(&table());
        for part in [
            "\"cause\":\"lost-contact\"",
            "\"ready_ms\":214",
            &format!("\"down_unix_ms\":{}", BOOT_UNIX_MS + 10_000),
            "\"far_resets\":1",
            "\"left_in_clear\":0",
        ] {
            assert!(json.contains(part), "{part}: {json}");
        }
    }

    #[test]
    fn an_empty_ledger_is_two_lines() {
        let table = VpnBounceTable::new(&Ledger::default(), 0, |at| at.0);
        assert_eq!(
            table.render(),
            "VPN bounces: 0, shown 0 of at most 1024\nPackets left in clear: 0\n"
        );
    }
}
