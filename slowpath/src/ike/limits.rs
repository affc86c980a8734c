//! Every bound of IKE, each with its reason.

/// Bytes of a message: more than any proposal list, less than what a UDP datagram in fragments
/// would cost us.
pub(super) const MESSAGE_LEN_MAX: usize = 8192;
/// Payloads of a message.
pub(super) const PAYLOADS_MAX: usize = 40;
/// Proposals of an SA payload and transforms of a proposal.
pub(super) const PROPOSALS_MAX: usize = 64;
/// Attributes of a transform.
pub(super) const ATTRIBUTES_MAX: usize = 16;
/// Bytes of an identity.
pub(super) const ID_LEN_MAX: usize = 256;
/// Bytes of a nonce (RFC 2409 section 5).
pub(super) const NONCE_LEN_MIN: usize = 8;
/// Bytes of a nonce (RFC 2409 section 5).
pub(super) const NONCE_LEN_MAX: usize = 256;
/// Bytes of our own nonces.
pub(super) const NONCE_LEN: usize = 32;
/// Phase-1 SAs with one peer, half-open ones included: rekeys and collisions need two or three.
pub(super) const PHASE1_PER_PEER_MAX: usize = 8;
/// Exchanges behind one phase-1 SA at a time.
pub(super) const EXCHANGES_MAX: usize = 64;
/// Finished exchanges whose last message is kept, to answer retransmissions alike.
pub(super) const FINISHED_MAX: usize = 32;
/// Milliseconds before each retransmission, and before giving up.
pub(super) const RETRANSMIT_MS: [u64; 5] = [1_000, 2_000, 4_000, 8_000, 12_000];
/// Milliseconds that a responder keeps a phase 1 that does not come to its end.
pub(super) const HALF_OPEN_MS: u64 = 30_000;
/// Probes without an answer before a peer is dead (RFC 3706 leaves the number to us).
pub(super) const DPD_PROBES_MAX: u32 = 3;
/// Seconds that a replaced phase-2 SA still receives.
pub(super) const OVERLAP_S: u64 = 30;
/// Pairs made within these seconds of each other come from both sides negotiating at once.
pub(super) const COLLISION_S: u64 = 10;
/// Rekey ahead of the end of a lifetime: a tenth of it, within these seconds.
pub(super) const REKEY_MARGIN_S: (u64, u64) = (10, 270);

const _: () = assert!(NONCE_LEN >= NONCE_LEN_MIN && NONCE_LEN <= NONCE_LEN_MAX);
