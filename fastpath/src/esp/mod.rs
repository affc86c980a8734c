//! ESP tunnel mode (RFC 4303): framing, replay, lifetimes.
