//! Logs and traps.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{distinct, maybe, name, unicast};
use crate::{
    DeviceId, LogClass, LogFilter, LogList, LogMessage, LogRateLimit, LogRule, LogTransport,
    Logging, LoggingHost, RateLimited, Secret, Snmp, SnmpHost, SnmpTraps, Timestamp,
};

/// A name that no severity begins with.
fn list_name() -> impl Strategy<Value = String> + Clone {
    "[x-z][a-zA-Z0-9_.-]{0,5}"
}

fn id() -> impl Strategy<Value = u32> + Clone {
    100_000_u32..=999_999
}

fn filter() -> impl Strategy<Value = Option<LogFilter>> {
    maybe(prop_oneof![
        (0_u8..8).prop_map(LogFilter::Level),
        list_name().prop_map(LogFilter::List),
    ])
}

fn host() -> impl Strategy<Value = LoggingHost> {
    let transport = select(vec![LogTransport::Udp, LogTransport::Tcp]);
    (name(), unicast(), transport, 1_u16..).prop_map(|(nameif, address, transport, port)| {
        LoggingHost {
            nameif,
            address,
            transport,
            port,
        }
    })
}

fn list() -> impl Strategy<Value = LogList> {
    let class = select(vec!["session", "vpn", "config", "sys"]);
    let rule = prop_oneof![
        (0_u8..8, maybe(class)).prop_map(|(level, class)| LogRule::Level {
            level,
            class: class.and_then(LogClass::named),
        }),
        (id(), 0_u32..1000).prop_map(|(first, more)| LogRule::Messages {
            first,
            last: (first + more).min(999_999),
        }),
    ];
    (list_name(), vec(rule, 1..4)).prop_map(|(name, rules)| LogList {
        name,
        rules: distinct(rules, Clone::clone),
    })
}

fn device_id() -> impl Strategy<Value = DeviceId> {
    prop_oneof![
        Just(DeviceId::Hostname),
        name().prop_map(DeviceId::Address),
        name().prop_map(DeviceId::Text),
        Just(DeviceId::Context),
    ]
}

fn rate_limit() -> impl Strategy<Value = LogRateLimit> {
    let rate = || (1_u32..0x8000_0000, 1_u32..0x8000_0000);
    prop_oneof![
        (0_u8..8, rate()).prop_map(|(level, rate)| (RateLimited::Level(level), Some(rate))),
        (id(), maybe(rate())).prop_map(|(id, rate)| (RateLimited::Message(id), rate)),
    ]
    .prop_map(|(of, limit)| LogRateLimit { of, limit })
}

fn messages() -> impl Strategy<Value = Vec<LogMessage>> {
    let message = (id(), any::<bool>(), maybe(0_u8..8));
    let message = message.prop_map(|(id, enabled, level)| LogMessage { id, enabled, level });
    vec(message, 0..4).prop_map(|mut messages| {
        messages.retain(|message| !message.enabled || message.level.is_some());
        messages.sort_by_key(|message| message.id);
        messages.dedup_by_key(|message| message.id);
        messages
    })
}

pub(super) fn logging() -> impl Strategy<Value = Logging> {
    let stamps = vec![Timestamp::Off, Timestamp::Asa, Timestamp::Rfc5424];
    let destinations = (
        filter(),
        filter(),
        maybe(4096_u32..=1_048_576),
        filter(),
        vec(host(), 0..3),
        any::<bool>(),
        maybe((name(), filter())),
    );
    let details = (
        vec(list(), 0..3),
        16_u8..=23,
        maybe(device_id()),
        vec(rate_limit(), 0..4),
        0_u16..=8192,
        messages(),
    );
    (any::<bool>(), select(stamps), destinations, details).prop_map(
        |(enabled, timestamp, destinations, details)| {
            let (console, buffered, buffer_size_bytes, trap, hosts, permit_hostdown, file) =
                destinations;
            let (lists, facility, device_id, rate_limits, queue, messages) = details;
            Logging {
                enabled,
                timestamp,
                console,
                buffered,
                buffer_size_bytes,
                trap,
                hosts: distinct(hosts, |host| (host.nameif.clone(), host.address)),
                permit_hostdown,
                file: file.and_then(|(path, filter)| Some((path, filter?))),
                lists: distinct(lists, |list| list.name.clone()),
                facility,
                device_id,
                rate_limits: distinct(rate_limits, |limit| limit.of),
                queue,
                messages,
            }
        },
    )
}

fn community() -> impl Strategy<Value = Option<Secret>> {
    maybe("[!-~]{1,32}".prop_map(Secret::new))
}

pub(super) fn snmp() -> impl Strategy<Value = Snmp> {
    let host = (name(), unicast(), community(), 1_u16..);
    let host = host.prop_map(|(nameif, address, community, port)| SnmpHost {
        nameif,
        address,
        community,
        port,
    });
    (vec(host, 0..3), community(), any::<[bool; 6]>()).prop_map(|(hosts, community, on)| Snmp {
        hosts: distinct(hosts, |host| (host.nameif.clone(), host.address)),
        community,
        traps: SnmpTraps {
            authentication: on[0],
            link_up: on[1],
            link_down: on[2],
            cold_start: on[3],
            ipsec_start: on[4],
            ipsec_stop: on[5],
        },
    })
}
