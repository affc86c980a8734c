//! How preserved flows resume after a bounce: what the tunnel owner orders, what workers report.

use super::SlotId;

/// `vpn-resume`, as the workers obey it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumeOptions {
    /// Keep one packet per preserved flow and direction while its slot is down.
    pub hold: bool,
    /// Bytes that held packets of one worker may take.
    pub hold_memory_bytes: u64,
    /// Answer retransmissions of flows that hold no packet with ICMP net-unreachable.
    pub unreachable: bool,
    /// Probe flows that stay silent after a resume.
    pub probe: Option<ProbeOptions>,
}

/// `vpn-resume probe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeOptions {
    /// Seconds of silence after the resume before the first probe.
    pub idle_s: u16,
    /// Seconds between two probes.
    pub interval_s: u16,
    /// Probes without an answer after which the flow is removed.
    pub retries: u8,
}

/// The slot is up and its peer has shown that it receives: what is held may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleaseOrder {
    /// The slot.
    pub slot: SlotId,
    /// Number of the bounce; reports carry it.
    pub bounce: u32,
    /// Packets per second of all workers together in the first round trip; doubled every round
    /// trip. At least one.
    pub packets_per_s: u32,
    /// Packets of all workers together that leave at once, ahead of that rate. One of each worker
    /// always does.
    pub first_packets: u16,
    /// Round trip to the far side of the tunnel in microseconds. At least one.
    pub round_trip_us: u32,
}

/// What one worker did for a slot's flows since its last report of the same bounce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BounceRecord {
    /// The slot.
    pub slot: SlotId,
    /// Number of the bounce; that of the next one while the slot is down.
    pub bounce: u32,
    /// Flow directions that began to hold a packet.
    pub held: u32,
    /// Packets that the pool or a share refused.
    pub refused: u32,
    /// Packets released, second copies included.
    pub released: u32,
    /// ICMP net-unreachables sent.
    pub unreachables: u32,
    /// Flows whose oldest byte was acknowledged after the release.
    pub resumed: u32,
    /// Flows that the far end reset, or answered as unknown, after the release.
    pub far_resets: u32,
    /// Flows removed because probes were not answered.
    pub probed_out: u32,
    /// Microseconds from the release order to the first resumed flow of this report; zero for none.
    pub first_resumed_us: u32,
    /// Microseconds from the release order to the last resumed flow of this report; zero for none.
    pub last_resumed_us: u32,
}

impl ResumeOptions {
    /// `no vpn-resume`: exactly what the ASA does.
    pub const OFF: Self = Self {
        hold: false,
        hold_memory_bytes: 0,
        unreachable: false,
        probe: None,
    };
}
