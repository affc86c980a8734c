//! What a fuzzer needs beyond the wire: to speak as a peer that has the key, and to do so quickly.
//! In no build but that of the tests and of the fuzzer.

use std::cell::RefCell;

use zeroize::Zeroizing;

use super::crypto::dh::{DhJob, DhResult, public_len};

/// One altered byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Where, modulo the length of what is altered.
    pub at: u16,
    /// What is exclusively or-ed into the byte.
    pub mask: u8,
}

thread_local! {
    static EDITS: RefCell<Vec<Edit>> = const { RefCell::new(Vec::new()) };
}

/// Alters the next protected message that an engine of this thread writes, before it is hashed and
/// encrypted: its receiver takes it for authentic.
pub fn alter_next(edits: Vec<Edit>) {
    EDITS.set(edits);
}

/// Carries out what [`alter_next`] has asked for, once.
pub(super) fn alter(bytes: &mut [u8]) {
    for edit in EDITS.take() {
        if let Some(at) = usize::from(edit.at).checked_rem(bytes.len()) {
            bytes[at] ^= edit.mask;
        }
    }
}

impl DhJob {
    /// Stands in for [`DhJob::run`] at no cost: both ends still come to the same secret, which
    /// protects nothing.
    pub fn pretend(self) -> DhResult {
        let len = public_len(self.group).unwrap_or(0);
        let mut public = self.exponent.to_vec();
        public.resize(len, 1);
        let shared = self.peer.filter(|peer| peer.len() == len).map(|peer| {
            let both = public.iter().zip(&peer).map(|(ours, theirs)| ours ^ theirs);
            Zeroizing::new(both.collect())
        });
        DhResult {
            ticket: self.ticket,
            public,
            shared,
            exponent: self.exponent,
        }
    }
}
