//! `sysopt connection tcpmss` and `service`: what is changed in, and answered to, segments.

use super::lab::{CLIENT, INSIDE, Lab, OUTSIDE, SERVER, with};
use super::packet::{RST, SYN, segment, syn};

/// The segment size that a SYN announces behind the box.
fn announced(lab: &mut Lab, port: u16, mss: u16) -> Option<u16> {
    let syn = segment((CLIENT, port), (SERVER, 80), SYN, (100, 0), mss);
    let came = lab.send(INSIDE, &syn);
    assert_eq!(came.len(), 1, "{came:?}");
    came[0].1.mss
}

#[test]
fn a_syn_announces_a_segment_size_within_bounds() {
    with(|lab| {
        for (commands, of_1460, of_400) in [
            ("", 1_380, 400),
            ("sysopt connection tcpmss 1200", 1_200, 400),
            ("sysopt connection tcpmss 0", 1_460, 400),
            (
                "sysopt connection tcpmss 1200\nno sysopt connection tcpmss",
                1_380,
                400,
            ),
            ("sysopt connection tcpmss minimum 512", 1_380, 512),
            (
                "sysopt connection tcpmss minimum 512\nno sysopt connection tcpmss minimum",
                1_380,
                400,
            ),
        ] {
            lab.configure(commands);
            assert_eq!(announced(lab, 4_000, 1_460), Some(of_1460), "{commands}");
            assert_eq!(announced(lab, 4_001, 400), Some(of_400), "{commands}");
        }
    });
}

/// Whether a SYN is answered with a reset.
fn is_reset(lab: &mut Lab, at: usize, from: &'static str, to: &'static str) -> bool {
    let came = lab.send(at, &syn((from, 4_000), (to, 81)));
    let resets = came
        .iter()
        .filter(|(out, it)| *out == at && it.kind & RST != 0);
    assert_eq!(
        came.len(),
        resets.clone().count(),
        "nothing passes: {came:?}"
    );
    resets.count() == 1
}

#[test]
fn denied_segments_are_answered_with_a_reset_where_they_shall_be() {
    with(|lab| {
        // Inbound, outbound, to the outermost interface, to another one.
        for (command, expected) in [
            ("", [false; 4]),
            ("service resetinbound", [true, false, false, false]),
            ("service resetoutside", [false, false, true, false]),
            ("service resetinbound\nno service resetinbound", [false; 4]),
            ("service resetoutside\nno service resetoutside", [false; 4]),
        ] {
            lab.configure(&format!(
                "access-list no deny ip any any\naccess-group no in interface inside\n{command}"
            ));
            let found = [
                is_reset(lab, OUTSIDE, SERVER, CLIENT),
                is_reset(lab, INSIDE, CLIENT, SERVER),
                is_reset(lab, OUTSIDE, SERVER, "192.0.2.1"),
                is_reset(lab, INSIDE, CLIENT, "10.0.0.1"),
            ];
            assert_eq!(found, expected, "{command}");
        }
    });
}
