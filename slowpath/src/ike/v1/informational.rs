//! The informational exchange (RFC 2409 section 5.7): deletes, notifications, dead peer detection
//! (RFC 3706). Only what is authenticated is acted on.

use super::dpd;
use super::hash;
use super::phase1::Phase1;
use crate::ike::api::EndReason;
use crate::ike::core::Core;
use crate::ike::error::{IkeError, notify};
use crate::ike::wire::control::{Delete, Notify};
use crate::ike::wire::sa::protocol;
use crate::ike::wire::{Chain, exchange, payload};
use crate::time::Time;

/// What a message asks of the engine beyond this SA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ike) struct Consequences {
    /// The peer deleted this phase-1 SA.
    pub(in crate::ike) deleted: bool,
    /// The peer knows of no older SA.
    pub(in crate::ike) initial_contact: bool,
    /// The peer refused a quick mode.
    pub(in crate::ike) refused: bool,
    /// The one with this SPI of ours; any when it names none.
    pub(in crate::ike) refused_spi: Option<u32>,
    /// The message was not sent before. Nothing but the numbers of dead peer detection shows that:
    /// hash and IV of a recorded one are right as long as the SA lives.
    pub(in crate::ike) fresh: bool,
    /// The peer could not read a message of ours.
    pub(in crate::ike) unread: bool,
}

/// Takes an informational message.
pub(in crate::ike) fn message(
    core: &mut Core,
    now: Time,
    sa: &mut Phase1,
    message_id: u32,
    next: u8,
    body: &[u8],
) -> Result<Consequences, IkeError> {
    let keys = sa
        .keys
        .as_ref()
        .ok_or(IkeError::InvalidMessage("informational before keys"))?;
    let iv = keys.exchange_iv(&sa.last_block, message_id);
    let (text, _) = sa.unsealed(&iv, body)?;
    let chain = Chain::parse(next, &text)?;
    hash::check(sa, &chain, message_id, &[])?;
    let mut consequences = Consequences::default();
    for payload in &chain.payloads {
        match payload.kind {
            payload::DELETE => delete(core, sa, &Delete::parse(payload.body)?, &mut consequences),
            payload::NOTIFY => {
                notified(
                    core,
                    now,
                    sa,
                    &Notify::parse(payload.body)?,
                    &mut consequences,
                )?;
            }
            _ => {}
        }
    }
    Ok(consequences)
}

/// Sends an informational message with one payload.
pub(in crate::ike) fn send(
    core: &mut Core,
    sa: &Phase1,
    kind: u8,
    body: &[u8],
) -> Result<(), IkeError> {
    let keys = sa.keys.as_ref().ok_or(IkeError::LocalPolicy("no keys"))?;
    let message_id = core.random_u32();
    let mut writer = hash::begin(sa)?;
    writer.add(kind, body);
    hash::finish(sa, &mut writer, message_id, &[])?;
    let mut iv = keys.exchange_iv(&sa.last_block, message_id);
    let message = sa.sealed(exchange::INFORMATIONAL, message_id, &mut iv, &writer)?;
    core.push(sa.send(message));
    Ok(())
}

/// Tells the peer that phase-2 SAs which it sends to are gone.
pub(in crate::ike) fn send_delete_child(core: &mut Core, sa: &Phase1, inbound_spi: u32) {
    let delete = Delete {
        protocol: protocol::ESP,
        spis: vec![inbound_spi.to_be_bytes().to_vec()],
    };
    // Without keys there is nobody to tell.
    let _ = send(core, sa, payload::DELETE, &delete.emit());
}

/// Tells the peer that this phase-1 SA is gone.
pub(in crate::ike) fn send_delete_self(core: &mut Core, sa: &Phase1) {
    let delete = Delete {
        protocol: protocol::ISAKMP,
        spis: vec![[sa.cookie_i, sa.cookie_r].concat()],
    };
    let _ = send(core, sa, payload::DELETE, &delete.emit());
}

fn delete(core: &mut Core, sa: &Phase1, delete: &Delete, consequences: &mut Consequences) {
    match delete.protocol {
        protocol::ISAKMP => {
            let own = [sa.cookie_i, sa.cookie_r].concat();
            consequences.deleted |= delete.spis.contains(&own);
        }
        protocol::ESP => {
            for spi in &delete.spis {
                let Ok(spi) = <[u8; 4]>::try_from(spi.as_slice()).map(u32::from_be_bytes) else {
                    continue;
                };
                let theirs = core.children.of_outbound(sa.peer, spi);
                let theirs: Vec<u64> = theirs.map(|child| child.id).collect();
                core.end_children(EndReason::PeerTerminate, theirs);
            }
        }
        _ => {}
    }
}

fn notified(
    core: &mut Core,
    now: Time,
    sa: &mut Phase1,
    notify: &Notify,
    consequences: &mut Consequences,
) -> Result<(), IkeError> {
    let own = [sa.cookie_i, sa.cookie_r].concat();
    let sequence = <[u8; 4]>::try_from(notify.data.as_slice())
        .map(u32::from_be_bytes)
        .ok();
    match notify.kind {
        notify::R_U_THERE if notify.spi == own => {
            let sequence = sequence.ok_or(IkeError::InvalidMessage("probe"))?;
            let answer = dpd::presence(sa, notify::R_U_THERE_ACK, sequence);
            send(core, sa, payload::NOTIFY, &answer.emit())?;
            consequences.fresh |= sa.dpd.is_new(sequence);
        }
        notify::R_U_THERE_ACK => {
            if let Some(sequence) = sequence {
                consequences.fresh |= dpd::answered(core, now, sa, sequence);
            }
        }
        notify::INITIAL_CONTACT => consequences.initial_contact = true,
        notify::NO_PROPOSAL_CHOSEN | notify::INVALID_ID_INFORMATION => {
            let spi = <[u8; 4]>::try_from(notify.spi.as_slice());
            let spi = spi.ok().filter(|_| notify.protocol == protocol::ESP);
            consequences.refused = true;
            consequences.refused_spi = spi.map(u32::from_be_bytes);
        }
        notify::PAYLOAD_MALFORMED | notify::INVALID_HASH_INFORMATION => consequences.unread = true,
        _ => {}
    }
    Ok(())
}
