//! A worker: one polling core with everything that it owns.

pub mod event;
