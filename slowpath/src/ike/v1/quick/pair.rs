//! The pair of SAs that a quick mode ends with.

use zeroize::Zeroizing;

use super::Quick;
use crate::ike::api::{Action, ChildSa, SaKeys};
use crate::ike::children::Child;
use crate::ike::core::Core;
use crate::ike::crypto::keymat::ChildContributions;
use crate::ike::error::IkeError;
use crate::ike::limits::{COLLISION_MS, OVERLAP_S, REKEY_MARGIN_S};
use crate::ike::proposal::{self, Agreed};
use crate::ike::v1::phase1::Phase1;
use crate::ike::wire::sa::protocol;
use crate::time::Time;

/// Tells the owner of the pair and keeps it here; the pair that it replaces lives on for a while.
/// `false` when it is not the one that carries packets, because both sides have negotiated at once.
pub(super) fn report(
    core: &mut Core,
    now: Time,
    sa: &Phase1,
    quick: &Quick,
    agreed: Agreed,
    shared: Option<&[u8]>,
) -> Result<bool, IkeError> {
    let tunnel = quick.wanted.tunnel;
    let replaces = core
        .current(tunnel)
        .map(|child| (child.inbound_spi, child.outbound_spi));
    let superseded = supersede(core, now, sa, quick, agreed.spi);
    let jitter = u64::from(core.random_u32() % 8);
    let lifetime = u64::from(agreed.lifetime_s);
    let margin = (lifetime / 10).clamp(REKEY_MARGIN_S.0, REKEY_MARGIN_S.1);
    // The responder of the old pair waits a little longer, so that seldom both begin.
    let margin = if quick.initiator {
        margin + jitter
    } else {
        margin / 2 + jitter
    };
    let id = core.children.fresh_id();
    core.children.put(Child {
        id,
        tunnel,
        peer: sa.peer,
        inbound_spi: quick.inbound_spi,
        outbound_spi: agreed.spi,
        initiator: quick.initiator,
        created: now,
        expires: now.after_s(lifetime),
        rekey_at: now.after_s(lifetime.saturating_sub(margin)),
        rekeying: false,
        superseded_until: superseded.then(|| now.after_s(OVERLAP_S)),
    });
    let text = format!(
        "Security negotiation complete for LAN-to-LAN Group ({})  {}, Inbound SPI = {:#010x}, Outbound SPI = {:#010x}",
        sa.peer,
        if quick.initiator {
            "Initiator"
        } else {
            "Responder"
        },
        quick.inbound_spi,
        agreed.spi,
    );
    core.log(713_049, 5, sa.peer, &text);
    core.push(Action::ChildUp(Box::new(ChildSa {
        tunnel,
        peer: sa.peer,
        initiator: quick.initiator,
        inbound_spi: quick.inbound_spi,
        outbound_spi: agreed.spi,
        inbound_keys: keys(sa, quick, agreed, quick.inbound_spi, shared)?,
        outbound_keys: keys(sa, quick, agreed, agreed.spi, shared)?,
        suite: agreed.suite,
        selectors: quick.selectors,
        esn: false,
        encapsulation: agreed.encapsulated.then_some((sa.local, sa.remote)),
        local: *sa.local.ip(),
        remote: *sa.remote.ip(),
        lifetime_s: agreed.lifetime_s,
        lifetime_kb: agreed.lifetime_kb,
        replaces,
        superseded,
    })));
    let completed = format!("PHASE 2 COMPLETED (msgid={:08x})", quick.message_id);
    core.log(713_120, 5, sa.peer, &completed);
    Ok(!superseded)
}

/// Lets a new pair take over from the others of its tunnel. `true` when it is itself the one to go.
///
/// When both sides negotiate at once, each would keep the pair that it began and end the other. So
/// of the pairs of a collision ([`COLLISION_MS`]) that one stays which two Holdfasts find by the
/// same rule: the one with the larger SPIs. Any other peer has the pair that it began itself for
/// sure; ours it may never have, when our third message does not reach it.
fn supersede(core: &mut Core, now: Time, sa: &Phase1, quick: &Quick, outbound_spi: u32) -> bool {
    let rank = |(one, other): (u32, u32)| (one.max(other), one.min(other));
    let own = rank((quick.inbound_spi, outbound_spi));
    let stays = |child: &Child| {
        let began_after_ms = quick.began.since_ms(child.created);
        let together = child.initiator != quick.initiator && began_after_ms <= COLLISION_MS;
        let preferred = if sa.sas_before_answer {
            rank((child.inbound_spi, child.outbound_spi)) > own
        } else {
            quick.initiator
        };
        together && preferred
    };
    let others = core.children.of_tunnel(quick.wanted.tunnel);
    let others = others.filter(|child| child.is_current());
    let others: Vec<(u64, bool)> = others.map(|child| (child.id, stays(child))).collect();
    for &(id, stays) in &others {
        core.children.change(id, |child| {
            if stays {
                child.rekeying = false;
            } else {
                child.superseded_until = Some(now.after_s(OVERLAP_S));
            }
        });
    }
    others.iter().any(|(_, stays)| *stays)
}

/// Keys of the direction whose receiver chose `spi`: cipher first (RFC 2409 section 5.5).
fn keys(
    sa: &Phase1,
    quick: &Quick,
    agreed: Agreed,
    spi: u32,
    shared: Option<&[u8]>,
) -> Result<SaKeys, IkeError> {
    let phase1 = sa.keys.as_ref().ok_or(IkeError::LocalPolicy("no keys"))?;
    let (encryption, integrity) = proposal::key_lens(agreed.suite);
    let from = ChildContributions {
        shared,
        protocol: protocol::ESP,
        spi,
        nonce_i: &quick.nonce_i,
        nonce_r: &quick.nonce_r,
    };
    let keymat = phase1.child(&from, encryption + integrity);
    let (first, second) = keymat.split_at(encryption);
    Ok(SaKeys {
        encryption: Zeroizing::new(first.to_vec()),
        integrity: Zeroizing::new(second.to_vec()),
    })
}
