//! The identification payload (RFC 2407 section 4.6.2).

use std::net::Ipv4Addr;

use config::MaskedNet;

use crate::ike::error::IkeError;
use crate::ike::limits::ID_LEN_MAX;

const IPV4_ADDR: u8 = 1;
const FQDN: u8 = 2;
const IPV4_ADDR_SUBNET: u8 = 4;
const KEY_ID: u8 = 11;

/// An identity with the protocol and port that go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    pub(crate) value: IdValue,
    pub(crate) protocol: u8,
    pub(crate) port: u16,
}

/// Who or what is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IdValue {
    Address(Ipv4Addr),
    Subnet(MaskedNet),
    Fqdn(String),
    KeyId(Vec<u8>),
    /// A type that we do not act on, with its bytes.
    Other(u8, Vec<u8>),
}

impl Id {
    /// Reads the body of the payload.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, IkeError> {
        let truncated = IkeError::InvalidMessage("truncated identity");
        let (head, value) = body.split_first_chunk::<4>().ok_or(truncated)?;
        if value.len() > ID_LEN_MAX {
            return Err(IkeError::InvalidMessage("identity too long"));
        }
        let value = match (head[0], value) {
            (IPV4_ADDR, &[a, b, c, d]) => IdValue::Address(Ipv4Addr::new(a, b, c, d)),
            (IPV4_ADDR_SUBNET, &[a, b, c, d, m0, m1, m2, m3]) => IdValue::Subnet(MaskedNet::new(
                Ipv4Addr::new(a, b, c, d),
                Ipv4Addr::new(m0, m1, m2, m3),
            )),
            (IPV4_ADDR | IPV4_ADDR_SUBNET, _) => return Err(truncated),
            (FQDN, name) => IdValue::Fqdn(String::from_utf8_lossy(name).into_owned()),
            (KEY_ID, bytes) => IdValue::KeyId(bytes.to_vec()),
            (other, bytes) => IdValue::Other(other, bytes.to_vec()),
        };
        Ok(Self {
            value,
            protocol: head[1],
            port: u16::from_be_bytes([head[2], head[3]]),
        })
    }

    /// The body of the payload.
    pub(crate) fn emit(&self) -> Vec<u8> {
        let (kind, value) = match &self.value {
            IdValue::Address(address) => (IPV4_ADDR, address.octets().to_vec()),
            IdValue::Subnet(net) => (
                IPV4_ADDR_SUBNET,
                [net.address.octets(), net.mask.octets()].concat(),
            ),
            IdValue::Fqdn(name) => (FQDN, name.as_bytes().to_vec()),
            IdValue::KeyId(bytes) => (KEY_ID, bytes.clone()),
            IdValue::Other(kind, bytes) => (*kind, bytes.clone()),
        };
        let [high, low] = self.port.to_be_bytes();
        [vec![kind, self.protocol, high, low], value].concat()
    }

    /// A net as a client identity: one address is named as an address.
    pub(crate) fn of_net(net: MaskedNet, protocol: u8, port: u16) -> Self {
        let value = if net.mask == Ipv4Addr::BROADCAST {
            IdValue::Address(net.address)
        } else {
            IdValue::Subnet(net)
        };
        Self {
            value,
            protocol,
            port,
        }
    }

    /// The net of a client identity.
    pub(crate) fn net(&self) -> Option<MaskedNet> {
        match self.value {
            IdValue::Address(address) => Some(MaskedNet::host(address)),
            IdValue::Subnet(net) => Some(net),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_survive_the_wire() {
        let net = MaskedNet::new(Ipv4Addr::new(10, 1, 0, 0), Ipv4Addr::new(255, 255, 0, 0));
        for id in [
            Id::of_net(net, 6, 80),
            Id::of_net(MaskedNet::host(Ipv4Addr::LOCALHOST), 0, 0),
            Id {
                value: IdValue::Fqdn("a.example".into()),
                protocol: 17,
                port: 500,
            },
            Id {
                value: IdValue::KeyId(vec![1, 2]),
                protocol: 0,
                port: 0,
            },
        ] {
            assert_eq!(Id::parse(&id.emit()).unwrap(), id);
        }
        assert!(Id::parse(&[4, 0, 0, 0, 1, 2, 3, 4]).is_err());
    }
}
