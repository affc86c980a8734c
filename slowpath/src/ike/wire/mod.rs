//! ISAKMP messages (RFC 2408 section 3): header, payload chain, the payloads by file.

pub(super) mod attribute;
pub(super) mod control;
pub(super) mod id;
pub(super) mod sa;

use super::error::IkeError;
use super::limits::{MESSAGE_LEN_MAX, PAYLOADS_MAX};

/// Bytes of the header.
pub(super) const HEADER_LEN: usize = 28;
const VERSION_1_0: u8 = 0x10;
const GENERIC_LEN: usize = 4;

/// Flag: everything behind the header is encrypted.
pub(super) const ENCRYPTED: u8 = 1 << 0;

/// Exchange types.
pub(super) mod exchange {
    /// Main mode.
    pub(crate) const IDENTITY_PROTECTION: u8 = 2;
    /// Informational.
    pub(crate) const INFORMATIONAL: u8 = 5;
    /// Quick mode (RFC 2409 section 5.5).
    pub(crate) const QUICK: u8 = 32;
}

/// Payload types.
pub(super) mod payload {
    /// None.
    pub(crate) const NONE: u8 = 0;
    /// Security association.
    pub(crate) const SA: u8 = 1;
    /// Proposal.
    pub(crate) const PROPOSAL: u8 = 2;
    /// Transform.
    pub(crate) const TRANSFORM: u8 = 3;
    /// Key exchange.
    pub(crate) const KE: u8 = 4;
    /// Identification.
    pub(crate) const ID: u8 = 5;
    /// Hash.
    pub(crate) const HASH: u8 = 8;
    /// Nonce.
    pub(crate) const NONCE: u8 = 10;
    /// Notification.
    pub(crate) const NOTIFY: u8 = 11;
    /// Delete.
    pub(crate) const DELETE: u8 = 12;
    /// Vendor ID.
    pub(crate) const VENDOR: u8 = 13;
    /// NAT discovery (RFC 3947 section 3.2).
    pub(crate) const NAT_D: u8 = 20;
    /// NAT discovery of the drafts.
    pub(crate) const NAT_D_DRAFT: u8 = 130;
}

/// The header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) initiator_cookie: [u8; 8],
    pub(super) responder_cookie: [u8; 8],
    pub(super) next: u8,
    pub(super) exchange: u8,
    pub(super) flags: u8,
    pub(super) message_id: u32,
}

impl Header {
    /// The header and the bytes behind it, of a message whose length is what it says.
    pub(super) fn parse(message: &[u8]) -> Result<(Self, &[u8]), IkeError> {
        let short = IkeError::InvalidMessage("truncated header");
        let (bytes, body) = message.split_first_chunk::<HEADER_LEN>().ok_or(short)?;
        let word = |at: usize| {
            u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        if bytes[17] != VERSION_1_0 {
            return Err(IkeError::InvalidMessage("version"));
        }
        if word(24) as usize != message.len() || message.len() > MESSAGE_LEN_MAX {
            return Err(IkeError::InvalidMessage("length"));
        }
        let cookie = |at: usize| core::array::from_fn(|index| bytes[at + index]);
        Ok((
            Self {
                initiator_cookie: cookie(0),
                responder_cookie: cookie(8),
                next: bytes[16],
                exchange: bytes[18],
                flags: bytes[19],
                message_id: word(20),
            },
            body,
        ))
    }

    /// The bytes of a header whose message has `body_len` bytes behind it.
    pub(super) fn emit(&self, body_len: usize) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..8].copy_from_slice(&self.initiator_cookie);
        bytes[8..16].copy_from_slice(&self.responder_cookie);
        bytes[16] = self.next;
        bytes[17] = VERSION_1_0;
        bytes[18] = self.exchange;
        bytes[19] = self.flags;
        bytes[20..24].copy_from_slice(&self.message_id.to_be_bytes());
        bytes[24..].copy_from_slice(&((HEADER_LEN + body_len) as u32).to_be_bytes());
        bytes
    }
}

/// One payload of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Payload<'a> {
    pub(super) kind: u8,
    /// Behind the generic header.
    pub(super) body: &'a [u8],
    /// With the generic header, as hashes cover it.
    pub(super) whole: &'a [u8],
}

