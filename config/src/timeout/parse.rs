//! Effect of `timeout`.

use super::KEPT_TIMERS;
use crate::Timeouts;
use crate::edit::{Edit, Refusal};
use crate::grammar::args::Args;

pub(super) fn timeout(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    args.each_once()?;
    let timeouts = &mut edit.config.timeouts;
    if args.negated {
        *timeouts = Timeouts::default();
        return Ok(());
    }
    let acted = [
        ("xlate time", &mut timeouts.xlate_s),
        ("conn time", &mut timeouts.conn_s),
        ("half-closed time", &mut timeouts.half_closed_s),
        ("udp time", &mut timeouts.udp_s),
        ("icmp time", &mut timeouts.icmp_s),
    ];
    for (name, seconds) in acted {
        if let Some(set) = args.find_number(name) {
            *seconds = set;
        }
    }
    for timer in KEPT_TIMERS {
        if let Some(seconds) = args.find_number(&format!("{} time", timer.name)) {
            set_kept(timeouts, timer.name, seconds);
        }
    }
    if args.has("uauth") {
        timeouts.uauth_absolute = !args.has("inactivity");
    }
    Ok(())
}

/// Keeps what is not at its default, in the order of the table.
fn set_kept(timeouts: &mut Timeouts, name: &str, seconds: u32) {
    timeouts.kept.retain(|(other, _)| other != name);
    timeouts.kept.push((name.to_owned(), seconds));
    let rank = |name: &str| KEPT_TIMERS.iter().position(|timer| timer.name == name);
    let default = |name: &str| KEPT_TIMERS.iter().find(|timer| timer.name == name);
    timeouts
        .kept
        .retain(|(name, seconds)| default(name).is_some_and(|timer| timer.default_s != *seconds));
    timeouts.kept.sort_by_key(|(name, _)| rank(name));
}
