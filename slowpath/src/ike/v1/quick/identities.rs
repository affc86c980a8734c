//! IDci and IDcr: which packets a pair is for (RFC 2409 section 5.5, RFC 2407 section 4.6.2).

use crate::ike::api::{Selectors, TunnelConfig};
use crate::ike::core::Core;
use crate::ike::error::IkeError;
use crate::ike::v1::phase1::Phase1;
use crate::ike::wire::id::Id;
use crate::ike::wire::{Chain, Writer, payload};

/// IDci and IDcr: ours is the initiator's when we are it.
pub(super) fn add(writer: &mut Writer, selectors: &Selectors, initiator: bool) {
    let ours = Id::of_net(selectors.local, selectors.protocol, selectors.local_port);
    let theirs = Id::of_net(selectors.remote, selectors.protocol, selectors.remote_port);
    let (first, second) = if initiator {
        (ours, theirs)
    } else {
        (theirs, ours)
    };
    writer.add(payload::ID, &first.emit());
    writer.add(payload::ID, &second.emit());
}

/// The client identities, as (initiator's, responder's).
fn both(chain: &Chain<'_>) -> Result<Option<(Id, Id)>, IkeError> {
    let mut ids = chain.all(payload::ID);
    match (ids.next(), ids.next(), ids.next()) {
        (None, None, None) => Ok(None),
        (Some(first), Some(second), None) => {
            Ok(Some((Id::parse(first.body)?, Id::parse(second.body)?)))
        }
        _ => Err(IkeError::InvalidMessage("number of identities")),
    }
}

/// The answer must name what was asked for.
pub(super) fn check(chain: &Chain<'_>, selectors: &Selectors) -> Result<(), IkeError> {
    let Some((ours, theirs)) = both(chain)? else {
        return Ok(());
    };
    let same = ours.net() == Some(selectors.local) && theirs.net() == Some(selectors.remote);
    if same {
        Ok(())
    } else {
        Err(IkeError::InvalidId)
    }
}

/// The first tunnel with this peer whose nets cover what it asks for.
pub(super) fn tunnel_of(
    core: &Core,
    sa: &Phase1,
    chain: &Chain<'_>,
) -> Result<(TunnelConfig, Selectors), IkeError> {
    let (theirs, ours) = both(chain)?.ok_or(IkeError::InvalidId)?;
    let (Some(remote), Some(local)) = (theirs.net(), ours.net()) else {
        return Err(IkeError::InvalidId);
    };
    let asked = Selectors {
        local,
        remote,
        protocol: theirs.protocol,
        local_port: ours.port,
        remote_port: theirs.port,
    };
    core.tunnels_with(sa.peer)
        .find(|tunnel| covers(&tunnel.selectors, &asked))
        .map(|tunnel| (tunnel.clone(), asked))
        .ok_or(IkeError::InvalidId)
}

fn covers(ours: &Selectors, asked: &Selectors) -> bool {
    let fits = |bound: u16, value: u16| bound == 0 || bound == value;
    ours.local.covers(&asked.local)
        && ours.remote.covers(&asked.remote)
        && (ours.protocol == 0 || ours.protocol == asked.protocol)
        && fits(ours.local_port, asked.local_port)
        && fits(ours.remote_port, asked.remote_port)
}
