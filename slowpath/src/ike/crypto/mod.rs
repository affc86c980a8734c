//! IKE's own cryptography, on one generation of RustCrypto.

pub(super) mod cipher;
pub(super) mod dh;
mod groups;
pub(super) mod keymat;
pub(super) mod prf;
