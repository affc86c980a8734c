//! The exchanges of IKEv1: main mode, quick mode, informational.

pub(super) mod dpd;
mod hash;
pub(super) mod informational;
pub(super) mod main_mode;
pub(super) mod natt;
pub(super) mod phase1;
pub(super) mod quick;
