use crate::testing::{EffectCase, codes, parsed, refused, rendered};
use crate::{Audience, Defaults, Keepalive, Mode, TunnelGroupKind, render};

const BLOCK: &str = "tunnel-group 1.1.1.1 type ipsec-l2l\ntunnel-group 1.1.1.1 ipsec-attributes";

pub(crate) const EFFECTS: &[EffectCase] = &[
    EffectCase {
        row: "tunnel-group",
        given: "",
        line: "tunnel-group 1.1.1.1 type ipsec-l2l",
        then: |config, _| {
            let group = &config.tunnel_groups[0];
            group.name == "1.1.1.1" && group.kind == TunnelGroupKind::LanToLan
        },
        undo: Some("no tunnel-group 1.1.1.1"),
    },
    EffectCase {
        row: "tunnel-group attributes",
        given: "tunnel-group 1.1.1.1 type ipsec-l2l",
        line: "tunnel-group 1.1.1.1 ipsec-attributes",
        then: |_, mode| matches!(mode, Mode::TunnelGroup { name, .. } if name == "1.1.1.1"),
        undo: Some("no tunnel-group 1.1.1.1 ipsec-attributes"),
    },
    EffectCase {
        row: "pre-shared-key",
        given: BLOCK,
        line: "pre-shared-key hunter2",
        then: |config, _| {
            let key = config.tunnel_groups[0].pre_shared_key.as_ref();
            key.is_some_and(|key| key.expose() == "hunter2")
        },
        undo: Some("no pre-shared-key"),
    },
    EffectCase {
        row: "isakmp keepalive",
        given: BLOCK,
        line: "isakmp keepalive threshold 30 retry 5",
        then: |config, _| {
            config.tunnel_groups[0].keepalive
                == Keepalive {
                    enabled: true,
                    threshold_s: 30,
                    retry_s: 5,
                }
        },
        undo: Some("no isakmp keepalive"),
    },
];

#[test]
fn a_key_is_shown_as_a_star_and_stored_whole() {
    let config = parsed(&format!("{BLOCK}\n ikev1 pre-shared-key hunter2"));
    let section = Some("tunnel-group");
    let shown = render(&config, Audience::Shown, Defaults::Hidden, section);
    let stored = render(&config, Audience::Stored, Defaults::Hidden, section);
    assert!(shown.ends_with("\n pre-shared-key *\n"), "{shown}");
    assert!(stored.ends_with("\n pre-shared-key hunter2\n"), "{stored}");
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_masked_key_is_warned_about() {
    for key in ["*", "*****", "<removed>"] {
        assert_eq!(
            codes(&format!("{BLOCK}\n pre-shared-key {key}")),
            ["masked-key"]
        );
    }
    assert_eq!(codes(&format!("{BLOCK}\n pre-shared-key *a")), [""; 0]);
}

#[test]
fn a_key_has_at_most_128_characters() {
    let longest = format!("{BLOCK}\n pre-shared-key {}", "k".repeat(128));
    assert!(parsed(&longest).tunnel_groups[0].pre_shared_key.is_some());
    let longer = format!("pre-shared-key {}", "k".repeat(129));
    assert_eq!(refused(BLOCK, &longer), "invalid-input");
}

#[test]
fn keepalives_are_turned_off_and_on() {
    let config = parsed(&format!("{BLOCK}\n isakmp keepalive disable"));
    assert!(!config.tunnel_groups[0].keepalive.enabled);
    assert!(rendered(&config, "tunnel-group").ends_with(" isakmp keepalive disable\n"));
    let config = parsed(&format!(
        "{BLOCK}\n isakmp keepalive disable\n isakmp keepalive retry 3"
    ));
    assert_eq!(config.tunnel_groups[0].keepalive.retry_s, 3);
    for line in [
        "threshold 9",
        "threshold 3601",
        "retry 1",
        "threshold 10 retry 11",
    ] {
        let line = format!("isakmp keepalive {line}");
        assert_eq!(refused(BLOCK, &line), "invalid-input", "{line}");
    }
}

#[test]
fn a_group_needs_its_type_first() {
    assert_eq!(
        refused("", "tunnel-group x ipsec-attributes"),
        "no-tunnel-group"
    );
    let default = parsed("tunnel-group DefaultL2LGroup ipsec-attributes\n pre-shared-key k");
    assert_eq!(default.tunnel_groups[0].kind, TunnelGroupKind::LanToLan);
    let other = refused(BLOCK, "tunnel-group 1.1.1.1 type remote-access");
    assert_eq!(other, "tunnel-group-type");
}

#[test]
fn kept_lines_stand_in_their_blocks() {
    let config = parsed(
        "tunnel-group g type remote-access\ntunnel-group g ipsec-attributes\n chain\n\
         tunnel-group g general-attributes\n address-pool p\n address-pool q\n",
    );
    assert_eq!(
        rendered(&config, "tunnel-group g"),
        "tunnel-group g type remote-access\ntunnel-group g general-attributes\n address-pool q\n\
         tunnel-group g ipsec-attributes\n chain\n"
    );
}
