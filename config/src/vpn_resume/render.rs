//! `vpn-resume` as text.

use crate::render::Sink;
use crate::{Config, ResumePace, VpnResume};

/// Writes the family.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    let (set, default) = (&config.vpn_resume, VpnResume::default());
    if *set == VpnResume::OFF {
        out.line("no vpn-resume");
        return;
    }
    if set.hold_memory_mb != default.hold_memory_mb || out.all() {
        match set.hold_memory_mb {
            Some(megabytes) => out.line(format!("vpn-resume hold memory-mb {megabytes}")),
            None => out.line("no vpn-resume hold"),
        }
    }
    out.flag(
        set.unreachable,
        default.unreachable,
        "vpn-resume unreachable",
    );
    if set.pace != default.pace || out.all() {
        out.line(pace(&set.pace));
    }
    match set.probe {
        Some(probe) => out.line(format!(
            "vpn-resume probe idle {} interval {} retries {}",
            probe.idle_s, probe.interval_s, probe.retries
        )),
        None if out.all() => out.line("no vpn-resume probe"),
        None => {}
    }
    if set.detect_ms != default.detect_ms || out.all() {
        match set.detect_ms {
            Some(ms) => out.line(format!("vpn-resume detect milliseconds {ms}")),
            None => out.line("no vpn-resume detect"),
        }
    }
}

fn pace(pace: &ResumePace) -> String {
    let initial = pace
        .initial_pps
        .map_or_else(String::new, |pps| format!(" initial-pps {pps}"));
    format!("vpn-resume pace{initial} minimum-pps {}", pace.minimum_pps)
}
