//! `global` and `nat` as text.

use crate::render::Sink;
use crate::{Config, GlobalPool, NatSource};

/// Writes the family.
pub(crate) fn render(config: &Config, out: &mut Sink) {
    for global in &config.globals {
        let pool = match global.pool {
            GlobalPool::Interface => "interface".to_owned(),
            GlobalPool::Address(address) => address.to_string(),
        };
        out.line(format!(
            "global ({}) {} {pool}",
            global.nameif, global.nat_id
        ));
    }
    for nat in &config.nats {
        let source = match &nat.source {
            NatSource::Net(net) => net.to_string(),
            NatSource::AccessList(name) => format!("access-list {name}"),
        };
        out.line(format!("nat ({}) {} {source}", nat.nameif, nat.nat_id));
    }
}
