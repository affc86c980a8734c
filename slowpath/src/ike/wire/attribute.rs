//! Data attributes of transforms (RFC 2408 section 3.3), basic and variable.

use crate::ike::error::IkeError;
use crate::ike::limits::ATTRIBUTES_MAX;

const BASIC: u16 = 0x8000;

/// Attributes of a transform: type and value. Values of more than eight bytes are none of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes(Vec<(u16, u64)>);

impl Attributes {
    /// Reads all attributes of a transform.
    pub(crate) fn parse(mut bytes: &[u8]) -> Result<Self, IkeError> {
        let mut attributes = Vec::new();
        while !bytes.is_empty() {
            let truncated = IkeError::InvalidMessage("truncated attribute");
            let (head, rest) = bytes.split_first_chunk::<4>().ok_or(truncated)?;
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let second = u16::from_be_bytes([head[2], head[3]]);
            if attributes.len() == ATTRIBUTES_MAX {
                return Err(IkeError::InvalidMessage("too many attributes"));
            }
            if kind & BASIC != 0 {
                attributes.push((kind & !BASIC, u64::from(second)));
                bytes = rest;
            } else {
                let (value, rest) = rest
                    .split_at_checked(usize::from(second))
                    .ok_or(truncated)?;
                attributes.push((kind, number(value)));
                bytes = rest;
            }
        }
        Ok(Self(attributes))
    }

    /// The value of a type.
    pub(crate) fn get(&self, kind: u16) -> Option<u64> {
        self.0
            .iter()
            .find(|(found, _)| *found == kind)
            .map(|(_, value)| *value)
    }

    /// Type and value in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        self.0.iter().copied()
    }

    /// Adds an attribute.
    pub(crate) fn push(&mut self, kind: u16, value: u64) {
        self.0.push((kind, value));
    }

    /// The bytes: basic where the value fits, four bytes where it does not.
    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        for &(kind, value) in &self.0 {
            if let Ok(short) = u16::try_from(value) {
                out.extend_from_slice(&(kind | BASIC).to_be_bytes());
                out.extend_from_slice(&short.to_be_bytes());
            } else {
                let long = u32::try_from(value).unwrap_or(u32::MAX);
                out.extend_from_slice(&kind.to_be_bytes());
                out.extend_from_slice(&4u16.to_be_bytes());
                out.extend_from_slice(&long.to_be_bytes());
            }
        }
    }
}

/// A variable value as a number; what does not fit counts as the largest.
fn number(bytes: &[u8]) -> u64 {
    let significant = bytes.iter().skip_while(|byte| **byte == 0);
    if significant.clone().count() > 8 {
        return u64::MAX;
    }
    significant.fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_and_variable_values_are_one() {
        let attributes =
            Attributes::parse(&[0x80, 11, 0, 1, 0, 12, 0, 4, 0, 1, 0x51, 0x80]).unwrap();
        assert_eq!(attributes.get(11), Some(1));
        assert_eq!(attributes.get(12), Some(86_400));
        let mut bytes = Vec::new();
        attributes.emit(&mut bytes);
        assert_eq!(Attributes::parse(&bytes).unwrap(), attributes);
    }

    #[test]
    fn endless_values_are_large_and_truncated_ones_are_refused() {
        let long = [&[0, 12, 0, 9][..], &[1; 9]].concat();
        assert_eq!(Attributes::parse(&long).unwrap().get(12), Some(u64::MAX));
        assert!(Attributes::parse(&[0, 12, 0, 9, 1]).is_err());
    }
}
