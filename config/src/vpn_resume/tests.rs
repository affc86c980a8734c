use crate::testing::{EffectCase, parsed, refused, rendered};
use crate::{Audience, Defaults, ResumePace, ResumeProbe, VpnResume, render};

pub(crate) const EFFECTS: &[EffectCase] = &[
    EffectCase {
        row: "vpn-resume",
        given: "no vpn-resume",
        line: "vpn-resume",
        then: |config, _| config.vpn_resume == VpnResume::default(),
        undo: Some("no vpn-resume"),
    },
    EffectCase {
        row: "vpn-resume hold",
        given: "no vpn-resume hold",
        line: "vpn-resume hold memory-mb 256",
        then: |config, _| config.vpn_resume.hold_memory_mb == Some(256),
        undo: Some("no vpn-resume hold"),
    },
    EffectCase {
        row: "vpn-resume unreachable",
        given: "",
        line: "vpn-resume unreachable",
        then: |config, _| config.vpn_resume.unreachable,
        undo: Some("no vpn-resume unreachable"),
    },
    EffectCase {
        row: "vpn-resume pace",
        given: "",
        line: "vpn-resume pace minimum-pps 50 initial-pps 2000",
        then: |config, _| {
            config.vpn_resume.pace
                == ResumePace {
                    initial_pps: Some(2000),
                    minimum_pps: 50,
                }
        },
        undo: Some("no vpn-resume pace"),
    },
    EffectCase {
        row: "vpn-resume probe",
        given: "",
        line: "vpn-resume probe idle 30 interval 5 retries 3",
        then: |config, _| {
            config.vpn_resume.probe
                == Some(ResumeProbe {
                    idle_s: 30,
                    interval_s: 5,
                    retries: 3,
                })
        },
        undo: Some("no vpn-resume probe"),
    },
    EffectCase {
        row: "vpn-resume detect",
        given: "no vpn-resume detect",
        line: "vpn-resume detect milliseconds 500",
        then: |config, _| config.vpn_resume.detect_ms == Some(500),
        undo: Some("no vpn-resume detect"),
    },
];

#[test]
fn by_default_packets_are_held_and_peers_are_watched() {
    let config = parsed("");
    assert_eq!(
        config.vpn_resume,
        VpnResume {
            hold_memory_mb: Some(32),
            unreachable: false,
            pace: ResumePace {
                initial_pps: None,
                minimum_pps: 1000
            },
            probe: None,
            detect_ms: Some(300),
        }
    );
    assert_eq!(rendered(&config, "vpn-resume"), "");
    let all = render(&config, Audience::Shown, Defaults::All, Some("vpn-resume"));
    assert_eq!(
        all,
        "vpn-resume hold memory-mb 32\n\
         no vpn-resume unreachable\n\
         vpn-resume pace minimum-pps 1000\n\
         no vpn-resume probe\n\
         vpn-resume detect milliseconds 300\n"
    );
    assert_eq!(parsed(&all), config);
}

#[test]
fn everything_off_is_one_line() {
    let config = parsed("vpn-resume unreachable\nno vpn-resume\n");
    assert_eq!(config.vpn_resume, VpnResume::OFF);
    assert_eq!(rendered(&config, "vpn-resume"), "no vpn-resume\n");
    let some = parsed("no vpn-resume\nvpn-resume hold\nno vpn-resume pace\n");
    assert_eq!(rendered(&some, "vpn-resume"), "no vpn-resume detect\n");
}

#[test]
fn values_outside_of_their_bounds_are_refused() {
    for line in [
        "vpn-resume hold memory-mb 0",
        "vpn-resume hold memory-mb 4097",
        "vpn-resume pace initial-pps 0",
        "vpn-resume probe idle 0 interval 5 retries 3",
        "vpn-resume probe idle 30 interval 5 retries 256",
        "vpn-resume detect milliseconds 99",
    ] {
        assert_eq!(refused("", line), "invalid-input", "{line}");
    }
    let twice = "vpn-resume pace initial-pps 5 initial-pps 6";
    assert_eq!(refused("", twice), "repeated-keyword");
}
