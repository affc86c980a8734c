//! From a command's text to what two engines agree on.

use super::*;
use crate::apply::Compiler;
use crate::ike::wire::id::{Id, IdValue};

/// Two ends' settings in one policy, one transform set, one tunnel.
fn text(own: Ipv4Addr, peer: Ipv4Addr, nets: [&str; 2]) -> String {
    let [local, remote] = nets;
    format!(
        "interface Ethernet0/0\n nameif outside\n ip address {own} 255.255.255.0\n\
         access-list vpn permit ip {local} 255.255.0.0 {remote} 255.255.0.0\n\
         crypto ipsec transform-set set1 esp-aes esp-sha-hmac\n\
         crypto map map1 5 match address vpn\ncrypto map map1 5 set peer {peer}\n\
         crypto map map1 5 set transform-set set1\ncrypto map map1 interface outside\n\
         crypto isakmp enable outside\n\
         crypto isakmp policy 5\n encryption aes\n hash sha\n group 2\n\
         tunnel-group {peer} type ipsec-l2l\ntunnel-group {peer} ipsec-attributes\n \
         pre-shared-key swordfish\n"
    )
}

fn compiled(text: &str) -> IkeConfig {
    let (config, remarks) = ::config::parse(text);
    let errors = remarks
        .iter()
        .filter(|remark| remark.severity == ::config::Severity::Error);
    let errors: String = errors.map(|remark| remark.render(text)).collect();
    assert!(errors.is_empty(), "{errors}");
    Compiler::default().plan(&config).ike
}

/// A lab whose ends have these commands beside the common ones; `b` knows `a` under the address
/// `a_seen`.
fn lab_seen_as(a_seen: Ipv4Addr, a: &str, b: &str) -> Lab {
    let nets = ["10.1.0.0", "10.2.0.0"];
    let ours = text(A, B, nets) + a;
    let theirs = text(B, a_seen, [nets[1], nets[0]]) + b;
    Lab::new(compiled(&ours), compiled(&theirs))
}

fn begin(lab: &mut Lab) {
    let tunnel = lab.ends[0].engine.core.config().tunnels.first();
    let id = tunnel.map_or(TUNNEL, |tunnel| tunnel.id);
    lab.with(0, |engine, now, spis| engine.initiate(now, spis, id));
}

/// The ends have these commands and negotiate until nothing more happens.
fn negotiated(a: &str, b: &str) -> Lab {
    let mut lab = lab_seen_as(A, a, b);
    begin(&mut lab);
    lab.quiet(5_000);
    if lab.agreed() == 0 {
        lab.quiet(60_000);
    }
    lab
}

/// A setting on both sides is agreed upon; on one side alone it is in the way.
fn both_or_neither(setting: &str, holds: impl Fn(&Lab) -> bool) {
    let lab = negotiated(setting, setting);
    assert_eq!(lab.agreed(), 1, "{setting}: {:?}", lab.ends[0].logs);
    assert!(holds(&lab), "{setting}");
    assert_eq!(negotiated(setting, "").agreed(), 0, "{setting} here alone");
    assert_eq!(negotiated("", setting).agreed(), 0, "{setting} there alone");
}

fn policy_of(lab: &Lab, end: usize) -> IsakmpPolicy {
    let views = lab.ends[end].engine.ike_sas(lab.now);
    views[0].policy.clone().expect("a policy")
}

/// The pair of the end that did not begin.
fn pair_of(lab: &Lab) -> &ChildSa {
    lab.ends[1].children.values().next().expect("a pair")
}

