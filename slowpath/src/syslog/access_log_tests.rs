use super::*;

const ENTRY: LoggedEntry = LoggedEntry {
    access_group: 0,
    level: 5,
    interval_s: 60,
};

fn hit(permitted: bool, key: &FlowKey, icmp: [u8; 2]) -> Hit<'_> {
    Hit {
        permitted,
        key,
        icmp,
        ingress: "inside",
        egress: "outside",
        access_list: "inside_in",
        entry: ENTRY,
    }
}

fn tcp(sport: u16) -> FlowKey {
    FlowKey::new(protocol::TCP, 0x0a00_0009, sport, 0xc000_0250, 80)
}

fn texts(messages: impl IntoIterator<Item = Message>) -> Vec<String> {
    messages
        .into_iter()
        .map(|it| format!("{}-{}: {}", it.level, it.id, it.text))
        .collect()
}

#[test]
fn the_first_packet_then_a_count_per_interval_then_silence() {
    let mut log = AccessLog::default();
    let key = tcp(1025);
    let packet = hit(true, &key, [0; 2]);
    assert_eq!(
        texts(log.hit(&packet, Time(0))),
        [
            "5-106100: access-list inside_in permitted tcp inside/10.0.0.9(1025) -> \
          outside/192.0.2.80(80) hit-cnt 1 first hit [0x0, 0x0]"
        ]
    );
    for at in 1..4 {
        assert_eq!(log.hit(&packet, Time(at)), None);
    }
    assert!(log.counts(Time(59_999)).is_empty());
    assert_eq!(
        texts(log.counts(Time(60_000))),
        [
            "5-106100: access-list inside_in permitted tcp inside/10.0.0.9(1025) -> \
          outside/192.0.2.80(80) hit-cnt 3 60-second interval [0x0, 0x0]"
        ]
    );
    // Nothing in the next interval: the flow is a new one afterwards.
    assert!(log.counts(Time(120_000)).is_empty());
    assert!(log.hit(&packet, Time(120_001)).is_some());
}

#[test]
fn what_is_not_the_same_is_counted_apart() {
    let mut log = AccessLog::default();
    let (one, other) = (tcp(1), tcp(2));
    let ping = FlowKey::new(protocol::ICMP, 1, 7, 2, 7);
    let again = FlowKey::new(protocol::ICMP, 1, 8, 2, 8);
    assert!(log.hit(&hit(true, &one, [0; 2]), Time(0)).is_some());
    assert!(log.hit(&hit(true, &other, [0; 2]), Time(0)).is_some());
    assert!(log.hit(&hit(false, &one, [0; 2]), Time(0)).is_some());
    let first = texts(log.hit(&hit(false, &ping, [8, 0]), Time(0)));
    assert!(first[0].contains("denied icmp inside/0.0.0.1(8) -> outside/0.0.0.2(0) hit-cnt 1"));
    // Every ping has an identifier of its own; type and code make the flow.
    assert!(log.hit(&hit(false, &again, [8, 0]), Time(0)).is_none());
}

#[test]
fn denied_flows_are_bounded_and_an_alert_says_so() {
    let mut log = AccessLog::default();
    let at = |n: usize| FlowKey::new(protocol::UDP, n as u32, 3, 2, 4);
    for n in 0..DENIED_FLOWS_MAX {
        assert!(log.hit(&hit(false, &at(n), [0; 2]), Time(0)).is_some());
    }
    let beyond = at(DENIED_FLOWS_MAX);
    let beyond = hit(false, &beyond, [0; 2]);
    assert_eq!(
        texts(log.hit(&beyond, Time(1))),
        ["1-106101: The number of ACL log deny-flows has reached limit (4096)."]
    );
    assert_eq!(log.hit(&beyond, Time(2)), None);
    assert!(log.hit(&beyond, Time(300_001)).is_some());
    // Intervals end a share at a time, and make room again.
    let mut turns = 0;
    while log.denied > 0 {
        assert!(log.counts(Time(300_002)).is_empty());
        turns += 1;
    }
    assert_eq!(turns, DENIED_FLOWS_MAX / INTERVALS_PER_TURN);
    assert!(log.flows.is_empty() && log.ends.is_empty());
    assert!(log.hit(&beyond, Time(300_003)).is_some());
}

#[test]
fn permitted_flows_are_bounded_too() {
    let mut log = AccessLog::default();
    for n in 0..PERMITTED_FLOWS_MAX + 5 {
        let key = FlowKey::new(protocol::UDP, n as u32, 3, 2, 4);
        assert!(log.hit(&hit(true, &key, [0; 2]), Time(0)).is_some());
    }
    assert_eq!(log.flows.len(), PERMITTED_FLOWS_MAX);
}
