//! `access-group`s as text.

use crate::Config;
use crate::render::Sink;

/// Writes the family.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    for group in &config.access_groups {
        let direction = if group.inbound { "in" } else { "out" };
        let (acl, nameif) = (&group.access_list, &group.nameif);
        out.line(format!("access-group {acl} {direction} interface {nameif}"));
    }
}
