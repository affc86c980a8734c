//! `timeout` as text.

use super::KEPT_TIMERS;
use crate::Config;
use crate::grammar::kind::show_duration;
use crate::render::Sink;

/// The kept timers that share a line.
const KEPT_LINES: [&[&str]; 4] = [
    &["sunrpc", "h323", "h225", "mgcp", "mgcp-pat"],
    &["sip", "sip_media", "sip-invite", "sip-disconnect"],
    &["sip-provisional-media", "uauth"],
    &["tcp-proxy-reassembly"],
];

/// Writes every timer always, grouped as an ASA does.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    let timeouts = &config.timeouts;
    out.line(format!("timeout xlate {}", show_duration(timeouts.xlate_s)));
    out.line(format!(
        "timeout conn {} half-closed {} udp {} icmp {}",
        show_duration(timeouts.conn_s),
        show_duration(timeouts.half_closed_s),
        show_duration(timeouts.udp_s),
        show_duration(timeouts.icmp_s)
    ));
    for names in KEPT_LINES {
        let mut line = String::from("timeout");
        for name in names {
            line.push(' ');
            line.push_str(name);
            line.push(' ');
            line.push_str(&show_duration(kept_s(config, name)));
        }
        if names.last() == Some(&"uauth") {
            let absolute = timeouts.uauth_absolute;
            line.push_str(if absolute { " absolute" } else { " inactivity" });
        }
        out.line(line);
    }
}

fn kept_s(config: &Config, name: &str) -> u32 {
    let set = config.timeouts.kept.iter().find(|(other, _)| other == name);
    let default = KEPT_TIMERS.iter().find(|timer| timer.name == name);
    let default_s = default.map_or(0, |timer| timer.default_s);
    set.map_or(default_s, |(_, seconds)| *seconds)
}
