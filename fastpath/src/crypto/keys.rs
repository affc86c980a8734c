//! The keys of one SA, for every engine that may work on its packets.

use std::fmt;

use super::engine::{Direction, Engine, EngineKind, KeyMaterial};
use super::{ipsec_mb, portable, vaes};
use crate::cpu;

/// Upper bounds, in bytes of text, of all size classes but the last.
pub const SIZE_CLASS_BOUNDS: [usize; SIZE_CLASSES - 1] = [128, 320, 768];
/// Classes of packet sizes within which one engine is the fastest.
pub const SIZE_CLASSES: usize = 4;

/// The size class of a packet with `text_len` bytes to encrypt or decrypt.
#[inline]
pub const fn size_class(text_len: usize) -> usize {
    let [tiny, small, medium] = SIZE_CLASS_BOUNDS;
    (text_len > tiny) as usize + (text_len > small) as usize + (text_len > medium) as usize
}

/// Why keys cannot be prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The keying material is not as long as the suite needs.
    #[error("the keying material has the wrong length for its suite")]
    Length,
    /// No engine that has passed its known answers has the suite.
    #[error("no engine has the suite")]
    NoEngine,
}

/// Expanded keys of one SA and direction, and which engine takes which size.
///
/// An SA has keys for at most two engines: a third would cost it a cache line.
pub struct KeySet(Keys);

/// What a set has for the sizes that an engine takes; `None` if it takes none.
enum Keys {
    PortableAndIpsecMb(SizeChoice, Prepared<portable::Key>, Prepared<ipsec_mb::Key>),
    PortableAndVaes(SizeChoice, Prepared<portable::Key>, Prepared<vaes::Key>),
    IpsecMbAndVaes(SizeChoice, Prepared<ipsec_mb::Key>, Prepared<vaes::Key>),
}

/// Engine by size class.
pub(super) type SizeChoice = [EngineKind; SIZE_CLASSES];
type Prepared<K> = Option<Box<K>>;

const _: () = assert!(
    size_of::<KeySet>() == 24,
    "with header template and salt it is one cache line of the SA"
);

/// The key for one packet, with the engine that it belongs to.
pub(crate) enum PacketKey<'a> {
    Portable(&'a portable::Key),
    IpsecMb(&'a ipsec_mb::Key),
    Vaes(&'a vaes::Key),
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Keys::PortableAndIpsecMb(choice, ..)
        | Keys::PortableAndVaes(choice, ..)
        | Keys::IpsecMbAndVaes(choice, ..)) = &self.0;
        write!(f, "KeySet({choice:?}, *)")
    }
}

impl KeySet {
    /// The key for a packet with `text_len` bytes of text.
    #[inline]
    pub(crate) fn packet_key(&self, text_len: usize) -> Option<PacketKey<'_>> {
        let class = size_class(text_len);
        match &self.0 {
            Keys::PortableAndIpsecMb(choice, portable, ipsec_mb) => match choice.get(class)? {
                EngineKind::Portable => portable.as_deref().map(PacketKey::Portable),
                _ => ipsec_mb.as_deref().map(PacketKey::IpsecMb),
            },
            Keys::PortableAndVaes(choice, portable, vaes) => match choice.get(class)? {
                EngineKind::Portable => portable.as_deref().map(PacketKey::Portable),
                _ => vaes.as_deref().map(PacketKey::Vaes),
            },
            Keys::IpsecMbAndVaes(choice, ipsec_mb, vaes) => match choice.get(class)? {
                EngineKind::IpsecMb => ipsec_mb.as_deref().map(PacketKey::IpsecMb),
                _ => vaes.as_deref().map(PacketKey::Vaes),
            },
        }
    }

    /// The key of our own engine, where it takes packets of every size.
    #[inline]
    pub(crate) fn vaes_alone(&self) -> Option<&vaes::Key> {
        match &self.0 {
            Keys::PortableAndVaes(choice, _, Some(key))
            | Keys::IpsecMbAndVaes(choice, _, Some(key))
                if choice.iter().all(|kind| *kind == EngineKind::Vaes) =>
            {
                Some(key)
            }
            _ => None,
        }
    }

    /// Asks for the lines of the key that [`Self::packet_key`] gives.
    #[inline]
    pub(crate) fn prefetch(&self, text_len: usize) {
        match self.packet_key(text_len) {
            Some(PacketKey::Portable(key)) => cpu::prefetch_all(key),
            Some(PacketKey::IpsecMb(key)) => cpu::prefetch_all(key),
            Some(PacketKey::Vaes(key)) => cpu::prefetch_all(key),
            None => {}
        }
    }

    /// Keys that every engine of `choice` has prepared; none if it names three engines.
    pub(super) fn prepare(
        material: &KeyMaterial<'_>,
        direction: Direction,
        choice: SizeChoice,
        engines: Prepares<'_>,
    ) -> Result<Self, KeyError> {
        let [portable, ipsec_mb, vaes] = EngineKind::ALL.map(|kind| choice.contains(&kind));
        let portable = key(portable, engines.portable, material, direction)?;
        let ipsec_mb = key(ipsec_mb, engines.ipsec_mb, material, direction)?;
        let vaes = key(vaes, engines.vaes, material, direction)?;
        Ok(Self(match (portable, ipsec_mb, vaes) {
            (portable, ipsec_mb, None) => Keys::PortableAndIpsecMb(choice, portable, ipsec_mb),
            (portable, None, vaes) => Keys::PortableAndVaes(choice, portable, vaes),
            (None, ipsec_mb, vaes) => Keys::IpsecMbAndVaes(choice, ipsec_mb, vaes),
            _ => return Err(KeyError::NoEngine),
        }))
    }
}

/// The engines that may prepare keys.
#[derive(Clone, Copy)]
pub(super) struct Prepares<'a> {
    pub(super) portable: Option<&'a portable::Portable>,
    pub(super) ipsec_mb: Option<&'a ipsec_mb::IpsecMb>,
    pub(super) vaes: Option<&'a vaes::Vaes>,
}

/// A key of an engine that was chosen; `None` for one that was not.
fn key<E: Engine>(
    chosen: bool,
    engine: Option<&E>,
    material: &KeyMaterial<'_>,
    direction: Direction,
) -> Result<Prepared<E::Key>, KeyError> {
    if !chosen {
        return Ok(None);
    }
    let prepared = engine.and_then(|engine| engine.prepare(material, direction));
    prepared.map(Some).ok_or(KeyError::NoEngine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_the_class_below() {
        let classes = [0, 128, 129, 320, 321, 768, 769, 9000].map(size_class);
        assert_eq!(classes, [0, 0, 1, 1, 2, 2, 3, 3]);
    }
}
