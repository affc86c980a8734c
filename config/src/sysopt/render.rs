//! `sysopt` as text.

use crate::render::Sink;
use crate::{Config, Sysopt};

/// Writes the family.
///
/// With defaults, `no sysopt noproxyarp NAMEIF` stands for the interfaces for which an ASA would
/// answer ARP in the place of others: those that have a `global` or a crypto map.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    let (set, default) = (&config.sysopt, Sysopt::default());
    out.flag(set.timewait, default.timewait, "sysopt connection timewait");
    if set.tcpmss != default.tcpmss || out.all() {
        out.line(format!("sysopt connection tcpmss {}", set.tcpmss));
    }
    if set.tcpmss_minimum != default.tcpmss_minimum || out.all() {
        out.line(format!(
            "sysopt connection tcpmss minimum {}",
            set.tcpmss_minimum
        ));
    }
    out.flag(
        set.permit_vpn,
        default.permit_vpn,
        "sysopt connection permit-vpn",
    );
    let reclassify = "sysopt connection reclassify-vpn";
    out.flag(set.reclassify_vpn, default.reclassify_vpn, reclassify);
    let preserve = if set.preserve_immediate {
        "sysopt connection preserve-vpn-flows immediate"
    } else {
        "sysopt connection preserve-vpn-flows"
    };
    out.flag(set.preserve_vpn_flows, default.preserve_vpn_flows, preserve);
    out.flag(set.nodnsalias_inbound, false, "sysopt nodnsalias inbound");
    out.flag(set.nodnsalias_outbound, false, "sysopt nodnsalias outbound");
    out.flag(
        set.radius_ignore_secret,
        false,
        "sysopt radius ignore-secret",
    );
    for nameif in &set.noproxyarp {
        out.line(format!("sysopt noproxyarp {nameif}"));
    }
    if out.all() {
        for nameif in answering(config) {
            out.line(format!("no sysopt noproxyarp {nameif}"));
        }
    }
}

fn answering(config: &Config) -> Vec<&str> {
    let named = config.interfaces.iter().filter_map(|i| i.nameif.as_deref());
    let concerned = |nameif: &&str| {
        let global = config.globals.iter().any(|global| global.nameif == *nameif);
        let map = config
            .crypto_maps
            .iter()
            .filter_map(|map| map.interface.as_deref());
        let silent = config.sysopt.noproxyarp.iter().any(|other| other == nameif);
        (global || map.into_iter().any(|other| other == *nameif)) && !silent
    };
    named.filter(concerned).collect()
}
