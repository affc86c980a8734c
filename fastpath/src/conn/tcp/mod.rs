//! What a middlebox can know of a TCP connection, and what it lets through.
//!
//! Both directions are bounded as in van Rooij's "Real Stateful TCP Packet Filtering": a segment
//! must not end past the right edge that its receiver has offered, must not end further back than
//! the largest window that its receiver ever offered, must not acknowledge what was never sent
//! (RFC 9293 section 3.10.7.4), and not more than the largest window below what is acknowledged
//! already (RFC 5961 section 5.2). So whatever two ends retransmit after an outage passes.
//!
//! The rules against blind attacks follow RFC 5961, with one principle: what only the endpoint can
//! judge goes to the endpoint and changes nothing here.
//! - RST (section 3.2): ends the connection only at exactly the next number that the receiver
//!   expects, as far as it has been seen: the highest acknowledged or the highest sent. Elsewhere
//!   in the window it passes without effect, for the receiver to challenge; outside it is dropped.
//! - SYN in a connection past its handshake (section 4.2): passes without effect wherever it lies.
//!   The receiver's challenge ACK passes too, and if the sender really has restarted, it answers
//!   with an exact RST. A SYN with data is dropped there: no stack has a reason to send it.
//! - Until the responder has proved by its ACK that it saw the SYN, nothing it seems to say binds:
//!   a forged SYN in its name is replaced by the SYN-ACK that acknowledges the initiator's SYN.
//! - FIN: a FIN is believed until data follows it, so that a forged one cannot freeze a stream.
//!
//! Window scales count only from SYNs, and only when both carry one (RFC 7323 section 2.2). A
//! connection is not picked up in the middle.

mod handshake;
mod reset;
#[cfg(test)]
mod simulation;
mod stream;
#[cfg(test)]
mod tests;

use super::entry::{Hot, TcpSide, TcpState, entry_flag, side_flag};
use crate::packet::Side;
use crate::verdict::DropReason;
pub use crate::wire::tcp::flag as tcp_flag;
use crate::wire::tcp::{WINDOW_SCALE_MAX as SCALE_MAX, flags_are_sane};

use tcp_flag::{ACK, FIN, RST, SYN};

/// Numbers past the offered window that a sender may use: the octet of a zero window probe
/// (RFC 9293 section 3.8.6.1) and a FIN.
const PAST_WINDOW: u32 = 2;
/// Numbers below the window's reach: a keepalive repeats the number before the next one
/// (RFC 9293 section 3.8.4).
const KEEPALIVE: u32 = 1;

/// The facts of one TCP segment, in host byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number; counts where [`tcp_flag::ACK`] is set.
    pub ack: u32,
    /// Bits of [`tcp_flag`].
    pub flags: u8,
    /// Window as it stands in the header.
    pub window: u16,
    /// Bytes of payload.
    pub payload_len: u32,
    /// Window scale option; counts in a SYN.
    pub scale: Option<u8>,
}

impl Segment {
    /// Whether every bit is set.
    pub const fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    /// One past the last sequence number of the segment.
    pub const fn end(&self) -> u32 {
        let controls = self.has(SYN) as u32 + self.has(FIN) as u32;
        self.seq
            .wrapping_add(self.payload_len)
            .wrapping_add(controls)
    }
}

/// How far an accepted segment has brought the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No step that matters to the owner of the entry.
    None,
    /// The handshake is complete.
    Established,
    /// One side has sent its FIN: the half-closed timeout applies.
    HalfClosed,
    /// Both sides have sent their FIN.
    Closing,
    /// Both FINs are acknowledged: the entry may go.
    Closed,
    /// An exact RST: the entry goes when this segment is on its way.
    Reset,
    /// A SYN that lawfully reuses a closed connection (RFC 9293 section 3.6.1). Nothing has
    /// changed: the owner removes the entry and treats the segment as the first of a new
    /// connection.
    Reopen,
}

/// Both senders' sequence spaces while one segment is judged.
struct Pair {
    state: TcpState,
    from_initiator: bool,
    sender: TcpSide,
    receiver: TcpSide,
}

/// What a judge decides of a segment that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    /// It passes and leaves no trace.
    Pass,
    /// It passes and the pair is what is known now.
    Accept,
    /// It ends the connection.
    Reset,
    /// It begins another one.
    Reopen,
}

/// Begins a connection with the initiator's SYN; it may carry data (RFC 7413).
///
/// # Errors
/// [`DropReason::TcpNotSyn`] for any other segment; nothing has changed then.
pub fn open(hot: &mut Hot, from: Side, segment: &Segment) -> Result<(), DropReason> {
    if segment.flags & (FIN | SYN | RST | ACK) != SYN {
        return Err(DropReason::TcpNotSyn);
    }
    hot.tcp[from.index()] = handshake::begin(segment);
    hot.tcp[from.other().index()] = TcpSide::NEVER_SEEN;
    hot.state = TcpState::SynSent;
    match from {
        Side::Low => hot.flags |= entry_flag::INITIATOR_LOW,
        Side::High => hot.flags &= !entry_flag::INITIATOR_LOW,
    }
    note_data(hot, from, segment);
    Ok(())
}

