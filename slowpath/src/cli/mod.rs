//! The command line: lines in, text out.
