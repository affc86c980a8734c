//! Generated configurations: every value that the language can say.

mod crypto;
mod logs;
mod system;
mod traffic;

use std::net::Ipv4Addr;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::{Config, Mode, apply_line};

/// A name of printable ASCII, most of it not a letter.
fn name() -> impl Strategy<Value = String> + Clone {
    "[!-~]{1,8}"
}

fn address() -> impl Strategy<Value = Ipv4Addr> + Clone {
    any::<u32>().prop_map(Ipv4Addr::from_bits)
}

/// An address that one host can have.
fn unicast() -> impl Strategy<Value = Ipv4Addr> + Clone {
    (1_u32..0xe000_0000).prop_map(Ipv4Addr::from_bits)
}

fn contiguous_mask(least: u32) -> impl Strategy<Value = Ipv4Addr> {
    (least..=32)
        .prop_map(|bits| Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - bits).unwrap_or_default()))
}

/// Takes out every value whose key was there before.
fn distinct<T, K: PartialEq>(values: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for value in values {
        if !kept.iter().any(|other| key(other) == key(&value)) {
            kept.push(value);
        }
    }
    kept
}

/// A part of `values`, in their order.
fn some_of(values: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    vec(any::<bool>(), values.len()).prop_map(move |chosen| {
        let values = values.iter().zip(chosen);
        values
            .filter_map(|(value, take)| take.then_some(*value))
            .collect()
    })
}

/// A legal configuration.
pub(crate) fn config() -> impl Strategy<Value = Config> {
    let system = (
        system::identity(),
        system::interfaces(),
        vec((name(), 64_u16..), 0..4),
        any::<bool>(),
        vec(system::address_name(), 0..4),
        system::timeouts(),
        (system::sysopt(), system::vpn_resume()),
        (any::<bool>(), any::<bool>()),
        (logs::logging(), logs::snmp()),
        system::kept(),
    );
    let traffic = (
        vec(traffic::access_list(), 0..4),
        vec(traffic::access_group(), 0..4),
        vec(traffic::route(), 0..4),
        vec(traffic::global(), 0..4),
        traffic::nats(),
    );
    let crypto = (
        crypto::isakmp(),
        crypto::ipsec(),
        crypto::maps(),
        vec(crypto::tunnel_group(), 0..4),
    );
    (system, traffic, crypto).prop_map(|(system, traffic, crypto)| {
        let (
            identity,
            interfaces,
            mtus,
            names_enabled,
            names,
            timeouts,
            (sysopt, vpn_resume),
            reset,
            (logging, snmp),
            kept,
        ) = system;
        let (access_lists, access_groups, routes, globals, nats) = traffic;
        let (isakmp, ipsec, crypto_maps, tunnel_groups) = crypto;
        let names = distinct(names, |it| it.address);
        Config {
            identity,
            interfaces,
            mtus: distinct(mtus, |(name, _)| name.clone()),
            names_enabled,
            names: distinct(names, |it| it.name.clone()),
            access_lists: distinct(access_lists, |list| list.name.clone()),
            access_groups: distinct(access_groups, |g| (g.inbound, g.nameif.clone())),
            routes: distinct(routes, |r| (r.nameif.clone(), r.net, r.gateway)),
            timeouts,
            globals: distinct(globals, Clone::clone),
            nats,
            sysopt,
            vpn_resume,
            service: crate::Service {
                reset_inbound: reset.0,
                reset_outside: reset.1,
            },
            isakmp,
            ipsec,
            crypto_maps,
            tunnel_groups: distinct(tunnel_groups, |group| group.name.clone()),
            logging,
            snmp,
            kept,
        }
    })
}

/// The configuration that typed lines make.
fn typed(lines: &[&str]) -> Config {
    let (mut config, mut mode) = (Config::default(), Mode::Global);
    for line in lines {
        apply_line(&mut config, &mut mode, line).unwrap();
    }
    config
}

fn maybe<T: std::fmt::Debug>(
    strategy: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    option::of(strategy)
}
