//! The SA payload: proposals and transforms (RFC 2408 sections 3.4 to 3.6).

use super::{Chain, Payload, Writer, attribute::Attributes, payload};
use crate::ike::error::IkeError;
use crate::ike::limits::PROPOSALS_MAX;

/// Domain of interpretation IPsec (RFC 2407 section 4.2), situation identity only.
const DOI_AND_SITUATION: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];

/// Protocols of proposals.
pub(crate) mod protocol {
    /// Phase 1.
    pub(crate) const ISAKMP: u8 = 1;
    /// ESP.
    pub(crate) const ESP: u8 = 3;
}

/// An SA payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sa {
    pub(crate) proposals: Vec<Proposal>,
}

/// A proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) number: u8,
    pub(crate) protocol: u8,
    pub(crate) spi: Vec<u8>,
    pub(crate) transforms: Vec<Transform>,
}

/// A transform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transform {
    pub(crate) number: u8,
    pub(crate) id: u8,
    pub(crate) attributes: Attributes,
}

impl Sa {
    /// Reads the body of an SA payload.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, IkeError> {
        let rest = body
            .strip_prefix(&DOI_AND_SITUATION)
            .ok_or(IkeError::InvalidMessage("domain of interpretation"))?;
        let proposals = chain(payload::PROPOSAL, rest)?;
        let proposals = proposals
            .iter()
            .map(Proposal::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self { proposals })
    }

    /// The body of an SA payload.
    pub(crate) fn emit(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        for proposal in &self.proposals {
            writer.add(payload::PROPOSAL, &proposal.emit());
        }
        [&DOI_AND_SITUATION, writer.bytes()].concat()
    }

    /// The one proposal with its one transform of an answer.
    pub(crate) fn chosen(&self) -> Option<(&Proposal, &Transform)> {
        match self.proposals.as_slice() {
            [proposal] => match proposal.transforms.as_slice() {
                [transform] => Some((proposal, transform)),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Proposal {
    fn parse(whole: &Payload<'_>) -> Result<Self, IkeError> {
        let truncated = IkeError::InvalidMessage("truncated proposal");
        let &[number, protocol, spi_len, count, ref rest @ ..] = whole.body else {
            return Err(truncated);
        };
        let (spi, rest) = rest
            .split_at_checked(usize::from(spi_len))
            .ok_or(truncated)?;
        let transforms = chain(payload::TRANSFORM, rest)?;
        if transforms.len() != usize::from(count) {
            return Err(IkeError::InvalidMessage("number of transforms"));
        }
        let transforms = transforms
            .iter()
            .map(Transform::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            number,
            protocol,
            spi: spi.to_vec(),
            transforms,
        })
    }

    fn emit(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        for transform in &self.transforms {
            writer.add(payload::TRANSFORM, &transform.emit());
        }
        let head = [
            self.number,
            self.protocol,
            self.spi.len() as u8,
            self.transforms.len() as u8,
        ];
        [&head, self.spi.as_slice(), writer.bytes()].concat()
    }
}

impl Transform {
    fn parse(whole: &Payload<'_>) -> Result<Self, IkeError> {
        let &[number, id, 0, 0, ref rest @ ..] = whole.body else {
            return Err(IkeError::InvalidMessage("truncated transform"));
        };
        Ok(Self {
            number,
            id,
            attributes: Attributes::parse(rest)?,
        })
    }

    fn emit(&self) -> Vec<u8> {
        let mut bytes = vec![self.number, self.id, 0, 0];
        self.attributes.emit(&mut bytes);
        bytes
    }
}

/// A chain of one payload type, whose links say that type or none.
fn chain(kind: u8, bytes: &[u8]) -> Result<Vec<Payload<'_>>, IkeError> {
    let chain = Chain::parse(kind, bytes)?;
    let payloads = chain.payloads;
    let fits = payloads.len() <= PROPOSALS_MAX
        && chain.bytes.len() == bytes.len()
        && payloads.iter().all(|payload| payload.kind == kind);
    if fits {
        Ok(payloads)
    } else {
        Err(IkeError::InvalidMessage("proposal chain"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_emitted_is_parsed() {
        let mut attributes = Attributes::default();
        attributes.push(1, 7);
        attributes.push(12, 1_000_000);
        let transform = Transform {
            number: 1,
            id: 3,
            attributes,
        };
        let proposal = Proposal {
            number: 1,
            protocol: protocol::ESP,
            spi: vec![1, 2, 3, 4],
            transforms: vec![transform.clone(), transform],
        };
        let sa = Sa {
            proposals: vec![proposal.clone(), proposal],
        };
        assert_eq!(Sa::parse(&sa.emit()).unwrap(), sa);
        assert!(sa.chosen().is_none());
    }
}
