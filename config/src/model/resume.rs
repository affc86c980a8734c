//! How preserved flows resume.

/// `vpn-resume`, all of it Holdfast's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VpnResume {
    /// `hold`: MiB of packets that each worker may hold, `None` for `no vpn-resume hold`.
    pub hold_memory_mb: Option<u16>,
    /// `unreachable`: ICMP net unreachable for what is not held.
    pub unreachable: bool,
    /// `pace`: how fast held packets leave.
    pub pace: ResumePace,
    /// `probe`: probes of flows that stay silent, `None` when off.
    pub probe: Option<ResumeProbe>,
    /// `detect`: milliseconds without an answer, beyond the round trip, after which a peer is
    /// probed; `None` when off.
    pub detect_ms: Option<u16>,
}

/// `vpn-resume pace`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumePace {
    /// Packets per second at first; `None` for a quarter of what the tunnel carried.
    pub initial_pps: Option<u32>,
    /// Least packets per second at first, where they come from what the tunnel carried.
    pub minimum_pps: u32,
}

/// `vpn-resume probe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumeProbe {
    /// Seconds of silence before the first probe.
    pub idle_s: u16,
    /// Seconds between probes.
    pub interval_s: u16,
    /// Probes without an answer that remove the flow.
    pub retries: u8,
}

impl Default for ResumePace {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl ResumePace {
    const DEFAULT: Self = Self {
        initial_pps: None,
        minimum_pps: 1000,
    };
}

impl VpnResume {
    /// `no vpn-resume`: exactly what an ASA does.
    pub const OFF: Self = Self {
        hold_memory_mb: None,
        unreachable: false,
        pace: ResumePace::DEFAULT,
        probe: None,
        detect_ms: None,
    };
}

impl Default for VpnResume {
    fn default() -> Self {
        Self {
            hold_memory_mb: Some(32),
            detect_ms: Some(300),
            ..Self::OFF
        }
    }
}
