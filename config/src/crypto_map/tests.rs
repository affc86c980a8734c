use std::net::Ipv4Addr;

use crate::testing::{EffectCase, codes, parsed, refused, rendered};
use crate::{Config, CryptoMapEntry};

const MAP: &str = "crypto map m 5 match address a";

fn entry(config: &Config) -> &CryptoMapEntry {
    &config.crypto_maps[0].entries[0]
}

pub(crate) const EFFECTS: &[EffectCase] = &[
    EffectCase {
        row: "crypto map match address",
        given: "",
        line: "crypto map m 5 match address a",
        then: |config, _| entry(config).access_list.as_deref() == Some("a"),
        undo: Some("no crypto map m 5 match address a"),
    },
    EffectCase {
        row: "crypto map set peer",
        given: MAP,
        line: "crypto map m 5 set peer 1.1.1.1 2.2.2.2",
        then: |config, _| {
            let peers = [Ipv4Addr::new(1, 1, 1, 1), Ipv4Addr::new(2, 2, 2, 2)];
            entry(config).peers == peers
        },
        undo: Some("no crypto map m 5 set peer"),
    },
    EffectCase {
        row: "crypto map set transform-set",
        given: MAP,
        line: "crypto map m 5 set transform-set s t",
        then: |config, _| entry(config).transform_sets == ["s", "t"],
        undo: Some("no crypto map m 5 set transform-set s t"),
    },
    EffectCase {
        row: "crypto map set pfs",
        given: MAP,
        line: "crypto map m 5 set pfs",
        then: |config, _| entry(config).pfs == Some(2),
        undo: Some("no crypto map m 5 set pfs"),
    },
    EffectCase {
        row: "crypto map set security-association lifetime",
        given: MAP,
        line: "crypto map m 5 set security-association lifetime seconds 120",
        then: |config, _| entry(config).lifetime.seconds == Some(120),
        undo: Some("no crypto map m 5 set security-association lifetime seconds 120"),
    },
    EffectCase {
        row: "crypto map set spread",
        given: MAP,
        line: "crypto map m 5 set spread peer-window 4096",
        then: |config, _| entry(config).spread_peer_window == Some(4096),
        undo: Some("no crypto map m 5 set spread"),
    },
    EffectCase {
        row: "crypto map interface",
        given: MAP,
        line: "crypto map m interface outside",
        then: |config, _| config.crypto_maps[0].interface.as_deref() == Some("outside"),
        undo: Some("no crypto map m interface"),
    },
    EffectCase {
        row: "no crypto map",
        given: "crypto map m 5 match address a\ncrypto map m 6 match address b",
        line: "no crypto map m 5",
        then: |config, _| config.crypto_maps[0].entries.len() == 1 && entry(config).sequence == 6,
        undo: Some("crypto map m 5 match address a"),
    },
];

#[test]
fn entries_stand_by_number() {
    let config = parsed(
        "crypto map m 9 set pfs group14\ncrypto map m 1 set peer 1.1.1.1\n\
         crypto map m 5 match address a\ncrypto map m interface outside",
    );
    assert_eq!(
        rendered(&config, "crypto map m"),
        "crypto map m 1 set peer 1.1.1.1\ncrypto map m 5 match address a\n\
         crypto map m 9 set pfs group14\ncrypto map m interface outside\n"
    );
}

#[test]
fn peers_add_up_and_transform_sets_replace() {
    let config = parsed(
        "crypto map m 1 set peer 1.1.1.1\ncrypto map m 1 set peer 2.2.2.2 1.1.1.1\n\
         crypto map m 1 set transform-set a b\ncrypto map m 1 set ikev1 transform-set c",
    );
    assert_eq!(entry(&config).peers.len(), 2);
    assert_eq!(entry(&config).transform_sets, ["c"]);
}

#[test]
fn an_emptied_map_is_gone() {
    for lines in [
        "no crypto map m 5 match address",
        "no crypto map m 5",
        "no crypto map m",
    ] {
        assert_eq!(
            parsed(&format!("{MAP}\n{lines}")).crypto_maps,
            [],
            "{lines}"
        );
    }
    let applied = parsed(&format!(
        "{MAP}\ncrypto map m interface o\nno crypto map m 5"
    ));
    assert_eq!(applied.crypto_maps.len(), 1);
}

#[test]
fn an_interface_has_one_map() {
    let text = "crypto map m 1 match address a\ncrypto map m interface o\ncrypto map n interface o";
    assert_eq!(codes(text), ["crypto-map-replaced"]);
    let interfaces: Vec<_> = parsed(text)
        .crypto_maps
        .into_iter()
        .map(|m| m.interface)
        .collect();
    assert_eq!(interfaces, [None, Some("o".to_owned())]);
}

#[test]
fn an_entry_has_at_most_ten_peers() {
    let peers: Vec<_> = (1..=11).map(|n| format!("10.0.0.{n}")).collect();
    let line = format!("crypto map m 1 set peer {}", peers.join(" "));
    assert_eq!(refused("", &line), "limit-reached");
    assert_eq!(
        refused("", "crypto map m 1 set peer 0.0.0.0"),
        "peer-address"
    );
}

#[test]
fn kept_lines_stand_once() {
    let config = parsed(
        "crypto map m 1 set connection-type originate-only\n\
         crypto map m 1 set ikev1 phase1-mode main\n\
         crypto map m 1 set connection-type bidirectional",
    );
    let kept = ["set phase1-mode main", "set connection-type bidirectional"];
    assert_eq!(entry(&config).kept, kept);
}

#[test]
fn weak_pfs_is_warned_about() {
    assert_eq!(codes("crypto map m 1 set pfs"), ["legacy-group"]);
    assert_eq!(codes("crypto map m 1 set pfs group16"), [""; 0]);
}
