//! Segments with SYN: the handshake, and SYNs that come when it is over.

use super::tcp_flag::ACK;
use super::{Judgement, KEEPALIVE, PAST_WINDOW, Pair, SCALE_MAX, Segment, after, later};
use crate::conn::entry::{TcpSide, TcpState, side_flag};
use crate::verdict::DropReason;

/// A sender of which this SYN is the first segment.
pub(super) fn begin(segment: &Segment) -> TcpSide {
    let scale_flag = match segment.scale {
        Some(_) => side_flag::SCALE_OFFERED,
        None => 0,
    };
    TcpSide {
        end: segment.end(),
        end_max: segment.end(),
        unacked: segment.seq,
        window_max: segment.window,
        window_scale: segment.scale.unwrap_or(0).min(SCALE_MAX),
        flags: side_flag::SYN | scale_flag,
    }
}

pub(super) fn judge(pair: &mut Pair, segment: &Segment) -> Result<Judgement, DropReason> {
    let is_answer = segment.has(ACK);
    match pair.state {
        TcpState::None | TcpState::SynSent | TcpState::SynReceived if is_answer => {
            answer(pair, segment)
        }
        TcpState::None | TcpState::SynSent | TcpState::SynReceived => first(pair, segment),
        TcpState::Closed if !is_answer && !after(pair.sender.end, segment.seq) => {
            Ok(Judgement::Reopen)
        }
        _ if is_answer => late_answer(pair, segment),
        _ if segment.payload_len == 0 => Ok(Judgement::Pass),
        _ => Err(DropReason::TcpSynInWindow),
    }
}

/// A SYN without ACK during the handshake.
fn first(pair: &mut Pair, segment: &Segment) -> Result<Judgement, DropReason> {
    let repeats = segment.seq == pair.sender.unacked;
    if !pair.sender.has(side_flag::SYN) {
        // Simultaneous open, RFC 9293 section 3.5.
        pair.sender = begin(segment);
    } else if pair.sender.has(side_flag::SYN_ACKED) {
        // The other end judges it: a repeated SYN, or a restart that it will challenge.
        return Ok(Judgement::Pass);
    } else if repeats {
        repeat(&mut pair.sender, segment);
    } else if !pair.receiver.has(side_flag::SYN) {
        // Nobody has answered: the initiator tries anew, and its last SYN counts.
        pair.sender = begin(segment);
    } else {
        return Err(DropReason::TcpSynDiff);
    }
    if pair.receiver.has(side_flag::SYN) {
        open_windows(pair, segment);
    }
    Ok(Judgement::Accept)
}

/// A SYN-ACK during the handshake.
fn answer(pair: &mut Pair, segment: &Segment) -> Result<Judgement, DropReason> {
    let receiver = &pair.receiver;
    if !receiver.has(side_flag::SYN) {
        return Err(DropReason::Tcp3whs);
    }
    let repeats_ack = receiver.has(side_flag::SYN_ACKED) && segment.ack == receiver.unacked;
    if !repeats_ack && !pair.acknowledges_syn(segment.ack) {
        return Err(DropReason::TcpAckSynDiff);
    }
    let sender = &mut pair.sender;
    if sender.has(side_flag::SYN_ACKED) {
        // Simultaneous open: the SYN that this repeats is acknowledged already.
        if segment.seq.wrapping_add(1) != sender.unacked {
            return Err(DropReason::TcpSynDiff);
        }
    } else if sender.has(side_flag::SYN) && sender.unacked == segment.seq {
        repeat(sender, segment);
    } else {
        *sender = begin(segment);
    }
    pair.receiver.flags |= side_flag::SYN_ACKED;
    pair.receiver.unacked = segment.ack;
    open_windows(pair, segment);
    Ok(Judgement::Accept)
}

/// A SYN that was seen before, perhaps with less or more in it.
fn repeat(sender: &mut TcpSide, segment: &Segment) {
    let fresh = begin(segment);
    sender.end = later(sender.end, fresh.end);
    sender.end_max = later(sender.end_max, fresh.end);
    sender.window_max = sender.window_max.max(fresh.window_max);
    if !sender.has(side_flag::SCALE_OFFERED) {
        sender.window_scale = fresh.window_scale;
        sender.flags |= fresh.flags;
    }
}

/// Both sides have shown a SYN: each may send what the other's window allows. The windows of SYNs
/// are not scaled (RFC 7323 section 2.2).
fn open_windows(pair: &mut Pair, segment: &Segment) {
    let (sender, receiver) = (&mut pair.sender, &mut pair.receiver);
    let first_byte = |side: &TcpSide| {
        let syn = !side.has(side_flag::SYN_ACKED);
        side.unacked.wrapping_add(u32::from(syn))
    };
    let sender_edge = first_byte(sender).wrapping_add(u32::from(receiver.window_max));
    sender.end_max = later(sender.end_max, sender_edge);
    let receiver_edge = first_byte(receiver).wrapping_add(u32::from(segment.window));
    receiver.end_max = later(receiver.end_max, receiver_edge);
}

/// A SYN-ACK after the handshake: an old one, repeated because its ACK was lost.
fn late_answer(pair: &Pair, segment: &Segment) -> Result<Judgement, DropReason> {
    let sent = pair.sender.end;
    let reach = pair.window_bytes(&pair.receiver) + PAST_WINDOW + KEEPALIVE;
    let known = !after(segment.end(), sent) && !after(sent.wrapping_sub(reach), segment.end());
    if known && pair.acceptable_ack(segment.ack) {
        Ok(Judgement::Pass)
    } else {
        Err(DropReason::TcpSynDiff)
    }
}
