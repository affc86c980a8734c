//! The box itself.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{address, contiguous_mask, distinct, maybe, name, some_of, typed, unicast};
use crate::timeout::KEPT_TIMERS;
use crate::{AddressName, Identity, Interface, KeptCommand, Sysopt, Timeouts};
use crate::{ResumePace, ResumeProbe, VpnResume};

pub(super) fn identity() -> impl Strategy<Value = Identity> {
    let label = "[a-zA-Z0-9]([a-zA-Z0-9-]{0,8}[a-zA-Z0-9])?";
    (label, maybe("[a-z0-9]{1,5}(\\.[a-z0-9]{1,5}){0,3}")).prop_map(|(hostname, domain_name)| {
        Identity {
            hostname,
            domain_name,
        }
    })
}

pub(super) fn interfaces() -> impl Strategy<Value = Vec<Interface>> {
    let interface = (
        prop_oneof![
            (0_u8..8).prop_map(|n| format!("Ethernet0/{n}")),
            (any::<u8>(), any::<u8>()).prop_map(|(a, b)| format!("GigabitEthernet{a}/{b}")),
            Just("Management0/0".to_owned()),
        ],
        maybe(name()),
        maybe(0_u8..=100),
        maybe((unicast(), contiguous_mask(1))),
        any::<bool>(),
        maybe(name()),
        some_of(&[
            "speed 100",
            "description to  the ! world",
            "management-only",
            "duplex full",
        ]),
    );
    let interface = interface.prop_map(
        |(hardware, nameif, security_level, address, shutdown, device, kept)| Interface {
            hardware,
            nameif,
            security_level,
            address,
            shutdown,
            device,
            kept: kept.into_iter().map(str::to_owned).collect(),
        },
    );
    vec(interface, 0..5).prop_map(|interfaces| {
        let mut interfaces = distinct(interfaces, |i| i.hardware.clone());
        for at in 1..interfaces.len() {
            let (before, rest) = interfaces.split_at_mut(at);
            if before.iter().any(|other| other.nameif == rest[0].nameif) {
                rest[0].nameif = None;
            }
            if before.iter().any(|other| other.device == rest[0].device) {
                rest[0].device = None;
            }
        }
        interfaces
    })
}

pub(super) fn timeouts() -> impl Strategy<Value = Timeouts> {
    let max = 1193 * 3600;
    let never_or = |least: u32| prop_oneof![Just(0), least..=max];
    let kept = vec(maybe(never_or(1)), KEPT_TIMERS.len());
    let acted = (60..=max, never_or(300), never_or(30), 60..=max, 2..=max);
    (acted, kept, any::<bool>()).prop_map(|(acted, kept, uauth_absolute)| {
        let timers = KEPT_TIMERS.iter().zip(kept);
        let set = timers.filter_map(|(timer, seconds)| {
            let seconds = seconds.filter(|seconds| *seconds != timer.default_s)?;
            Some((timer.name.to_owned(), seconds))
        });
        Timeouts {
            xlate_s: acted.0,
            conn_s: acted.1,
            half_closed_s: acted.2,
            udp_s: acted.3,
            icmp_s: acted.4,
            kept: set.collect(),
            uauth_absolute,
        }
    })
}

pub(super) fn sysopt() -> impl Strategy<Value = Sysopt> {
    let mss = || prop_oneof![Just(0_u16), 48..=u16::MAX];
    (mss(), mss(), any::<[bool; 8]>(), vec(name(), 0..3)).prop_map(
        |(tcpmss, tcpmss_minimum, flags, noproxyarp)| Sysopt {
            timewait: flags[0],
            tcpmss,
            tcpmss_minimum,
            permit_vpn: flags[1],
            reclassify_vpn: flags[2],
            preserve_vpn_flows: flags[3],
            preserve_immediate: flags[3] && flags[4],
            nodnsalias_inbound: flags[5],
            nodnsalias_outbound: flags[6],
            radius_ignore_secret: flags[7],
            noproxyarp: distinct(noproxyarp, Clone::clone),
        },
    )
}

pub(super) fn vpn_resume() -> impl Strategy<Value = VpnResume> {
    let seconds = || 1_u16..=3600;
    let pps = || 1_u32..=10_000_000;
    (
        maybe(1_u16..=4096),
        any::<bool>(),
        (maybe(pps()), pps()),
        maybe((seconds(), seconds(), 1_u8..)),
        maybe(100_u16..=60_000),
    )
        .prop_map(
            |(hold_memory_mb, unreachable, pace, probe, detect_ms)| VpnResume {
                hold_memory_mb,
                unreachable,
                pace: ResumePace {
                    initial_pps: pace.0,
                    minimum_pps: pace.1,
                },
                probe: probe.map(|(idle_s, interval_s, retries)| ResumeProbe {
                    idle_s,
                    interval_s,
                    retries,
                }),
                detect_ms,
            },
        )
}

/// Kept commands as typing them makes them.
pub(super) fn kept() -> impl Strategy<Value = Vec<KeptCommand>> {
    let lines = some_of(&[
        "enable password hunter2 encrypted",
        "passwd *",
        "banner motd   * hello !",
        "no failover",
        "http 10.0.0.0 255.0.0.0 inside",
        "http server enable 8443",
        "snmp-server enable traps entity config-change",
        "snmp-server location under the stairs",
        "logging standby",
        "telnet timeout 5",
        "class-map c",
        "match any",
        "policy-map type inspect dns d",
        "parameters",
        "message-length maximum 512",
        "policy-map p",
        "class c",
        "inspect ftp",
        "exit",
        "class d",
        "inspect sip",
        "prompt hostname state",
    ]);
    lines.prop_map(|lines| {
        // Lines of a block that is not open are no commands here.
        let inner = [
            "match any",
            "message-length maximum 512",
            "inspect ftp",
            "inspect sip",
        ];
        let mut open: &[&str] = &[];
        let mut taken = Vec::new();
        for line in lines {
            match line {
                "class-map c" => open = &["match any"],
                "policy-map type inspect dns d" | "policy-map p" => open = &["class", "parameters"],
                "parameters" if open.contains(&"parameters") => {
                    open = &["message-length maximum 512", "parameters", "class"];
                }
                "class c" | "class d" if open.contains(&"class") => {
                    open = &["inspect ftp", "inspect sip", "class", "parameters"];
                }
                "parameters" | "class c" | "class d" | "exit" => continue,
                _ if inner.contains(&line) && !open.contains(&line) => continue,
                _ => {}
            }
            taken.push(line);
        }
        typed(&taken).kept
    })
}

pub(super) fn address_name() -> impl Strategy<Value = AddressName> {
    let description = proptest::option::of("[!-~]([ -~]{0,20}[!-~])?");
    (address(), "[a-zA-Z][a-zA-Z0-9_.-]{0,8}", description).prop_map(
        |(address, name, description)| AddressName {
            address,
            name,
            description,
        },
    )
}
