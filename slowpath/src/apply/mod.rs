//! From a configuration to the snapshot that workers read.
