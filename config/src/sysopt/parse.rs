//! Effects of `sysopt`.

use crate::Sysopt;
use crate::edit::{Edit, Refusal, room};
use crate::grammar::args::Args;
use crate::limits;

pub(super) fn timewait(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.sysopt.timewait = !args.negated;
    Ok(())
}

pub(super) fn tcpmss(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.sysopt.tcpmss = if args.negated {
        Sysopt::default().tcpmss
    } else {
        args.short("bytes")?
    };
    Ok(())
}

pub(super) fn tcpmss_minimum(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.sysopt.tcpmss_minimum = if args.negated {
        Sysopt::default().tcpmss_minimum
    } else {
        args.short("bytes")?
    };
    Ok(())
}

pub(super) fn permit_vpn(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.sysopt.permit_vpn = !args.negated;
    Ok(())
}

pub(super) fn reclassify_vpn(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.sysopt.reclassify_vpn = !args.negated;
    Ok(())
}

/// `no ... immediate` leaves the option itself on.
pub(super) fn preserve_vpn_flows(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let sysopt = &mut edit.config.sysopt;
    let immediate = args.has("immediate");
    sysopt.preserve_immediate = immediate && !args.negated;
    if !(args.negated && immediate) {
        sysopt.preserve_vpn_flows = !args.negated;
    }
    Ok(())
}

pub(super) fn nodnsalias(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let sysopt = &mut edit.config.sysopt;
    let option = match args.number("direction")? {
        0 => &mut sysopt.nodnsalias_inbound,
        _ => &mut sysopt.nodnsalias_outbound,
    };
    *option = !args.negated;
    Ok(())
}

pub(super) fn radius_ignore_secret(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.sysopt.radius_ignore_secret = !args.negated;
    Ok(())
}

pub(super) fn noproxyarp(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let nameif = args.text("nameif")?;
    let names = &mut edit.config.sysopt.noproxyarp;
    if args.negated {
        names.retain(|other| other != nameif);
    } else if !names.iter().any(|other| other == nameif) {
        room(names.len(), limits::INTERFACES, args.span, "interfaces")?;
        names.push(nameif.to_owned());
    }
    Ok(())
}
