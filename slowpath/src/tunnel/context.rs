//! VPN contexts: what `show asp table vpn-context` names, a pair per tunnel that came up.
//!
//! A pair is made when its tunnel comes up and takes its PRESERVE stamp from the option as it is
//! at that moment. A rekey changes the SPI of a pair and nothing else. A pair with PRESERVE stays
//! while its tunnel is down and keeps its handles when the tunnel comes back; without it the pair
//! goes with the tunnel.

/// Handle and address of the first context; the next ones follow in steps. The values have the
/// look of the ASA's and mean nothing but identity.
const HANDLE_FIRST: u32 = 0x0005_B234;
const HANDLE_STEP: u32 = 0x0000_4D20;
const POINTER_FIRST: u32 = 0x6DE6_2DA0;
const POINTER_STEP: u32 = 0x0000_0840;

/// What is printed of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) ctx: u32,
    pub(super) pointer: u32,
}

/// Both directions of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContextPair {
    pub(super) decrypt: Context,
    pub(super) encrypt: Context,
    /// Rekeys since the pair was made.
    pub(super) rekey_calls: u64,
    /// Those of them whose SA has carried a packet, by direction, the current SA not counted.
    rekey_packets: [u64; 2],
    /// The current SAs came by a rekey.
    rekeyed: bool,
}

impl ContextPair {
    /// A fresh pair with the handles of the pair that it follows.
    pub(super) fn follow(&self) -> Self {
        Self {
            decrypt: self.decrypt,
            encrypt: self.encrypt,
            rekey_calls: 0,
            rekey_packets: [0; 2],
            rekeyed: false,
        }
    }

    /// The current SAs are replaced. `packets`: what they have carried, inbound and outbound.
    pub(super) fn rekey(&mut self, packets: [u64; 2]) {
        self.rekey_packets = self.rekey_packets(packets);
        self.rekey_calls += 1;
        self.rekeyed = true;
    }

    /// Rekeys that packets have seen, inbound and outbound, when the current SAs have carried
    /// `packets`.
    pub(super) fn rekey_packets(&self, packets: [u64; 2]) -> [u64; 2] {
        let [inbound, outbound] = self.rekey_packets;
        let seen = packets.map(|count| u64::from(self.rekeyed && count > 0));
        [inbound + seen[0], outbound + seen[1]]
    }
}

/// Gives out handles; none comes twice before four billion of them were given.
#[derive(Debug, Default)]
pub(super) struct ContextTable {
    made: u32,
}

impl ContextTable {
    pub(super) fn make(&mut self) -> ContextPair {
        let [encrypt, decrypt] = [(); 2].map(|()| {
            let serial = self.made;
            self.made = self.made.wrapping_add(1);
            Context {
                ctx: HANDLE_FIRST.wrapping_add(serial.wrapping_mul(HANDLE_STEP)),
                pointer: POINTER_FIRST.wrapping_add(serial.wrapping_mul(POINTER_STEP)),
            }
        });
        ContextPair {
            decrypt,
            encrypt,
            rekey_calls: 0,
            rekey_packets: [0; 2],
            rekeyed: false,
        }
    }
}
