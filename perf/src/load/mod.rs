//! What generators send.

pub(crate) mod flows;
pub(crate) mod stamp;
