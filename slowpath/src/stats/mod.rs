//! What the box shows of itself.
