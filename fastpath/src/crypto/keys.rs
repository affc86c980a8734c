//! The keys of one SA, for every engine that may work on its packets.

use std::fmt;

use super::engine::{Direction, EngineKind, KeyMaterial};
use super::{ipsec_mb, portable};

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
pub struct KeySet {
    pub(super) portable: Option<Box<portable::Key>>,
    pub(super) ipsec_mb: Option<Box<ipsec_mb::Key>>,
    pub(super) choice: [EngineKind; SIZE_CLASSES],
}

/// The key for one packet, with the engine that it belongs to.
pub(crate) enum PacketKey<'a> {
    Portable(&'a portable::Key),
    IpsecMb(&'a ipsec_mb::Key),
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySet({:?}, *)", self.choice)
    }
}

impl KeySet {
    /// The key for a packet with `text_len` bytes of text.
    #[inline]
    pub(crate) fn packet_key(&self, text_len: usize) -> Option<PacketKey<'_>> {
        match self.choice.get(size_class(text_len))? {
            EngineKind::Portable => self.portable.as_deref().map(PacketKey::Portable),
            EngineKind::IpsecMb => self.ipsec_mb.as_deref().map(PacketKey::IpsecMb),
        }
    }

    /// Keys that every engine of `choice` has prepared.
    pub(super) fn prepare(
        material: &KeyMaterial<'_>,
        direction: Direction,
        choice: [EngineKind; SIZE_CLASSES],
        library: Option<&ipsec_mb::IpsecMb>,
    ) -> Result<Self, KeyError> {
        use super::Engine;
        let mut keys = Self {
            portable: None,
            ipsec_mb: None,
            choice,
        };
        for kind in choice {
            let ready = match kind {
                EngineKind::Portable => {
                    if keys.portable.is_none() {
                        keys.portable = portable::Portable.prepare(material, direction);
                    }
                    keys.portable.is_some()
                }
                EngineKind::IpsecMb => {
                    if keys.ipsec_mb.is_none() {
                        let library = library.ok_or(KeyError::NoEngine)?;
                        keys.ipsec_mb = library.prepare(material, direction);
                    }
                    keys.ipsec_mb.is_some()
                }
            };
            if !ready {
                return Err(KeyError::NoEngine);
            }
        }
        Ok(keys)
    }
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
