//! Diffie-Hellman over the MODP groups, in constant time, as a piece of work for another thread.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd, Resize};
use zeroize::Zeroizing;

use super::groups::{GROUPS, Modp};

/// Bytes of a private exponent: twice the strength of the largest group's common estimate.
const EXPONENT_LEN: usize = 64;

/// A piece of public-key work.
pub struct DhJob {
    pub(in crate::ike) ticket: u64,
    pub(in crate::ike) group: u8,
    pub(in crate::ike) exponent: Zeroizing<Vec<u8>>,
    /// The peer's public value, where the shared secret is wanted.
    pub(in crate::ike) peer: Option<Vec<u8>>,
}

impl std::fmt::Debug for DhJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DhJob(ticket {}, group {})", self.ticket, self.group)
    }
}

/// What the work came to.
pub struct DhResult {
    pub(in crate::ike) ticket: u64,
    /// Our public value.
    pub(in crate::ike) public: Vec<u8>,
    /// The shared secret; `None` where none was wanted or the peer's value is none of the group.
    pub(in crate::ike) shared: Option<Zeroizing<Vec<u8>>>,
    pub(in crate::ike) exponent: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for DhResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DhResult(ticket {})", self.ticket)
    }
}

#[cfg(test)]
impl DhJob {
    /// A job of a test: a public value of the smallest group.
    pub(crate) fn numbered(ticket: u64) -> Self {
        Self {
            ticket,
            group: 1,
            exponent: Zeroizing::new(vec![3; exponent_len()]),
            peer: None,
        }
    }
}

impl DhJob {
    /// Does the work. Takes up to some ten milliseconds for the larger groups.
    pub fn run(self) -> DhResult {
        let Some(field) = Field::of(self.group) else {
            return DhResult {
                ticket: self.ticket,
                public: Vec::new(),
                shared: None,
                exponent: self.exponent,
            };
        };
        let exponent = field.number(&self.exponent);
        let two = BoxedUint::from(2u8).resize(field.bits);
        let public = field.power(two, &exponent);
        let shared = self
            .peer
            .as_deref()
            .and_then(|peer| field.element(peer))
            .map(|peer| Zeroizing::new(field.power(peer, &exponent)));
        DhResult {
            ticket: self.ticket,
            public,
            shared,
            exponent: self.exponent,
        }
    }
}

/// Whether a group is implemented.
pub(in crate::ike) fn is_group(number: u8) -> bool {
    modp(number).is_some()
}

/// Bytes of a group's public values.
pub(in crate::ike) fn public_len(number: u8) -> Option<usize> {
    modp(number).map(|group| group.len_bytes)
}

/// Bytes of a private exponent.
pub(in crate::ike) const fn exponent_len() -> usize {
    EXPONENT_LEN
}

fn modp(number: u8) -> Option<&'static Modp> {
    GROUPS.iter().find(|group| group.number == number)
}

struct Field {
    bits: u32,
    len_bytes: usize,
    prime: BoxedUint,
    params: BoxedMontyParams,
}

impl Field {
    fn of(number: u8) -> Option<Self> {
        let group = modp(number)?;
        let bits = group.len_bytes as u32 * 8;
        let prime = BoxedUint::from_be_slice(&unhex(group.prime), bits).ok()?;
        let odd = Option::<Odd<BoxedUint>>::from(Odd::new(prime.clone()))?;
        Some(Self {
            bits,
            len_bytes: group.len_bytes,
            prime,
            params: BoxedMontyParams::new(odd),
        })
    }

    fn number(&self, bytes: &[u8]) -> BoxedUint {
        BoxedUint::from_be_slice_truncated(bytes, self.bits)
    }

    /// A public value of the peer: of the group's length, and neither 0, 1, p - 1 nor more
    /// (RFC 6989 section 2.1).
    fn element(&self, bytes: &[u8]) -> Option<BoxedUint> {
        if bytes.len() != self.len_bytes {
            return None;
        }
        let value = self.number(bytes);
        let one = BoxedUint::one().resize(self.bits);
        let last = self.prime.wrapping_sub(&one);
        (value > one && value < last).then_some(value)
    }

    fn power(&self, base: BoxedUint, exponent: &BoxedUint) -> Vec<u8> {
        let bits = (EXPONENT_LEN as u32 * 8).min(self.bits);
        let power = BoxedMontyForm::new(base, &self.params)
            .pow_bounded_exp(exponent, bits)
            .retrieve();
        let bytes = power.to_be_bytes();
        // The number has whole limbs; the wire has exactly the group's length.
        bytes
            .get(bytes.len().saturating_sub(self.len_bytes)..)
            .unwrap_or_default()
            .to_vec()
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or(0) as u8;
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(group: u8, byte: u8, peer: Option<Vec<u8>>) -> DhResult {
        let exponent = Zeroizing::new(vec![byte; EXPONENT_LEN]);
        DhJob {
            ticket: 1,
            group,
            exponent,
            peer,
        }
        .run()
    }

    #[test]
    fn both_sides_come_to_one_secret() {
        for group in GROUPS {
            let (ours, theirs) = (job(group.number, 3, None), job(group.number, 5, None));
            assert_eq!(ours.public.len(), group.len_bytes);
            let one = job(group.number, 3, Some(theirs.public)).shared.unwrap();
            let other = job(group.number, 5, Some(ours.public)).shared.unwrap();
            assert_eq!(one, other);
        }
    }

    #[test]
    fn values_outside_the_group_are_refused() {
        let group = modp(2).unwrap();
        let prime = unhex(group.prime);
        let mut last = prime.clone();
        *last.last_mut().unwrap() -= 1;
        let mut one = vec![0; group.len_bytes];
        *one.last_mut().unwrap() = 1;
        for bad in [
            vec![0; group.len_bytes],
            one,
            last,
            prime,
            vec![2; group.len_bytes - 1],
        ] {
            assert!(job(2, 3, Some(bad)).shared.is_none());
        }
    }

    /// The first and last 64 bits of every one of these primes are ones (RFC 2409 section 6.1).
    #[test]
    fn primes_have_their_shape() {
        for group in GROUPS {
            let prime = unhex(group.prime);
            assert_eq!(prime.len(), group.len_bytes);
            assert!(
                prime[..8]
                    .iter()
                    .chain(&prime[prime.len() - 8..])
                    .all(|byte| *byte == 0xff)
            );
        }
    }
}
