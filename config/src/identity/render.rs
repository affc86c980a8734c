//! `hostname` and `domain-name` as text.

use crate::Config;
use crate::render::Sink;

/// Writes the family; the host name always, as an ASA does.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    out.line(format!("hostname {}", config.identity.hostname));
    if let Some(domain) = &config.identity.domain_name {
        out.line(format!("domain-name {domain}"));
    }
}
