use crate::testing::{EffectCase, SEED, parsed, refused, rendered};
use crate::{Audience, Defaults, render};

pub(crate) const EFFECTS: &[EffectCase] = &[
    EffectCase {
        row: "sysopt connection timewait",
        given: "",
        line: "sysopt connection timewait",
        then: |config, _| config.sysopt.timewait,
        undo: Some("no sysopt connection timewait"),
    },
    EffectCase {
        row: "sysopt connection tcpmss",
        given: "",
        line: "sysopt connection tcpmss 1300",
        then: |config, _| config.sysopt.tcpmss == 1300,
        undo: Some("no sysopt connection tcpmss"),
    },
    EffectCase {
        row: "sysopt connection tcpmss minimum",
        given: "",
        line: "sysopt connection tcpmss minimum 512",
        then: |config, _| config.sysopt.tcpmss_minimum == 512,
        undo: Some("no sysopt connection tcpmss minimum 512"),
    },
    EffectCase {
        row: "sysopt connection permit-vpn",
        given: "no sysopt connection permit-vpn",
        line: "sysopt connection permit-vpn",
        then: |config, _| config.sysopt.permit_vpn,
        undo: Some("no sysopt connection permit-vpn"),
    },
    EffectCase {
        row: "sysopt connection reclassify-vpn",
        given: "no sysopt connection reclassify-vpn",
        line: "sysopt connection reclassify-vpn",
        then: |config, _| config.sysopt.reclassify_vpn,
        undo: Some("no sysopt connection reclassify-vpn"),
    },
    EffectCase {
        row: "sysopt connection preserve-vpn-flows",
        given: "",
        line: "sysopt connection preserve-vpn-flows immediate",
        then: |config, _| config.sysopt.preserve_vpn_flows && config.sysopt.preserve_immediate,
        undo: Some("no sysopt connection preserve-vpn-flows"),
    },
    EffectCase {
        row: "sysopt noproxyarp",
        given: "",
        line: "sysopt noproxyarp outside",
        then: |config, _| config.sysopt.noproxyarp == ["outside"],
        undo: Some("no sysopt noproxyarp outside"),
    },
];

#[test]
fn immediate_is_part_of_the_option() {
    let config = parsed("sysopt connection preserve-vpn-flows immediate");
    let line = "sysopt connection preserve-vpn-flows immediate\n";
    assert_eq!(rendered(&config, "sysopt"), line);
    for after in [
        "sysopt connection preserve-vpn-flows",
        "no sysopt connection preserve-vpn-flows immediate",
    ] {
        let config = parsed(&format!("{line}{after}"));
        let sysopt = &config.sysopt;
        assert!(
            sysopt.preserve_vpn_flows && !sysopt.preserve_immediate,
            "{after}"
        );
    }
}

#[test]
fn all_of_the_seed_are_ten_lines() {
    let shown = render(
        &parsed(SEED),
        Audience::Shown,
        Defaults::All,
        Some("sysopt"),
    );
    assert_eq!(
        shown,
        "no sysopt connection timewait\n\
         sysopt connection tcpmss 1380\n\
         sysopt connection tcpmss minimum 0\n\
         sysopt connection permit-vpn\n\
         sysopt connection reclassify-vpn\n\
         sysopt connection preserve-vpn-flows\n\
         no sysopt nodnsalias inbound\n\
         no sysopt nodnsalias outbound\n\
         no sysopt radius ignore-secret\n\
         no sysopt noproxyarp outside\n"
    );
}

#[test]
fn hidden_defaults_leave_the_seed_one_line() {
    let shown = rendered(&parsed(SEED), "sysopt");
    assert_eq!(shown, "sysopt connection preserve-vpn-flows\n");
}

#[test]
fn a_segment_size_below_48_is_refused() {
    assert_eq!(refused("", "sysopt connection tcpmss 47"), "invalid-input");
    assert_eq!(parsed("sysopt connection tcpmss 0").sysopt.tcpmss, 0);
}
