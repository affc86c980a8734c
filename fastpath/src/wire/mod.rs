//! Protocol headers: parse and emit, each file of one protocol.