/// The payloads of a message, and what is left behind the last one (padding of encryption).
pub(super) struct Chain<'a> {
    pub(super) payloads: Vec<Payload<'a>>,
    /// The bytes of all payloads without the padding.
    pub(super) bytes: &'a [u8],
}

impl<'a> Chain<'a> {
    /// Reads the chain that begins with a payload of type `next`.
    pub(super) fn parse(mut next: u8, body: &'a [u8]) -> Result<Self, IkeError> {
        let mut payloads = Vec::new();
        let mut rest = body;
        while next != payload::NONE {
            if payloads.len() == PAYLOADS_MAX {
                return Err(IkeError::InvalidMessage("too many payloads"));
            }
            let truncated = IkeError::InvalidMessage("truncated payload");
            let &[following, reserved, high, low, ..] = rest else {
                return Err(truncated);
            };
            let len = usize::from(u16::from_be_bytes([high, low]));
            if reserved != 0 {
                return Err(IkeError::InvalidMessage("reserved field"));
            }
            if len < GENERIC_LEN {
                return Err(truncated);
            }
            let (whole, behind) = rest.split_at_checked(len).ok_or(truncated)?;
            let body = whole.get(GENERIC_LEN..).unwrap_or_default();
            payloads.push(Payload {
                kind: next,
                body,
                whole,
            });
            (next, rest) = (following, behind);
        }
        let used = body.len() - rest.len();
        Ok(Self {
            payloads,
            bytes: body.get(..used).unwrap_or_default(),
        })
    }

    /// The only payload of a type; `None` when there is none or more than one.
    pub(super) fn one(&self, kind: u8) -> Option<&Payload<'a>> {
        let mut found = self.all(kind);
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// Every payload of a type.
    pub(super) fn all(&self, kind: u8) -> impl Iterator<Item = &Payload<'a>> {
        self.payloads
            .iter()
            .filter(move |payload| payload.kind == kind)
    }
}

/// Writes a payload chain.
#[derive(Clone, Debug, Default)]
pub(super) struct Writer {
    first: u8,
    /// Where the type of the next payload has to be written.
    next_at: Option<usize>,
    bytes: Vec<u8>,
}

impl Writer {
    /// Adds a payload and says where it stands with its generic header.
    pub(super) fn add(&mut self, kind: u8, body: &[u8]) -> core::ops::Range<usize> {
        match self.next_at {
            None => self.first = kind,
            Some(at) => {
                if let Some(next) = self.bytes.get_mut(at) {
                    *next = kind;
                }
            }
        }
        let start = self.bytes.len();
        self.next_at = Some(start);
        let len = (GENERIC_LEN + body.len()) as u16;
        self.bytes.extend_from_slice(&[payload::NONE, 0]);
        self.bytes.extend_from_slice(&len.to_be_bytes());
        self.bytes.extend_from_slice(body);
        start..self.bytes.len()
    }

    /// Type of the first payload.
    pub(super) fn first(&self) -> u8 {
        self.first
    }

    /// The chain.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The chain, for what is known only when the rest is written.
    pub(super) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            parts in prop::collection::vec(
                (1u8..200, prop::collection::vec(any::<u8>(), 0..50)), 1..10),
        ) {
            let mut writer = Writer::default();
            for (kind, body) in &parts {
                writer.add(*kind, body);
            }
            let mut padded = writer.bytes().to_vec();
            padded.extend_from_slice(&[0; 5]);
            let chain = Chain::parse(writer.first(), &padded).unwrap();
            prop_assert_eq!(chain.bytes, writer.bytes());
            let read: Vec<_> = chain.payloads.iter().map(|p| (p.kind, p.body.to_vec())).collect();
            prop_assert_eq!(read, parts);
        }

        #[test]
        fn no_bytes_panic(next: u8, bytes: Vec<u8>) {
            let _ = Header::parse(&bytes);
            if let Ok(chain) = Chain::parse(next, &bytes) {
                prop_assert!(chain.payloads.len() <= PAYLOADS_MAX);
            }
            let _ = (sa::Sa::parse(&bytes), id::Id::parse(&bytes));
            let _ = (control::Notify::parse(&bytes), control::Delete::parse(&bytes));
        }
    }
}
