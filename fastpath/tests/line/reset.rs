//! `service`: which denied TCP is answered with a reset.

use fastpath::conn::tcp::tcp_flag::SYN;
use fastpath::policy::Policy;
use fastpath::verdict::DropReason;

use super::harness::{
    CLIENT, INSIDE, INSIDE_ADDRESS, Line, OUTSIDE, OUTSIDE_ADDRESS, SERVER, Segment, interfaces,
    policy, take,
};

/// Whether the SYN, which is dropped under `reason`, is answered.
fn is_reset(
    line: &mut Line,
    port: u8,
    (from, to): (&'static str, &'static str),
    reason: DropReason,
) -> bool {
    let syn = Segment {
        from: (from, 23_001),
        to: (to, 80),
        flags: SYN,
        seq: 1,
        ack: 0,
    };
    let before = line.counters().created;
    line.send_and_see(port, &syn.packet(), Some(reason));
    line.counters().created > before
}

#[test]
fn resetoutside_answers_at_the_outermost_interface_alone() {
    let mut line = take();
    for reset_outside in [false, true] {
        line.publish(Policy {
            reset_outside,
            ..policy(&interfaces())
        });
        let refused = DropReason::NotForUs;
        let outside = is_reset(&mut line, OUTSIDE, (SERVER, OUTSIDE_ADDRESS), refused);
        assert_eq!(outside, reset_outside);
        let inside = is_reset(&mut line, INSIDE, (CLIENT, INSIDE_ADDRESS), refused);
        assert!(!inside);
    }
}

#[test]
fn resetinbound_answers_what_is_denied_from_a_lower_level() {
    let mut line = take();
    for reset_inbound in [false, true] {
        let mut interfaces = interfaces();
        interfaces[usize::from(INSIDE)].access_in = Some(super::harness::everything(false));
        line.publish(Policy {
            reset_inbound,
            ..policy(&interfaces)
        });
        let denied = DropReason::AclDrop;
        let inbound = is_reset(&mut line, OUTSIDE, (SERVER, CLIENT), denied);
        assert_eq!(inbound, reset_inbound);
        let outbound = is_reset(&mut line, INSIDE, (CLIENT, SERVER), denied);
        assert!(!outbound);
    }
}
