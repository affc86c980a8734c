//! What the box shows of itself.

pub mod view;
