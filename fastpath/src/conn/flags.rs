//! The flag letters of `show conn`.

use arrayvec::ArrayString;

use super::entry::{Hot, entry_flag, side_flag};
use crate::packet::{Side, protocol};

/// Letters that an entry can have at most: `UfFrRIOBV`, and one to spare.
pub const FLAGS_LEN_MAX: usize = 10;

/// The letters of an entry in the ASA's order, `-` where there is none.
///
/// | letter | meaning |
/// |---|---|
/// | `s` `S` | awaiting the SYN of the outside, of the inside |
/// | `a` `A` | awaiting the ACK to a SYN from the outside, from the inside |
/// | `U` | the handshake is complete |
/// | `f` `F` | FIN of the inside, of the outside |
/// | `r` `R` | the inside, the outside has acknowledged the other's FIN |
/// | `I` `O` | data has come in, gone out |
/// | `B` | opened from the outside |
/// | `V` | orphan of a VPN: its tunnel is down (`orphan`) |
///
/// Outside is the interface with the lower security level; [`entry_flag::INBOUND`] says whether the
/// initiator stands there.
pub fn show_flags(hot: &Hot, orphan: bool) -> ArrayString<FLAGS_LEN_MAX> {
    let inbound = hot.has(entry_flag::INBOUND);
    let mut letters = ArrayString::new();
    let mut letter = |shown: bool, letter: char| {
        if shown {
            // Cannot be full: see the bound.
            let _ = letters.try_push(letter);
        }
    };
    if hot.protocol == protocol::TCP {
        let responder = hot.initiator().other();
        let side = |side: Side| hot.tcp[side.index()];
        let (outside, inside) = if inbound {
            (side(hot.initiator()), side(responder))
        } else {
            (side(responder), side(hot.initiator()))
        };
        letter(!outside.has(side_flag::SYN), 's');
        letter(!inside.has(side_flag::SYN), 'S');
        letter(!inside.has(side_flag::SYN_ACKED), 'a');
        letter(!outside.has(side_flag::SYN_ACKED), 'A');
        let up = inside.has(side_flag::SYN_ACKED) && outside.has(side_flag::SYN_ACKED);
        letter(up, 'U');
        letter(inside.has(side_flag::FIN), 'f');
        letter(outside.has(side_flag::FIN), 'F');
        letter(outside.has(side_flag::FIN_ACKED), 'r');
        letter(inside.has(side_flag::FIN_ACKED), 'R');
        let (data_in, data_out) = if inbound {
            (entry_flag::DATA_FORWARD, entry_flag::DATA_BACKWARD)
        } else {
            (entry_flag::DATA_BACKWARD, entry_flag::DATA_FORWARD)
        };
        letter(up && hot.has(data_in), 'I');
        letter(up && hot.has(data_out), 'O');
        letter(inbound, 'B');
    }
    letter(orphan, 'V');
    if letters.is_empty() {
        letters.push('-');
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conn::table::UNUSED_HOT;
    use crate::conn::tcp::tcp_flag::{ACK, FIN, SYN};
    use crate::conn::tcp::{Segment, open, track};

    const INITIATOR: Side = Side::High;
    const RESPONDER: Side = Side::Low;

    fn segment(flags: u8, seq: u32, ack: u32, payload_len: u32) -> Segment {
        Segment {
            seq,
            ack,
            flags,
            window: 8000,
            payload_len,
            scale: None,
        }
    }

    /// The letters after every packet of one connection.
    fn letters(direction: u16) -> Vec<String> {
        let mut hot = Hot {
            protocol: protocol::TCP,
            flags: direction,
            ..UNUSED_HOT
        };
        open(&mut hot, INITIATOR, &segment(SYN, 0, 0, 0)).expect("a SYN");
        let mut letters = vec![show_flags(&hot, false).to_string()];
        for (from, segment) in [
            (RESPONDER, segment(SYN | ACK, 500, 1, 0)),
            (INITIATOR, segment(ACK, 1, 501, 0)),
            (RESPONDER, segment(ACK, 501, 1, 10)),
            (INITIATOR, segment(ACK, 1, 511, 10)),
            (INITIATOR, segment(FIN | ACK, 11, 511, 0)),
            (RESPONDER, segment(ACK, 511, 12, 0)),
            (RESPONDER, segment(FIN | ACK, 511, 12, 0)),
            (INITIATOR, segment(ACK, 12, 512, 0)),
        ] {
            track(&mut hot, from, &segment).expect("lawful");
            letters.push(show_flags(&hot, false).to_string());
        }
        assert_eq!(show_flags(&hot, true).len(), letters[8].len() + 1);
        letters
    }

    #[test]
    fn an_outbound_connection_shows_its_letters() {
        let expected = [
            "saA", "A", "U", "UI", "UIO", "UfIO", "UfRIO", "UfFRIO", "UfFrRIO",
        ];
        assert_eq!(letters(0), expected);
    }

    #[test]
    fn an_inbound_connection_shows_its_letters() {
        let expected = [
            "SaAB", "aB", "UB", "UOB", "UIOB", "UFIOB", "UFrIOB", "UfFrIOB", "UfFrRIOB",
        ];
        assert_eq!(letters(entry_flag::INBOUND), expected);
    }

    #[test]
    fn other_protocols_have_a_dash_or_an_orphan() {
        let udp = Hot {
            protocol: protocol::UDP,
            flags: entry_flag::DATA_FORWARD | entry_flag::INBOUND,
            ..UNUSED_HOT
        };
        assert_eq!(show_flags(&udp, false).as_str(), "-");
        assert_eq!(show_flags(&udp, true).as_str(), "V");
    }
}
