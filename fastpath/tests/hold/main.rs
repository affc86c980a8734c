//! The product's own worker between a client's net and a peer: real ports over rings, real ESP, a
//! clock that the test drives. Held packets above all; also what does not fit or cannot go on.

mod bounce;
mod harness;
mod idle;
mod limits;
#[path = "../office/mod.rs"]
mod office;
mod planned;
mod probe;
mod silent;
mod size;
mod spread;
mod told;
