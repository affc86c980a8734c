use crate::testing::{EffectCase, codes, parsed, refused, rendered};
use crate::{Encryption, Hash, TransformSet};

pub(crate) const EFFECTS: &[EffectCase] = &[
    EffectCase {
        row: "crypto ipsec transform-set",
        given: "",
        line: "crypto ipsec transform-set t esp-aes-256 esp-sha256-hmac",
        then: |config, _| {
            config.ipsec.transform_sets
                == [TransformSet {
                    name: "t".to_owned(),
                    encryption: Some(Encryption::Aes256),
                    integrity: Some(Hash::Sha256),
                }]
        },
        undo: Some("no crypto ipsec transform-set t"),
    },
    EffectCase {
        row: "crypto ipsec security-association lifetime",
        given: "",
        line: "crypto ipsec security-association lifetime seconds 214783647 kilobytes 10",
        then: |config, _| {
            let lifetime = config.ipsec.lifetime;
            (lifetime.seconds, lifetime.kilobytes) == (Some(214_783_647), Some(10))
        },
        undo: Some("no crypto ipsec security-association lifetime seconds kilobytes 10"),
    },
    EffectCase {
        row: "crypto ipsec security-association replay window-size",
        given: "",
        line: "crypto ipsec security-association replay window-size 8192",
        then: |config, _| config.ipsec.replay_window == 8192,
        undo: Some("no crypto ipsec security-association replay window-size"),
    },
];

#[test]
fn every_sensible_pair_is_written_as_it_was_read() {
    let transforms = [
        "esp-des esp-md5-hmac",
        "esp-3des esp-sha-hmac",
        "esp-aes esp-sha384-hmac",
        "esp-aes-192 esp-sha512-hmac",
        "esp-aes-256 esp-none",
        "esp-null esp-sha256-hmac",
        "esp-aes-gcm",
        "esp-aes-gcm-192",
        "esp-aes-gcm-256",
    ];
    for pair in transforms {
        let line = format!("crypto ipsec transform-set t {pair}\n");
        let config = parsed(&line);
        assert_eq!(rendered(&config, "crypto ipsec"), line);
        assert_eq!(config.ipsec.transform_sets[0].transforms(), pair);
    }
    let later = parsed("crypto ipsec ikev1 transform-set t esp-aes esp-sha-hmac");
    assert_eq!(
        later.ipsec.transform_sets[0].transforms(),
        "esp-aes esp-sha-hmac"
    );
}

#[test]
fn nonsense_is_refused() {
    for (pair, code) in [
        ("esp-null", "transform-set-nonsense"),
        ("esp-null esp-none", "transform-set-nonsense"),
        ("esp-aes-gcm esp-sha-hmac", "transform-set-nonsense"),
        ("esp-sha-hmac", "invalid-input"),
        ("mode transport", "invalid-input"),
        ("esp-aes-g esp-sha-hmac", "ambiguous-command"),
    ] {
        let line = format!("crypto ipsec transform-set t {pair}");
        assert_eq!(refused("", &line), code, "{pair}");
    }
}

#[test]
fn weak_sets_are_warned_about() {
    for (pair, expected) in [
        (
            "esp-3des esp-md5-hmac",
            &["legacy-cipher", "legacy-hash"][..],
        ),
        ("esp-null esp-sha-hmac", &["no-encryption"]),
        ("esp-aes", &["no-integrity"]),
        ("esp-aes esp-sha-hmac", &[]),
        ("esp-aes-gcm-256", &[]),
    ] {
        let line = format!("crypto ipsec transform-set t {pair}");
        assert_eq!(codes(&line), expected, "{pair}");
    }
}

#[test]
fn ranges_are_kept() {
    let sa = "crypto ipsec security-association";
    for wrong in [
        "lifetime seconds 119",
        "lifetime seconds 0",
        "lifetime kilobytes 9",
    ] {
        assert_eq!(
            refused("", &format!("{sa} {wrong}")),
            "invalid-input",
            "{wrong}"
        );
    }
    let twice = format!("{sa} lifetime seconds 120 seconds 130");
    assert_eq!(refused("", &twice), "repeated-keyword");
    let wrong = format!("{sa} replay window-size 65");
    assert_eq!(refused("", &wrong), "invalid-input");
}

#[test]
fn decision_9_the_lifetime_goes_as_far_as_printed_and_to_its_bound() {
    let line =
        |seconds: u32| format!("crypto ipsec security-association lifetime seconds {seconds}");
    for seconds in [120, 214_783_647, 2_147_483_647] {
        let config = parsed(&line(seconds));
        assert_eq!(config.ipsec.lifetime.seconds, Some(seconds));
    }
    assert_eq!(refused("", &line(2_147_483_648)), "invalid-input");
}
