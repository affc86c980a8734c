//! What can go wrong in an exchange, with blame; one match turns it into the notify.

use thiserror::Error;

/// An error with the one to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IkeError {
    /// The message is not well-formed; nothing is answered.
    #[error("invalid message: {0}")]
    InvalidMessage(&'static str),
    /// The peer does what the protocol forbids.
    #[error("peer misbehaved: {0}")]
    PeerMisbehaved(&'static str),
    /// The two have nothing in common.
    #[error("no proposal chosen")]
    NoProposal,
    /// The identities or nets do not match the configuration.
    #[error("invalid id information")]
    InvalidId,
    /// The peer does not have the key.
    #[error("authentication failed")]
    AuthenticationFailed,
    /// Our own configuration or a bound of ours stands against it.
    #[error("refused here: {0}")]
    LocalPolicy(&'static str),
}

/// Notify message types (RFC 2408 section 3.14.1, RFC 2407 section 4.6.3, RFC 3706).
pub(super) mod notify {
    /// INVALID-COOKIE.
    pub(crate) const INVALID_COOKIE: u16 = 4;
    /// INVALID-SPI.
    pub(crate) const INVALID_SPI: u16 = 11;
    /// NO-PROPOSAL-CHOSEN.
    pub(crate) const NO_PROPOSAL_CHOSEN: u16 = 14;
    /// PAYLOAD-MALFORMED.
    pub(crate) const PAYLOAD_MALFORMED: u16 = 16;
    /// INVALID-ID-INFORMATION.
    pub(crate) const INVALID_ID_INFORMATION: u16 = 18;
    /// INVALID-HASH-INFORMATION.
    pub(crate) const INVALID_HASH_INFORMATION: u16 = 23;
    /// AUTHENTICATION-FAILED.
    pub(crate) const AUTHENTICATION_FAILED: u16 = 24;
    /// RESPONDER-LIFETIME.
    pub(crate) const RESPONDER_LIFETIME: u16 = 24576;
    /// INITIAL-CONTACT.
    pub(crate) const INITIAL_CONTACT: u16 = 24578;
    /// R-U-THERE.
    pub(crate) const R_U_THERE: u16 = 36136;
    /// R-U-THERE-ACK.
    pub(crate) const R_U_THERE_ACK: u16 = 36137;
}

impl IkeError {
    /// The notify that tells the peer, `None` where silence is better.
    pub const fn notify(self) -> Option<u16> {
        match self {
            Self::NoProposal => Some(notify::NO_PROPOSAL_CHOSEN),
            Self::InvalidId => Some(notify::INVALID_ID_INFORMATION),
            Self::AuthenticationFailed => Some(notify::AUTHENTICATION_FAILED),
            Self::InvalidMessage(_) | Self::PeerMisbehaved(_) | Self::LocalPolicy(_) => None,
        }
    }
}