#[test]
fn the_settings_of_a_policy_are_what_phase_1_uses() {
    for (words, cipher) in [
        ("des", Encryption::Des),
        ("3des", Encryption::TripleDes),
        ("aes-192", Encryption::Aes192),
        ("aes-256", Encryption::Aes256),
    ] {
        let holds = |lab: &Lab| policy_of(lab, 1).encryption == cipher;
        both_or_neither(
            &format!("crypto isakmp policy 5\n encryption {words}"),
            holds,
        );
        both_or_neither(&format!("crypto isakmp policy 5 encryption {words}"), holds);
    }
    for (words, function) in [
        ("md5", Hash::Md5),
        ("sha256", Hash::Sha256),
        ("sha384", Hash::Sha384),
        ("sha512", Hash::Sha512),
    ] {
        let holds = |lab: &Lab| policy_of(lab, 1).hash == function;
        both_or_neither(&format!("crypto isakmp policy 5\n hash {words}"), holds);
        both_or_neither(&format!("crypto isakmp policy 5 hash {words}"), holds);
    }
    for group in [1, 5, 14, 15, 16] {
        let holds = |lab: &Lab| policy_of(lab, 1).group == group;
        both_or_neither(&format!("crypto isakmp policy 5\n group {group}"), holds);
    }
    both_or_neither("crypto isakmp policy 5 group 5", |lab| {
        policy_of(lab, 1).group == 5
    });
    // Without them the defaults: 3DES, SHA-1, group 2.
    let unset = "crypto isakmp policy 5\n no encryption\n no hash\n no group";
    both_or_neither(unset, |lab| {
        policy_of(lab, 1).encryption == Encryption::TripleDes
    });
}

#[test]
fn a_policy_without_pre_shared_keys_is_not_offered() {
    for way in ["rsa-sig", "crack"] {
        for setting in [
            format!("crypto isakmp policy 5\n authentication {way}"),
            format!("crypto isakmp policy 5 authentication {way}"),
        ] {
            assert_eq!(negotiated(&setting, "").agreed(), 0, "{setting}");
            assert_eq!(negotiated("", &setting).agreed(), 0, "{setting}");
            let back = format!("{setting}\ncrypto isakmp policy 5\n authentication pre-share");
            assert_eq!(negotiated(&back, "").agreed(), 1, "{back}");
        }
    }
}

#[test]
fn policies_are_preferred_in_the_order_of_their_numbers() {
    for (first, second, cipher) in [(1, 9, Encryption::Aes256), (9, 1, Encryption::Aes192)] {
        let policies = format!(
            "no crypto isakmp policy 5\n\
             crypto isakmp policy {first}\n encryption aes-256\n\
             crypto isakmp policy {second}\n encryption aes-192"
        );
        let lab = negotiated(&policies, &policies);
        assert_eq!(policy_of(&lab, 0).encryption, cipher);
    }
}

#[test]
fn phase_1_lives_as_long_as_its_policy_says() {
    for setting in [
        "crypto isakmp policy 5 lifetime 300",
        "crypto isakmp policy 5\n lifetime 300",
    ] {
        let mut lab = negotiated(setting, "");
        let left =
            |lab: &Lab, end: usize| lab.ends[end].engine.ike_sas(lab.now)[0].lifetime_remaining_s;
        for end in [0, 1] {
            assert!(left(&lab, end).is_some_and(|left| (290..=300).contains(&left)));
        }
        let first = lab.ends[0].sa().cookie_i;
        lab.quiet(400_000);
        let cookies: Vec<_> = lab.ends[0]
            .engine
            .phase1s
            .iter()
            .map(|sa| sa.cookie_i)
            .collect();
        assert!(!cookies.contains(&first), "it was replaced");
        assert!(lab.agreed() >= 1);
    }
    let lab = negotiated("crypto isakmp policy 5\n lifetime 300\n no lifetime", "");
    let left = lab.ends[0].engine.ike_sas(lab.now)[0].lifetime_remaining_s;
    assert!(left.is_some_and(|left| left > 86_000));
}

/// What the end that begins calls itself: the fifth message of main mode says it.
fn identity(commands: &str) -> IdValue {
    let lab = negotiated(commands, "");
    assert_eq!(lab.agreed(), 1, "{commands}");
    let sa = lab.ends[0].sa();
    let keys = sa.keys.as_ref().expect("keys");
    let iv = keys.first_iv(&sa.public_i, &sa.public_r);
    let (text, _) = sa
        .unsealed(&iv, &lab.seen[4].message[28..])
        .expect("whole blocks");
    let len = usize::from(u16::from_be_bytes([text[2], text[3]]));
    Id::parse(&text[4..len]).expect("an identity").value
}

