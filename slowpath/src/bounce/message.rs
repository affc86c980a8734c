//! What the log says of bounces, in Holdfast's own messages.

use std::net::Ipv4Addr;

use super::Bounce;
use crate::syslog::Message;

/// A bounce has settled.
const SETTLED: u32 = 402_901;
/// The far end does not keep its connections.
const FORGETFUL: u32 = 402_902;

pub(super) fn settled(bounce: &Bounce) -> Message {
    let tally = &bounce.tally;
    let back = bounce.ready.map_or_else(
        || "not back".to_owned(),
        |ready| format!("back after {} ms", ready.since_ms(bounce.down)),
    );
    let flows = bounce
        .flows
        .map_or_else(|| "unknown".to_owned(), |flows| flows.to_string());
    let text = format!(
        "VPN bounce {} of crypto map {} {}, peer {}: {}, {back}, {}; flows {flows}, held {}, \
         released {}, resumed {}, timed out {}, reset by the far end {}, reclassified {}",
        bounce.number,
        bounce.map_name,
        bounce.sequence,
        bounce.peer,
        bounce.cause.text(),
        if bounce.preserved {
            "flows preserved"
        } else {
            "flows torn down"
        },
        tally.held,
        tally.released,
        tally.resumed,
        tally.timed_out,
        tally.far_resets,
        tally.reclassified,
    );
    Message::new(SETTLED, 5, text)
}

pub(super) fn forgetful(peer: Ipv4Addr) -> Message {
    let text = format!(
        "Flows to peer {peer} come back reset after its tunnel was down: the far end does not \
         preserve its connections"
    );
    Message::new(FORGETFUL, 4, text)
}
