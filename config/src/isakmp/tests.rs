use crate::testing::{EffectCase, codes, parsed, refused, rendered};
use crate::{Encryption, Hash, IsakmpAuthentication, IsakmpIdentity, IsakmpPolicy};

const BLOCK: &str = "crypto isakmp policy 5";

pub(crate) const EFFECTS: &[EffectCase] = &[
    EffectCase {
        row: "crypto isakmp enable",
        given: "",
        line: "crypto isakmp enable outside",
        then: |config, _| config.isakmp.enabled_on == ["outside"],
        undo: Some("no crypto isakmp enable outside"),
    },
    EffectCase {
        row: "crypto isakmp identity",
        given: "",
        line: "crypto isakmp identity key-id us",
        then: |config, _| config.isakmp.identity == IsakmpIdentity::KeyId("us".to_owned()),
        undo: Some("no crypto isakmp identity"),
    },
    EffectCase {
        row: "crypto isakmp nat-traversal",
        given: "no crypto isakmp nat-traversal",
        line: "crypto isakmp nat-traversal 30",
        then: |config, _| config.isakmp.nat_traversal_s == Some(30),
        undo: Some("no crypto isakmp nat-traversal"),
    },
    EffectCase {
        row: "crypto isakmp policy",
        given: "",
        line: "crypto isakmp policy 5",
        then: |config, _| config.isakmp.policies == [IsakmpPolicy::new(5)],
        undo: Some("no crypto isakmp policy 5"),
    },
    EffectCase {
        row: "crypto isakmp policy setting",
        given: BLOCK,
        line: "crypto isakmp policy 5 lifetime 0",
        then: |config, _| config.isakmp.policies[0].lifetime_s == 0,
        undo: Some("no crypto isakmp policy 5 lifetime"),
    },
    EffectCase {
        row: "authentication",
        given: BLOCK,
        line: "authentication rsa-sig",
        then: |config, _| {
            let unusable = (IsakmpAuthentication::RsaSig, IsakmpPolicy::new(5));
            config.isakmp.policies.is_empty() && config.isakmp.unusable_policies == [unusable]
        },
        undo: Some("no authentication"),
    },
    EffectCase {
        row: "encryption",
        given: BLOCK,
        line: "encryption aes-256",
        then: |config, _| config.isakmp.policies[0].encryption == Encryption::Aes256,
        undo: Some("no encryption"),
    },
    EffectCase {
        row: "hash",
        given: BLOCK,
        line: "hash sha512",
        then: |config, _| config.isakmp.policies[0].hash == Hash::Sha512,
        undo: Some("no hash sha512"),
    },
    EffectCase {
        row: "group",
        given: BLOCK,
        line: "group 14",
        then: |config, _| config.isakmp.policies[0].group == 14,
        undo: Some("no group"),
    },
    EffectCase {
        row: "lifetime",
        given: BLOCK,
        line: "lifetime 2147483647",
        then: |config, _| config.isakmp.policies[0].lifetime_s == 2_147_483_647,
        undo: Some("no lifetime"),
    },
];

#[test]
fn policies_stand_by_priority() {
    let config = parsed(
        "crypto isakmp policy 20\ncrypto isakmp policy 10\n authentication crack\n\
         crypto isakmp policy 30 group 5\nisakmp policy 5 hash md5\ncrypto ikev1 policy 1",
    );
    let shown = rendered(&config, "crypto isakmp policy");
    let heads = shown.lines().filter(|line| !line.starts_with(' '));
    let priorities: Vec<_> = heads.filter_map(|line| line.split(' ').nth(3)).collect();
    assert_eq!(priorities, ["1", "5", "10", "20", "30"]);
}

#[test]
fn a_policy_set_in_one_line_need_not_exist() {
    let config = parsed("crypto isakmp policy 50 lifetime 0");
    assert_eq!(config.isakmp.policies[0].lifetime_s, 0);
}

#[test]
fn legacy_and_unusable_settings_are_warned_about() {
    let text = "crypto isakmp policy 5\n authentication rsa-sig\n encryption des\n hash md5\n \
                group 2\n lifetime 86400";
    let expected = [
        "unusable-policy",
        "legacy-cipher",
        "legacy-hash",
        "legacy-group",
    ];
    assert_eq!(codes(text), expected);
    let modern = "crypto isakmp policy 5\n encryption aes-256\n hash sha256\n group 14";
    assert_eq!(codes(modern), [""; 0]);
}

#[test]
fn ranges_are_kept() {
    for line in [
        "group 7",
        "group 24",
        "lifetime 119",
        "lifetime 2147483648",
        "hash sha1",
    ] {
        assert_eq!(refused(BLOCK, line), "invalid-input", "{line}");
    }
    for line in [
        "crypto isakmp policy 0",
        "crypto isakmp policy 65535",
        "crypto isakmp nat-traversal 9",
        "crypto isakmp nat-traversal 3601",
    ] {
        assert_eq!(refused("", line), "invalid-input", "{line}");
    }
}
