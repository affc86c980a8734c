//! Segments with neither SYN nor RST: data, acknowledgements, FINs.

use super::tcp_flag::FIN;
use super::{Judgement, KEEPALIVE, PAST_WINDOW, Pair, Segment, after, later};
use crate::conn::entry::side_flag;
use crate::verdict::DropReason;

pub(super) fn judge(pair: &mut Pair, segment: &Segment) -> Result<Judgement, DropReason> {
    if pair.in_handshake() && !handshake_goes_on(pair, segment)? {
        return Ok(Judgement::Pass);
    }
    if !pair.acceptable_sequence(segment) {
        return Err(if segment.has(FIN) {
            DropReason::TcpRstFinOrder
        } else {
            DropReason::TcpSeqWindow
        });
    }
    if !pair.acceptable_ack(segment.ack) {
        return Err(DropReason::TcpInvalidAck);
    }
    note_sequence(pair, segment)?;
    note_ack(pair, segment);
    Ok(Judgement::Accept)
}

/// Whether the segment may take part in the handshake; `false` lets it pass without effect.
fn handshake_goes_on(pair: &Pair, segment: &Segment) -> Result<bool, DropReason> {
    if !pair.receiver.has(side_flag::SYN) {
        return Err(DropReason::Tcp3whs);
    }
    if !pair.sender.has(side_flag::SYN) {
        // The answer of an end that still holds an older connection (RFC 9293 section 3.5.1,
        // half-open connections). The initiator must see it to reset that one.
        return if segment.payload_len == 0 && !segment.has(FIN) {
            Ok(false)
        } else {
            Err(DropReason::Tcp3whs)
        };
    }
    if pair.receiver.has(side_flag::SYN_ACKED) || pair.acknowledges_syn(segment.ack) {
        Ok(true)
    } else {
        Err(DropReason::Tcp3whs)
    }
}

impl Pair {
    /// Whether the segment lies between the farthest that a retransmission can reach back and the
    /// right edge of the receiver's window.
    fn acceptable_sequence(&self, segment: &Segment) -> bool {
        let (sender, end) = (&self.sender, segment.end());
        let reach = self.window_bytes(&self.receiver) + PAST_WINDOW + KEEPALIVE;
        let oldest = sender.end.wrapping_sub(reach);
        let newest = sender.end_max.wrapping_add(PAST_WINDOW);
        !after(end, newest) && !after(oldest, end)
    }

    /// Whether the acknowledgement lies between the largest window below what is acknowledged and
    /// what has been sent (RFC 5961 section 5.2).
    pub(super) fn acceptable_ack(&self, ack: u32) -> bool {
        let oldest = self
            .receiver
            .unacked
            .wrapping_sub(self.window_bytes(&self.sender));
        !after(ack, self.receiver.end) && !after(oldest, ack)
    }
}

fn note_sequence(pair: &mut Pair, segment: &Segment) -> Result<(), DropReason> {
    let sender = &mut pair.sender;
    let end = segment.end();
    if sender.has(side_flag::FIN) && after(end, sender.end) {
        if sender.has(side_flag::FIN_ACKED) {
            return Err(DropReason::TcpSeqWindow);
        }
        // A FIN is a sender's last number. One that data follows was not the sender's.
        sender.flags &= !side_flag::FIN;
    }
    if segment.has(FIN) {
        if after(sender.end, end) {
            return Err(DropReason::TcpRstFinOrder);
        }
        sender.flags |= side_flag::FIN;
    }
    sender.end = later(sender.end, end);
    Ok(())
}

fn note_ack(pair: &mut Pair, segment: &Segment) {
    let receiver = &mut pair.receiver;
    receiver.unacked = later(receiver.unacked, segment.ack);
    receiver.flags |= side_flag::SYN_ACKED;
    if receiver.has(side_flag::FIN) && segment.ack == receiver.end {
        receiver.flags |= side_flag::FIN_ACKED;
    }
    let window_bytes = u32::from(segment.window) << pair.shift();
    let edge = segment.ack.wrapping_add(window_bytes);
    pair.receiver.end_max = later(pair.receiver.end_max, edge);
    // The unit of the largest window changes when this segment ends the handshake.
    pair.state = pair.settle();
    let window = if pair.in_handshake() {
        window_bytes.min(u32::from(u16::MAX)) as u16
    } else {
        segment.window
    };
    pair.sender.window_max = pair.sender.window_max.max(window);
}
