//! How long a connection may be idle, and what is logged when it was.

use super::TICKS_PER_S;
use super::entry::{Hot, TcpState, entry_flag};
use crate::packet::protocol;
use crate::policy;
use crate::worker::event::TeardownReason;

/// Seconds that a TCP handshake may take: fixed on the ASA.
const EMBRYONIC_S: u32 = 30;
/// Seconds that a closed connection is kept under `sysopt connection timewait`.
const TIME_WAIT_S: u32 = 15;
/// Longest timeout: half of the coarse clock's range, so that an idle time can be told from a stamp
/// in the future (8.5 years; the command's own bound is 1193 hours).
const TICKS_MAX: u32 = i32::MAX as u32;

/// Idle timeouts in coarse ticks ([`TICKS_PER_S`] per second); 0 means never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Established TCP.
    pub conn: u32,
    /// TCP of which one or both sides have sent a FIN.
    pub half_closed: u32,
    /// UDP.
    pub udp: u32,
    /// ICMP.
    pub icmp: u32,
    /// TCP before its handshake is complete.
    pub embryonic: u32,
    /// TCP after both FINs are acknowledged, as long as its owner keeps it.
    pub time_wait: u32,
    /// Every other protocol.
    pub other: u32,
    /// What has a translation, in whatever state: it ends with it at the latest.
    pub xlate: u32,
}

impl Timeouts {
    /// Ticks of a number of seconds, at most half of the clock's range.
    pub const fn ticks(seconds: u32) -> u32 {
        let ticks = seconds as u64 * TICKS_PER_S as u64;
        if ticks > TICKS_MAX as u64 {
            TICKS_MAX
        } else {
            ticks as u32
        }
    }

    /// The timeouts of the `timeout` command, in seconds. A protocol without its own timer ages
    /// like UDP.
    pub const fn from_policy(seconds: &policy::Timeouts) -> Self {
        Self {
            conn: Self::ticks(seconds.conn_s),
            half_closed: Self::ticks(seconds.half_closed_s),
            udp: Self::ticks(seconds.udp_s),
            icmp: Self::ticks(seconds.icmp_s),
            embryonic: Self::ticks(EMBRYONIC_S),
            time_wait: Self::ticks(TIME_WAIT_S),
            other: Self::ticks(seconds.udp_s),
            xlate: Self::ticks(seconds.xlate_s),
        }
    }

    /// The timeout that applies to an entry as it stands now.
    #[inline]
    pub const fn timeout_of(&self, hot: &Hot) -> u32 {
        let own = self.own_timeout_of(hot);
        let translated = hot.has(entry_flag::SOURCE_TRANSLATED) && self.xlate != 0;
        if translated && (own == 0 || self.xlate < own) {
            self.xlate
        } else {
            own
        }
    }

    #[inline]
    const fn own_timeout_of(&self, hot: &Hot) -> u32 {
        match hot.protocol {
            protocol::TCP => match hot.state {
                TcpState::None | TcpState::SynSent | TcpState::SynReceived => self.embryonic,
                TcpState::Established => self.conn,
                TcpState::HalfClosed | TcpState::Closing => self.half_closed,
                TcpState::Closed => self.time_wait,
            },
            protocol::UDP => self.udp,
            protocol::ICMP => self.icmp,
            _ => self.other,
        }
    }
}

impl Default for Timeouts {
    /// The defaults of the `timeout` command.
    fn default() -> Self {
        Self::from_policy(&policy::Timeouts::default())
    }
}

/// Why an entry that has been idle for too long ends, for 302014; UDP and ICMP print no reason.
pub const fn expiry_reason(hot: &Hot) -> TeardownReason {
    if hot.protocol != protocol::TCP {
        return TeardownReason::None;
    }
    match hot.state {
        TcpState::None | TcpState::SynSent | TcpState::SynReceived => TeardownReason::SynTimeout,
        TcpState::Established => TeardownReason::ConnTimeout,
        TcpState::HalfClosed | TcpState::Closing => TeardownReason::FinTimeout,
        TcpState::Closed => TeardownReason::TcpFins,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conn::table::UNUSED_HOT;

    #[test]
    fn every_state_has_its_timeout_and_reason() {
        let timeouts = Timeouts::default();
        let tcp = [
            (TcpState::SynSent, 30, TeardownReason::SynTimeout),
            (TcpState::SynReceived, 30, TeardownReason::SynTimeout),
            (TcpState::Established, 3600, TeardownReason::ConnTimeout),
            (TcpState::HalfClosed, 600, TeardownReason::FinTimeout),
            (TcpState::Closing, 600, TeardownReason::FinTimeout),
            (TcpState::Closed, 15, TeardownReason::TcpFins),
        ]
        .map(|(state, seconds, reason)| (protocol::TCP, state, seconds, reason));
        let others = [
            (protocol::UDP, 120),
            (protocol::ICMP, 2),
            (protocol::ESP, 120),
        ]
        .map(|(protocol, seconds)| (protocol, TcpState::None, seconds, TeardownReason::None));
        for (protocol, state, seconds, reason) in tcp.into_iter().chain(others) {
            let hot = Hot {
                protocol,
                state,
                ..UNUSED_HOT
            };
            assert_eq!(timeouts.timeout_of(&hot), seconds * TICKS_PER_S);
            assert_eq!(expiry_reason(&hot), reason);
        }
    }

    #[test]
    fn what_is_translated_ends_with_its_translation() {
        let of = |conn_s, xlate_s, flags| {
            let timeouts = Timeouts::from_policy(&policy::Timeouts {
                conn_s,
                xlate_s,
                ..policy::Timeouts::default()
            });
            timeouts.timeout_of(&Hot {
                protocol: protocol::TCP,
                state: TcpState::Established,
                flags,
                ..UNUSED_HOT
            }) / TICKS_PER_S
        };
        let translated = entry_flag::SOURCE_TRANSLATED;
        assert_eq!(of(7200, 60, translated), 60);
        assert_eq!(of(7200, 60, 0), 7200);
        assert_eq!(of(300, 10_800, translated), 300);
        assert_eq!(of(0, 60, translated), 60, "`timeout conn 0` too");
    }

    #[test]
    fn never_stays_never_and_nothing_outlasts_the_clock() {
        let timeouts = Timeouts::from_policy(&policy::Timeouts {
            conn_s: 0,
            half_closed_s: u32::MAX,
            ..policy::Timeouts::default()
        });
        assert_eq!(timeouts.conn, 0);
        assert_eq!(timeouts.half_closed, TICKS_MAX);
    }
}
