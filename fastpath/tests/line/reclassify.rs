//! `reclassify-vpn`: what was begun in clear and belongs into a tunnel ends when that is up.

use fastpath::conn::tcp::tcp_flag::SYN;
use fastpath::policy::Policy;
use fastpath::tunnel::{SlotId, TunnelMtu};
use fastpath::worker::event::{Event, TeardownReason};
use fastpath::worker::request::{Reply, What};

use super::harness::{CLIENT, INSIDE, Line, SERVER, Segment, interfaces, take};
use super::path_mtu::{FAR_HOST, protected};

fn begin(line: &mut Line, to: &'static str) -> u32 {
    let syn = Segment {
        from: (CLIENT, 24_001),
        to: (to, 80),
        flags: SYN,
        seq: 1,
        ack: 0,
    };
    line.send_and_see(INSIDE, &syn.packet(), None);
    let built = |line: &Line| match line.events.last() {
        Some(Event::ConnBuilt(conn)) => Some(conn.id.0),
        _ => None,
    };
    line.wait_for(|line| built(line).is_some());
    let id = built(line).expect("it was built");
    line.events.clear();
    id
}

/// How many flows the request removes.
fn reclassified(line: &mut Line, slot: SlotId) -> u32 {
    let request = line.fastpath.request(What::Reclassify(slot));
    let wanted = request.expect("there is room");
    loop {
        let mut removed = None;
        line.fastpath.replies(64, |reply| match reply {
            Reply::Done { ticket, count, .. } if ticket == wanted => removed = Some(count),
            _ => {}
        });
        line.wait_for(|_| true);
        if let Some(removed) = removed {
            return removed;
        }
    }
}

#[test]
fn a_flow_in_clear_that_a_tunnel_claims_is_cleared_and_no_other() {
    let mut line = take();
    let mtu = TunnelMtu {
        path: 1_500,
        inner: 1_400,
        mss: 1_360,
    };
    let slots = [(); 2].map(|()| line.fastpath.tunnels().0.allocate(mtu));
    let [claims, other] = slots.map(|slot| slot.expect("a slot"));
    line.publish(Policy {
        interfaces: interfaces().to_vec().into(),
        ..protected(claims)
    });
    let claimed = begin(&mut line, FAR_HOST);
    begin(&mut line, SERVER);
    line.publish(protected(claims));
    assert_eq!(reclassified(&mut line, other), 0);
    assert_eq!(reclassified(&mut line, claims), 1);
    line.wait_for(|line| !line.events.is_empty());
    let [Event::ConnTeardown { conn, reason, .. }] = line.events[..] else {
        panic!("not one flow: {:?}", line.events);
    };
    assert_eq!((conn.id.0, reason), (claimed, TeardownReason::Reclassified));
}
