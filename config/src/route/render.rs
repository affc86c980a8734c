//! `route`s as text.

use crate::Config;
use crate::render::Sink;

/// Writes the family; the metric always, as an ASA does.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    for route in &config.routes {
        let (nameif, net, gateway) = (&route.nameif, route.net, route.gateway);
        out.line(format!("route {nameif} {net} {gateway} {}", route.metric));
    }
}