#[test]
fn the_box_calls_itself_what_its_commands_say() {
    let names = "hostname gate\ndomain-name example.org\n";
    let name = "crypto isakmp identity hostname";
    for (commands, expected) in [
        (String::new(), IdValue::Address(A)),
        (
            "crypto isakmp identity address".to_owned(),
            IdValue::Address(A),
        ),
        (
            format!("{name}\ncrypto isakmp identity auto"),
            IdValue::Address(A),
        ),
        (
            format!("{names}{name}"),
            IdValue::Fqdn("gate.example.org".to_owned()),
        ),
        (
            format!("{names}{name}\nno domain-name"),
            IdValue::Fqdn("gate".to_owned()),
        ),
        (
            format!("{names}{name}\nno hostname"),
            IdValue::Fqdn("ciscoasa.example.org".to_owned()),
        ),
        (
            format!("{names}{name}\nno crypto isakmp identity"),
            IdValue::Address(A),
        ),
        (
            "crypto isakmp identity key-id k7".to_owned(),
            IdValue::KeyId(b"k7".to_vec()),
        ),
    ] {
        assert_eq!(identity(&commands), expected, "{commands}");
    }
}

#[test]
fn transform_sets_are_what_a_pair_is_made_of() {
    let ciphers = [
        ("esp-des", Encryption::Des),
        ("esp-3des", Encryption::TripleDes),
        ("esp-aes-192", Encryption::Aes192),
        ("esp-aes-256", Encryption::Aes256),
    ];
    for (word, encryption) in ciphers {
        let set = format!("crypto ipsec transform-set set1 {word} esp-sha-hmac");
        both_or_neither(&set, |lab| pair_of(lab).suite.encryption == encryption);
    }
    let hashes = [
        ("esp-md5-hmac", Hash::Md5),
        ("esp-sha256-hmac", Hash::Sha256),
        ("esp-sha384-hmac", Hash::Sha384),
        ("esp-sha512-hmac", Hash::Sha512),
    ];
    for (word, hash) in hashes {
        let set = format!("crypto ipsec transform-set set1 esp-aes {word}");
        both_or_neither(&set, |lab| pair_of(lab).suite.integrity == Some(hash));
    }
    let gcms = [
        ("esp-aes-gcm", Encryption::AesGcm128),
        ("esp-aes-gcm-192", Encryption::AesGcm192),
        ("esp-aes-gcm-256 esp-none", Encryption::AesGcm256),
    ];
    for (words, encryption) in gcms {
        let set = format!("crypto ipsec transform-set set1 {words}");
        let suite = EspSuite {
            encryption,
            integrity: None,
        };
        both_or_neither(&set, |lab| pair_of(lab).suite == suite);
    }
    // What protects nothing is not proposed.
    for words in ["esp-null esp-sha-hmac", "esp-aes esp-none"] {
        let set = format!("crypto ipsec transform-set set1 {words}");
        assert_eq!(negotiated(&set, &set).agreed(), 0, "{words}");
    }
}

#[test]
fn the_sets_of_an_entry_are_preferred_in_their_order() {
    for (order, encryption) in [("a b", Encryption::Aes256), ("b a", Encryption::Aes192)] {
        let sets = format!(
            "crypto ipsec transform-set a esp-aes-256 esp-sha-hmac\n\
             crypto ipsec transform-set b esp-aes-192 esp-sha-hmac\n\
             crypto map map1 5 set transform-set {order}"
        );
        let lab = negotiated(&sets, &sets);
        assert_eq!(pair_of(&lab).suite.encryption, encryption, "{order}");
    }
}

#[test]
fn an_entry_with_pfs_takes_no_pair_without_its_group() {
    let set = "crypto map map1 5 set pfs";
    for (word, other) in [
        ("", " group5"),
        (" group1", ""),
        (" group2", " group5"),
        (" group5", " group2"),
        (" group14", " group5"),
        (" group15", " group5"),
        (" group16", " group5"),
    ] {
        let (this, other) = (format!("{set}{word}"), format!("{set}{other}"));
        assert_eq!(negotiated(&this, &this).agreed(), 1, "{this}");
        assert_eq!(negotiated("", &this).agreed(), 0, "{this} is wanted there");
        assert_eq!(
            negotiated(&other, &this).agreed(),
            0,
            "{this} is not {other}"
        );
        let unset = format!("{this}\nno {set}");
        assert_eq!(negotiated("", &unset).agreed(), 1, "{unset}");
    }
}

