//! Bounded single-producer single-consumer rings.
