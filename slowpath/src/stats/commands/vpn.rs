//! Tunnels, contexts, SAs.

use serde_json::{Value, json};

use super::{Answer, Context, Page, cursor};
use crate::stats::published::{Published, TunnelStats};
use crate::stats::view::ipsec_sa::EspSa;
use crate::stats::view::vpn_context::ContextState;

pub(super) fn summary(context: &mut Context<'_>, _: &str) -> Answer {
    context
        .published()
        .map(|published| {
            let sum =
                |field: fn(&TunnelStats) -> u64| published.tunnels.iter().map(field).sum::<u64>();
            let in_state = |state| move |it: &TunnelStats| u64::from(it.state == state);
            let count = |state| published.tunnels.iter().map(in_state(state)).sum::<u64>();
            json!({
                "tunnels": published.tunnels.len(),
                "up": count(ContextState::Up),
                "pending": count(ContextState::Pending),
                "down": count(ContextState::Down),
                "deleting": count(ContextState::Deleting),
                "ike_sas": published.ike_sas.len(),
                "inbound_sas": sum(|it| it.inbound.len() as u64),
                "outbound_sas": sum(|it| it.outbound.len() as u64),
                "packets_in": sum(|it| it.packets_in),
                "bytes_in": sum(|it| it.bytes_in),
                "packets_out": sum(|it| it.packets_out),
                "bytes_out": sum(|it| it.bytes_out),
                "replayed": sum(|it| it.replayed),
                "not_authentic": sum(|it| it.not_authentic),
                "bounces": published.bounces_made,
            })
        })
        .into()
}

/// A page of something that each tunnel has.
fn paged<T: serde::Serialize>(
    context: &Context<'_>,
    parameters: &str,
    of: impl Fn(&TunnelStats) -> Vec<T>,
) -> Answer {
    let published = context.published();
    let page =
        |published: &Published, cursor| Page::of(published.tunnels.iter().flat_map(&of), cursor);
    published
        .zip(cursor(parameters))
        .map(|(published, cursor)| page(&published, cursor))
        .into()
}

pub(super) fn tunnels(context: &mut Context<'_>, parameters: &str) -> Answer {
    paged(context, parameters, |tunnel| vec![tunnel.clone()])
}

pub(super) fn contexts(context: &mut Context<'_>, parameters: &str) -> Answer {
    paged(context, parameters, |tunnel| tunnel.contexts.clone())
}

pub(super) fn sas(context: &mut Context<'_>, parameters: &str) -> Answer {
    let row = |tunnel: &TunnelStats, sa: &EspSa, direction| {
        let mut row: Value = super::value(sa).unwrap_or_default();
        if let Value::Object(fields) = &mut row {
            fields.insert("tunnel".to_owned(), json!(tunnel.tunnel));
            fields.insert("peer".to_owned(), json!(tunnel.peer));
            fields.insert("direction".to_owned(), json!(direction));
        }
        row
    };
    paged(context, parameters, |tunnel| {
        let inbound = tunnel.inbound.iter().map(|sa| row(tunnel, sa, "inbound"));
        let outbound = tunnel.outbound.iter().map(|sa| row(tunnel, sa, "outbound"));
        inbound.chain(outbound).collect()
    })
}

pub(super) fn bounces(context: &mut Context<'_>, parameters: &str) -> Answer {
    let published = context.published();
    published
        .zip(cursor(parameters))
        .map(|(published, cursor)| Page::of(&published.bounces, cursor))
        .into()
}

pub(super) fn ike_sas(context: &mut Context<'_>, parameters: &str) -> Answer {
    let published = context.published();
    published
        .zip(cursor(parameters))
        .map(|(published, cursor)| Page::of(&published.ike_sas, cursor))
        .into()
}
