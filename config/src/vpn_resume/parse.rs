//! Effects of `vpn-resume`.

use crate::edit::{Edit, Refusal};
use crate::grammar::args::Args;
use crate::{ResumePace, ResumeProbe, VpnResume};

pub(super) fn all(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.vpn_resume = if args.negated {
        VpnResume::OFF
    } else {
        VpnResume::default()
    };
    Ok(())
}

pub(super) fn hold(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.vpn_resume.hold_memory_mb = if args.negated {
        None
    } else if args.has("megabytes") {
        Some(args.short("megabytes")?)
    } else {
        VpnResume::default().hold_memory_mb
    };
    Ok(())
}

pub(super) fn unreachable(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.vpn_resume.unreachable = !args.negated;
    Ok(())
}

/// A rate that the line does not name gets its default.
pub(super) fn pace(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    args.each_once()?;
    let default = ResumePace::default();
    edit.config.vpn_resume.pace = ResumePace {
        initial_pps: args.find_number("initial"),
        minimum_pps: args.find_number("minimum").unwrap_or(default.minimum_pps),
    };
    Ok(())
}

pub(super) fn probe(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.vpn_resume.probe = if args.negated {
        None
    } else {
        let retries = args.number("retry count")?;
        Some(ResumeProbe {
            idle_s: args.short("idle time")?,
            interval_s: args.short("interval time")?,
            retries: u8::try_from(retries).map_err(|_| Refusal::Incomplete)?,
        })
    };
    Ok(())
}

pub(super) fn detect(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.vpn_resume.detect_ms = if args.negated {
        None
    } else if args.has("silence") {
        Some(args.short("silence")?)
    } else {
        VpnResume::default().detect_ms
    };
    Ok(())
}
