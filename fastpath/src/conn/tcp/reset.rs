//! Segments with RST.

use super::tcp_flag::ACK;
use super::{Judgement, PAST_WINDOW, Pair, Segment, after};
use crate::conn::entry::{TcpState, side_flag};
use crate::verdict::DropReason;

pub(super) fn judge(pair: &Pair, segment: &Segment) -> Result<Judgement, DropReason> {
    let (sender, receiver) = (&pair.sender, &pair.receiver);
    if !pair.from_initiator && pair.in_handshake() && !receiver.has(side_flag::SYN_ACKED) {
        // A refusal proves itself by the SYN that it acknowledges (RFC 9293 section 3.10.7.3).
        return if segment.has(ACK) && pair.acknowledges_syn(segment.ack) {
            Ok(Judgement::Reset)
        } else {
            Err(DropReason::TcpRstFinOrder)
        };
    }
    let at_acknowledged = sender.has(side_flag::SYN_ACKED) && segment.seq == sender.unacked;
    if segment.seq == sender.end || at_acknowledged {
        return Ok(Judgement::Reset);
    }
    if pair.state == TcpState::SynSent {
        // The initiator resets an older connection that the other end still holds. Its number comes
        // from there, so it cannot be judged here.
        return Ok(Judgement::Pass);
    }
    let newest = sender.end_max.wrapping_add(PAST_WINDOW);
    if !after(sender.unacked, segment.seq) && !after(segment.seq, newest) {
        Ok(Judgement::Pass)
    } else {
        Err(DropReason::TcpRstFinOrder)
    }
}
