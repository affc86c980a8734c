//! Holdfast from outside: network-namespace topologies, real peers, scenarios and the demo.
#![forbid(unsafe_code)]

pub mod bounce;
pub mod demo;
#[path = "../fuzz/mod.rs"]
pub mod fuzz;
pub mod inspect;
pub mod lab;
