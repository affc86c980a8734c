//! Per-worker counters that other threads may read.
