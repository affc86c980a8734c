//! Read-copy-update by quiescent states.
