//! Notification and delete payloads (RFC 2408 sections 3.14 and 3.15).

use crate::ike::error::IkeError;

const DOI_IPSEC: [u8; 4] = [0, 0, 0, 1];
/// SPIs that one delete payload may name.
const DELETE_SPIS_MAX: usize = 64;

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notify {
    pub(crate) protocol: u8,
    pub(crate) kind: u16,
    pub(crate) spi: Vec<u8>,
    pub(crate) data: Vec<u8>,
}

impl Notify {
    /// Reads the body of the payload.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, IkeError> {
        let truncated = IkeError::InvalidMessage("truncated notification");
        let (head, rest) = body.split_first_chunk::<8>().ok_or(truncated)?;
        let (spi, data) = rest
            .split_at_checked(usize::from(head[5]))
            .ok_or(truncated)?;
        Ok(Self {
            protocol: head[4],
            kind: u16::from_be_bytes([head[6], head[7]]),
            spi: spi.to_vec(),
            data: data.to_vec(),
        })
    }

    /// The body of the payload.
    pub(crate) fn emit(&self) -> Vec<u8> {
        let [high, low] = self.kind.to_be_bytes();
        let head = [self.protocol, self.spi.len() as u8, high, low];
        [&DOI_IPSEC[..], &head, &self.spi, &self.data].concat()
    }
}

/// A delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delete {
    pub(crate) protocol: u8,
    pub(crate) spis: Vec<Vec<u8>>,
}

impl Delete {
    /// Reads the body of the payload.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, IkeError> {
        let truncated = IkeError::InvalidMessage("truncated delete");
        let (head, rest) = body.split_first_chunk::<8>().ok_or(truncated)?;
        let (size, count) = (
            usize::from(head[5]),
            usize::from(u16::from_be_bytes([head[6], head[7]])),
        );
        if size == 0 || count > DELETE_SPIS_MAX || rest.len() != size * count {
            return Err(truncated);
        }
        let spis = rest.chunks_exact(size).map(<[u8]>::to_vec).collect();
        Ok(Self {
            protocol: head[4],
            spis,
        })
    }

    /// The body of the payload.
    pub(crate) fn emit(&self) -> Vec<u8> {
        let size = self.spis.first().map_or(0, Vec::len) as u8;
        let [high, low] = (self.spis.len() as u16).to_be_bytes();
        let head = [self.protocol, size, high, low];
        [&DOI_IPSEC[..], &head, &self.spis.concat()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_survive_the_wire() {
        let notify = Notify {
            protocol: 1,
            kind: 36_136,
            spi: vec![7; 16],
            data: vec![0, 0, 0, 9],
        };
        assert_eq!(Notify::parse(&notify.emit()).unwrap(), notify);
        let delete = Delete {
            protocol: 3,
            spis: vec![vec![1, 2, 3, 4], vec![5, 6, 7, 8]],
        };
        assert_eq!(Delete::parse(&delete.emit()).unwrap(), delete);
    }
}
