//! What was dropped, torn down, sent to the control loop.

use std::collections::BTreeMap;

use fastpath::verdict::PuntClass;
use serde_json::json;

use super::{Answer, Context};
use crate::stats::view::asp_drop::reasons;

/// Names of the punt classes, in their order.
pub const PUNT_NAMES: [&str; PuntClass::COUNT] = ["ike", "arp", "icmp", "neighbour", "other"];

pub(super) fn frames(context: &mut Context<'_>, _: &str) -> Answer {
    let totals = context.reading.totals();
    let drops: BTreeMap<&str, u64> = reasons()
        .map(|reason| (reason.key(), totals.drops_of(reason)))
        .collect();
    Answer::Value(json!(drops))
}

pub(super) fn flows(context: &mut Context<'_>, _: &str) -> Answer {
    let published = context.published();
    let flows = published.map(|it| it.flow_drops.iter().copied().collect::<BTreeMap<_, _>>());
    flows.map(|flows| json!(flows)).into()
}

pub(super) fn punts(context: &mut Context<'_>, _: &str) -> Answer {
    let punted = context.reading.totals().punted;
    let punts: BTreeMap<&str, u64> = PUNT_NAMES.into_iter().zip(punted).collect();
    Answer::Value(json!(punts))
}
