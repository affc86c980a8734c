//! `route`.

use super::lab::{CLIENT, DMZ, FAR_AWAY, INSIDE, OUTSIDE, with};
use super::packet::udp;

#[test]
fn packets_leave_by_the_longest_route_of_the_lowest_metric() {
    with(|lab| {
        let packet = udp((CLIENT, 4_000), (FAR_AWAY, 53));
        let specific = "route dmz 203.0.113.0 255.255.255.0 172.16.0.9";
        for (commands, way) in [
            ("", Some(OUTSIDE)),
            (specific, Some(DMZ)),
            // As long, and preferred.
            (
                &*format!("{specific} 7\nroute outside 203.0.113.0 255.255.255.0 192.0.2.9 6"),
                Some(OUTSIDE),
            ),
            (
                &*format!("{specific} 5\nroute outside 203.0.113.0 255.255.255.0 192.0.2.9 6"),
                Some(DMZ),
            ),
            (&*format!("{specific}\nno {specific}"), Some(OUTSIDE)),
        ] {
            lab.configure(commands);
            assert_eq!(lab.way(INSIDE, &packet), way, "{commands}");
        }
        lab.configure("no route outside 0 0");
        let told = lab.send(INSIDE, &packet);
        assert_eq!(told.len(), 1, "only its sender hears of it: {told:?}");
        assert!(told.iter().all(|(at, _)| *at == INSIDE), "{told:?}");
    });
}
