//! What users are promised, played by real boxes in network namespaces. One program for all of it,
//! so that what waits takes no turn of what works.
#![forbid(unsafe_code)]

mod bounces;
mod by_time;
mod decisions;
mod foreign;
mod nat;
mod preserve;
mod rekey;
mod spread;
mod strongswan;
