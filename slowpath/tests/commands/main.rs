//! From a command's text to its effect: the control loop and a worker of the product, driven by one
//! clock, between hosts that see every packet.
//!
//! One process has one EAL, so the tests share one box and take it in turns.

mod flows;
mod interfaces;
mod lab;
mod lists;
mod notices;
mod operator;
mod options;
mod packet;
mod peer;
mod resume;
mod routes;
mod timers;
mod translation;
mod tunnels;
