//! The hashes that authenticate what comes after phase 1 (RFC 2409 sections 5.5 and 5.7).

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::phase1::Phase1;
use crate::ike::crypto::prf;
use crate::ike::error::IkeError;
use crate::ike::wire::{Chain, Writer, payload};

/// Room for HASH(1) or HASH(2), which covers everything behind it.
pub(super) fn begin(sa: &Phase1) -> Result<Writer, IkeError> {
    let keys = sa.keys.as_ref().ok_or(IkeError::LocalPolicy("no keys"))?;
    let mut writer = Writer::default();
    writer.add(payload::HASH, &vec![0; prf::len(keys.hash)]);
    Ok(writer)
}

/// Writes the hash into the room that [`begin`] left for it.
pub(super) fn finish(
    sa: &Phase1,
    writer: &mut Writer,
    message_id: u32,
    nonces: &[&[u8]],
) -> Result<(), IkeError> {
    let keys = sa.keys.as_ref().ok_or(IkeError::LocalPolicy("no keys"))?;
    let len = prf::len(keys.hash);
    let (head, covered) = writer
        .bytes_mut()
        .split_at_mut_checked(4 + len)
        .ok_or(IkeError::LocalPolicy("no room for the hash"))?;
    #[cfg(any(test, fuzzing))]
    crate::ike::fuzzing::alter(covered);
    let id = message_id.to_be_bytes();
    let parts: Vec<&[u8]> = [&id[..]]
        .into_iter()
        .chain(nonces.iter().copied())
        .chain([&*covered])
        .collect();
    let hash = prf::prf(keys.hash, &keys.skeyid_a, &parts);
    if let Some(place) = head.get_mut(4..) {
        place.copy_from_slice(&hash);
    }
    Ok(())
}

/// The hash payload must be the first and cover the rest.
pub(super) fn check(
    sa: &Phase1,
    chain: &Chain<'_>,
    message_id: u32,
    nonces: &[&[u8]],
) -> Result<(), IkeError> {
    let keys = sa
        .keys
        .as_ref()
        .ok_or(IkeError::InvalidMessage("no keys"))?;
    let first = chain
        .payloads
        .first()
        .filter(|first| first.kind == payload::HASH)
        .ok_or(IkeError::InvalidMessage("no hash"))?;
    let covered = chain.bytes.get(first.whole.len()..).unwrap_or_default();
    let id = message_id.to_be_bytes();
    let parts: Vec<&[u8]> = [&id[..]]
        .into_iter()
        .chain(nonces.iter().copied())
        .chain([covered])
        .collect();
    let expected = prf::prf(keys.hash, &keys.skeyid_a, &parts);
    if bool::from(expected.as_slice().ct_eq(first.body)) {
        Ok(())
    } else {
        Err(IkeError::AuthenticationFailed)
    }
}

/// HASH(3), which ends a quick mode with these nonces.
pub(super) fn third(
    sa: &Phase1,
    message_id: u32,
    nonce_i: &[u8],
    nonce_r: &[u8],
) -> Result<Zeroizing<Vec<u8>>, IkeError> {
    let keys = sa.keys.as_ref().ok_or(IkeError::LocalPolicy("no keys"))?;
    let message_id = message_id.to_be_bytes();
    Ok(prf::prf(
        keys.hash,
        &keys.skeyid_a,
        &[&[0], &message_id, nonce_i, nonce_r],
    ))
}
