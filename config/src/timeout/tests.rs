use crate::Timeouts;
use crate::testing::{EffectCase, parsed, refused, rendered};

pub(crate) const EFFECTS: &[EffectCase] = &[EffectCase {
    row: "timeout",
    given: "",
    line: "timeout xlate 1:00:00 conn 0 half-closed 0:05:00 udp 0:01:00 icmp 0:00:05",
    then: |config, _| {
        let t = &config.timeouts;
        let acted = [t.xlate_s, t.conn_s, t.half_closed_s, t.udp_s, t.icmp_s];
        acted == [3600, 0, 300, 60, 5]
    },
    undo: Some("no timeout"),
}];

#[test]
fn the_lines_are_grouped_as_on_an_asa() {
    let shown = "timeout xlate 3:00:00\n\
        timeout conn 1:00:00 half-closed 0:10:00 udp 0:02:00 icmp 0:00:02\n\
        timeout sunrpc 0:10:00 h323 0:05:00 h225 1:00:00 mgcp 0:05:00 mgcp-pat 0:05:00\n\
        timeout sip 0:30:00 sip_media 0:02:00 sip-invite 0:03:00 sip-disconnect 0:02:00\n\
        timeout sip-provisional-media 0:02:00 uauth 0:05:00 absolute\n\
        timeout tcp-proxy-reassembly 0:01:00\n";
    let config = parsed(shown);
    assert_eq!(config.timeouts, Timeouts::default());
    assert_eq!(rendered(&config, "timeout"), shown);
}

#[test]
fn kept_timers_are_kept_in_order() {
    let config = parsed("timeout uauth 0:06:00 inactivity sip 0:01:00 h323 0:05:00");
    let kept = [("sip".to_owned(), 60), ("uauth".to_owned(), 360)];
    assert_eq!(config.timeouts.kept, kept);
    assert!(!config.timeouts.uauth_absolute);
}

#[test]
fn a_time_below_its_least_is_refused() {
    for line in [
        "timeout xlate 0:00:59",
        "timeout xlate 0",
        "timeout conn 0:04:59",
        "timeout half-closed 0:00:29",
        "timeout udp 0:00:59",
        "timeout icmp 0:00:01",
        "timeout conn 1193:00:01",
    ] {
        assert_eq!(refused("", line), "invalid-input", "{line}");
    }
}

#[test]
fn a_timer_stands_once_in_a_line() {
    let line = "timeout udp 0:02:00 conn 1:00:00 udp 0:03:00";
    assert_eq!(refused("", line), "repeated-keyword");
}