/// Judges a segment of a known connection and notes what it says.
///
/// # Errors
/// One of the TCP drop reasons; nothing has changed then.
pub fn track(hot: &mut Hot, from: Side, segment: &Segment) -> Result<Progress, DropReason> {
    if !flags_are_sane(segment.flags) {
        return Err(DropReason::BadTcpFlags);
    }
    let (here, there) = (from.index(), from.other().index());
    let mut pair = Pair {
        state: hot.state,
        from_initiator: hot.initiator() == from,
        sender: hot.tcp[here],
        receiver: hot.tcp[there],
    };
    let judgement = if segment.has(RST) {
        reset::judge(&pair, segment)?
    } else if segment.has(SYN) {
        handshake::judge(&mut pair, segment)?
    } else {
        stream::judge(&mut pair, segment)?
    };
    match judgement {
        Judgement::Pass => Ok(Progress::None),
        Judgement::Reopen => Ok(Progress::Reopen),
        Judgement::Reset => {
            hot.state = TcpState::Closed;
            Ok(Progress::Reset)
        }
        Judgement::Accept => {
            let before = hot.state;
            hot.state = pair.settle();
            hot.tcp[here] = pair.sender;
            hot.tcp[there] = pair.receiver;
            note_data(hot, from, segment);
            Ok(progress(before, hot.state))
        }
    }
}

fn note_data(hot: &mut Hot, from: Side, segment: &Segment) {
    if segment.payload_len != 0 {
        hot.flags |= if hot.initiator() == from {
            entry_flag::DATA_FORWARD
        } else {
            entry_flag::DATA_BACKWARD
        };
    }
}

const fn progress(before: TcpState, after: TcpState) -> Progress {
    if before as u8 == after as u8 {
        return Progress::None;
    }
    match after {
        TcpState::None | TcpState::SynSent | TcpState::SynReceived => Progress::None,
        // A forged FIN has been found out.
        TcpState::Established if before as u8 > after as u8 => Progress::None,
        TcpState::Established => Progress::Established,
        TcpState::HalfClosed => Progress::HalfClosed,
        TcpState::Closing => Progress::Closing,
        TcpState::Closed => Progress::Closed,
    }
}

impl Pair {
    fn in_handshake(&self) -> bool {
        (self.state as u8) < TcpState::Established as u8
    }

    /// Shift of the sender's windows, those of SYNs excepted.
    fn shift(&self) -> u8 {
        if self.sender.has(side_flag::SCALE_OFFERED) && self.receiver.has(side_flag::SCALE_OFFERED)
        {
            self.sender.window_scale
        } else {
            0
        }
    }

    /// Largest window in bytes that `side` has offered.
    fn window_bytes(&self, side: &TcpSide) -> u32 {
        let both = self.sender.flags & self.receiver.flags & side_flag::SCALE_OFFERED != 0;
        let shift = if both && !self.in_handshake() {
            side.window_scale
        } else {
            0
        };
        u32::from(side.window_max) << shift
    }

    /// Whether an acknowledgement by the sender proves that it saw the receiver's SYN.
    fn acknowledges_syn(&self, ack: u32) -> bool {
        after(ack, self.receiver.unacked) && !after(ack, self.receiver.end)
    }

    /// The state that the flags of both sides make; windows change their unit at the end of the
    /// handshake.
    fn settle(&mut self) -> TcpState {
        let (sender, receiver) = (&mut self.sender, &mut self.receiver);
        let both = |flag| sender.has(flag) && receiver.has(flag);
        let one_fin = (sender.flags | receiver.flags) & side_flag::FIN != 0;
        let after = match self.state {
            TcpState::Closed => TcpState::Closed,
            _ if !both(side_flag::SYN) => TcpState::SynSent,
            _ if !both(side_flag::SYN_ACKED) => TcpState::SynReceived,
            _ if both(side_flag::FIN_ACKED) => TcpState::Closed,
            _ if both(side_flag::FIN) => TcpState::Closing,
            _ if one_fin => TcpState::HalfClosed,
            _ => TcpState::Established,
        };
        let handshake_ends = (self.state as u8) < TcpState::Established as u8
            && after as u8 >= TcpState::Established as u8;
        if handshake_ends && both(side_flag::SCALE_OFFERED) {
            for side in [sender, receiver] {
                let unit = 1_u32 << side.window_scale;
                side.window_max = u32::from(side.window_max).div_ceil(unit) as u16;
            }
        }
        after
    }
}

/// Whether `a` comes after `b`, modulo 2^32 (RFC 9293 section 3.4).
pub const fn after(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) > 0
}

/// The later of two sequence numbers.
const fn later(a: u32, b: u32) -> u32 {
    if after(a, b) { a } else { b }
}
