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
/// Phase-1 SAs with one peer beyond its first message: rekeys and collisions need two or three at a
/// time, and the replaced ones are the first to make room.
pub(super) const PHASE1_PER_PEER_MAX: usize = 8;
/// First messages of one peer that wait for the third one, which proves that the sender has seen
/// our answer: the oldest one makes room. So somebody who writes a peer's address on first
/// messages needs a thousand of them per second to keep out a peer that answers within 60
/// milliseconds.
pub(super) const UNPROVEN_PER_PEER_MAX: usize = 64;
/// The same for all peers together: 32 MiB, if each has the largest message.
pub(super) const UNPROVEN_MAX: usize = 4_096;
/// Exchanges behind one phase-1 SA at a time.
pub(super) const EXCHANGES_MAX: usize = 64;
/// Quick modes by one phase-1 SA, after which it is replaced: the numbers of all of them are kept,
/// so that none is taken up twice.
pub(super) const QUICK_IDS_MAX: usize = 4096;
/// Finished exchanges whose last message is kept, to answer retransmissions alike.
pub(super) const FINISHED_MAX: usize = 32;
/// Milliseconds before each retransmission, and before giving up: 27 seconds in all, never more
/// than two without a try, because flows wait for the path to come back.
pub(super) const RETRANSMIT_MS: [u64; 18] = [
    500, 500, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000,
    2_000, 2_000, 2_000, 2_000,
];
/// Milliseconds that a responder keeps a phase 1 that does not come to its end.
pub(super) const HALF_OPEN_MS: u64 = 30_000;
/// The same of an initiator, whose messages are sent again for less long.
pub(super) const INITIATING_MS: u64 = 240_000;
/// Probes without an answer before a peer is dead (RFC 3706 leaves the number to us).
pub(super) const DPD_PROBES_MAX: u32 = 3;
/// Milliseconds between urgent probes: seven of them, so that losses on the way are no death, in a
/// time that leaves a dead peer of a busy tunnel declared within two seconds.
pub(super) const URGENT_WAITS_MS: [u64; 6] = [100, 100, 100, 150, 150, 150];
/// Least and most milliseconds beyond the mean round trip that the last urgent probe waits.
pub(super) const ANSWER_WAIT_MS: (u64, u64) = (200, 300);
/// Probes of which answers are of use: the urgent ones, and one that proves.
pub(super) const PROBES_OUT_MAX: usize = 8;
/// Seconds between two acts that hints of the same peer can cause: a probe after one of somebody
/// who is not authenticated, a pair that is negotiated again.
pub(super) const HINT_INTERVAL_S: u64 = 10;
/// Seconds that a replaced SA still receives.
pub(super) const OVERLAP_S: u64 = 30;
/// Seconds between the ends of two phase-1 SAs that both sides began at once: each side may take
/// the other one's for replaced, and what one of them deletes first is gone for both.
pub(super) const APART_S: u64 = 10;
/// Both sides have negotiated at once when the one's exchange began before the pair of the other
/// was made, or so much later that its first message may have been lost and sent again.
pub(super) const COLLISION_MS: u64 = 2_000;
/// Milliseconds from the first message of a quick mode in which its peer is not probed. A peer may
/// keep the state of few exchanges behind one phase-1 SA (strongSwan: of three), and a probe and
/// its answer are two.
pub(super) const QUICK_MS: u64 = 1_000;
/// Milliseconds from the third message of quick mode to the probe that asks whether the peer has
/// the pair. A peer whose threads take messages in no order (strongSwan) would answer it before.
pub(super) const PROVE_DELAY_MS: u64 = 10;
/// Within so many milliseconds of a pair that we began, a peer that could not read a message has
/// perhaps not read its third one.
pub(super) const UNREAD_MS: u64 = 3_000;
/// The end that did not begin a pair's exchange replaces it no earlier, so that its own is not
/// taken for one that began at the same time.
pub(super) const REKEY_AGE_MS: u64 = COLLISION_MS + 500;
/// Pairs without a place in the configuration that one step ends: a DELETE each, which is hashed
/// and encrypted, and what the tunnel owner does then.
pub(super) const ORPHANS_PER_STEP: usize = 16;
/// Phase-1 SAs of peers that are not configured that one step ends: a DELETE each too, and the end
/// of what they negotiate.
pub(super) const STRANGERS_PER_STEP: usize = 16;
/// Phase-1 SAs, and as many pairs, whose timers one call serves: a message each, which is hashed
/// and encrypted in some ten microseconds. The others stay due.
pub(super) const TIMERS_PER_CALL: usize = 64;
/// Milliseconds between two tries to replace a pair by itself: one that cannot even begin does not
/// stay due, and those behind it have their turn.
pub(super) const REKEY_RETRY_MS: u64 = 1_000;
/// Rekey ahead of the end of a lifetime: a tenth of it, within these seconds.
pub(super) const REKEY_MARGIN_S: (u64, u64) = (10, 270);
/// Seconds between two tries to replace a phase-1 SA: one has given up by then.
pub(super) const PHASE1_REKEY_RETRY_S: u64 = 30;

const _: () = assert!(PROBES_OUT_MAX > URGENT_WAITS_MS.len());
const _: () = assert!(NONCE_LEN >= NONCE_LEN_MIN && NONCE_LEN <= NONCE_LEN_MAX);
