//! Every bound of a turn of the control loop, each with its reason.
//!
//! A turn takes five milliseconds at the most. What does not fit is a job of another thread, or it
//! is done in steps, so many in one turn.

/// Packets that one turn takes from each worker: what IKE and ARP make of one takes microseconds.
pub(crate) const PUNTS_PER_TURN: usize = 64;
/// Events that one turn takes from each worker: a line of the log each.
pub(crate) const EVENTS_PER_TURN: usize = 512;
/// Answers of each worker that one turn takes when nobody reads them.
pub(crate) const REPLIES_PER_TURN: usize = 256;
/// Actions of IKE that one turn carries out.
pub(crate) const ACTIONS_PER_TURN: usize = 256;
/// Results of other threads that one turn takes: a negotiation's next step takes up to a tenth of
/// a millisecond.
pub(crate) const RESULTS_PER_TURN: usize = 16;
/// Tunnels that one turn adds, changes or removes after an edit: one with its SAs takes some ten
/// microseconds to remove.
pub(crate) const RECONCILED_PER_TURN: usize = 128;
/// Notes on an edit that one turn writes to the log.
pub(crate) const NOTES_PER_TURN: usize = 64;
/// Peers whose next hops one turn looks up.
pub(crate) const PEERS_PER_TURN: usize = 256;
/// Tunnels that one turn copies for readers.
pub(crate) const COPIED_PER_TURN: usize = 128;
/// Rows of such a copy that one turn frees: faster than they are made.
pub(crate) const FREED_PER_TURN: usize = 2 * COPIED_PER_TURN;
/// Copies whose rows the control loop frees: more are read at once by nobody.
pub(crate) const COPIES_KEPT: usize = 4;
/// Traps that one turn sends, each to every receiver.
pub(crate) const TRAPS_PER_TURN: usize = 16;
/// Datagrams to port 161 that one turn looks at.
pub(crate) const QUERIES_PER_TURN: usize = 16;
/// Time for which edits are gathered before they are compiled: a script's next line is there.
pub(crate) const EDIT_QUIET_MS: u64 = 20;
/// Time after which gathered edits are compiled although more come: nobody waits longer for what
/// was typed.
pub(crate) const EDIT_WAIT_MAX_MS: u64 = 200;
/// Pieces of public-key work that wait, some seconds of it. More is refused, its negotiations end,
/// and the tunnels ask again.
pub(crate) const KEY_JOBS_MAX: usize = 1024;
/// Other jobs that wait: each session asks for one at a time, and edits are compiled one after the
/// other.
pub(crate) const JOBS_MAX: usize = 64;
/// Wrong lines of a configuration file that the log names: who has more runs the check.
pub(crate) const WRONG_LINES_LOGGED: usize = 16;
/// Flows of access-list entries with `log` that are counted at once and were denied: the ASA's
/// default of `access-list deny-flow-max`.
pub(crate) const DENIED_FLOWS_MAX: usize = 4096;
/// The same of permitted flows; beyond that each opening is logged as a first one.
pub(crate) const PERMITTED_FLOWS_MAX: usize = 4096;
/// Intervals of such flows that end in one turn: a line of the log each.
pub(crate) const INTERVALS_PER_TURN: usize = 256;
