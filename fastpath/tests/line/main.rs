//! The line on a real EAL: frames in at a port that loops, records, counters and punts out.
//!
//! One process has one EAL, so the tests share one running fastpath and take it in turns.

mod checksum;
mod harness;
mod next_hop;
mod path_mtu;
mod reclassify;
mod reopen;
mod reset;