#[test]
fn a_pair_lives_as_long_as_its_entry_or_the_box_says() {
    let all = "crypto ipsec security-association lifetime";
    let own = "crypto map map1 5 set security-association lifetime";
    for (commands, seconds, kilobytes) in [
        (String::new(), 28_800, 4_608_000),
        (format!("{all} seconds 600 kilobytes 5000"), 600, 5_000),
        (
            format!("{all} seconds 600\nno {all} seconds"),
            28_800,
            4_608_000,
        ),
        (
            format!("{all} kilobytes 5000\nno {all} kilobytes"),
            28_800,
            4_608_000,
        ),
        (
            format!("{all} seconds 600\n{own} seconds 900"),
            900,
            4_608_000,
        ),
        (
            format!("{all} kilobytes 5000\n{own} kilobytes 6000"),
            28_800,
            6_000,
        ),
        (
            format!("{all} seconds 600\n{own} seconds 900\nno {own} seconds"),
            600,
            4_608_000,
        ),
    ] {
        let lab = negotiated(&commands, "");
        let pair = pair_of(&lab);
        let found = (pair.lifetime_s, pair.lifetime_kb);
        assert_eq!(found, (seconds, Some(kilobytes)), "{commands}");
    }
    let mut lab = negotiated(&format!("{all} seconds 600"), "");
    let first = pair_of(&lab).inbound_spi;
    lab.quiet(700_000);
    assert!(lab.agreed() >= 1 && !lab.ends[1].children.contains_key(&first));
}

/// After how many seconds a peer that has gone silent is given up.
fn given_up_after_s(commands: &str) -> Option<u64> {
    let group = format!("tunnel-group {B} ipsec-attributes\n {commands}");
    let mut lab = lab_seen_as(A, &group, "");
    begin(&mut lab);
    let begun = lab.now;
    lab.quiet(1_000);
    assert_eq!(lab.agreed(), 1);
    lab.loss_percent = 100;
    (0..1_000).find_map(|_| {
        lab.quiet(100);
        let over = !lab.ends[0].downs.is_empty();
        over.then(|| (lab.now.since_ms(begun) + 500) / 1_000)
    })
}

#[test]
fn a_silent_peer_is_probed_as_its_group_says() {
    // Silence, then three probes.
    for (commands, seconds) in [
        ("no isakmp keepalive", Some(10 + 3 * 2)),
        ("isakmp keepalive threshold 30 retry 3", Some(30 + 3 * 3)),
        ("isakmp keepalive threshold 20", Some(20 + 3 * 2)),
        ("isakmp keepalive retry 5", Some(10 + 3 * 5)),
        ("isakmp keepalive disable", None),
        (
            "isakmp keepalive disable\n no isakmp keepalive disable",
            Some(10 + 3 * 2),
        ),
    ] {
        assert_eq!(given_up_after_s(commands), seconds, "{commands}");
    }
}

#[test]
fn translation_is_crossed_in_udp_if_it_shall_be() {
    let mapped = Ipv4Addr::new(198, 51, 100, 1);
    for (commands, interval_ms) in [
        ("", Some(20_000)),
        ("crypto isakmp nat-traversal", Some(20_000)),
        ("crypto isakmp nat-traversal 10", Some(10_000)),
        ("no crypto isakmp nat-traversal", None),
    ] {
        let mut lab = lab_seen_as(mapped, commands, "");
        begin(&mut lab);
        through_nat(&mut lab, mapped, None);
        let pairs = &lab.ends[0].children;
        let in_udp = pairs.values().any(|pair| pair.encapsulation.is_some());
        assert_eq!(in_udp, interval_ms.is_some(), "{commands}");
        for _ in 0..61 {
            through_nat(&mut lab, mapped, None);
        }
        let sent = &lab.ends[0].keepalives;
        let waits = sent.windows(2).map(|pair| pair[1].since_ms(pair[0]));
        let waits: Vec<u64> = waits.collect();
        assert_eq!(waits.is_empty(), interval_ms.is_none(), "{commands}");
        assert!(
            waits.iter().all(|wait| Some(*wait) == interval_ms),
            "{commands}: {waits:?}"
        );
    }
}
