//! Holdfast from outside: network-namespace topologies, real peers, scenarios and the demo.
#![forbid(unsafe_code)]

pub mod demo;
pub mod lab;
