//! Ciphers and MACs behind one trait whose calls take many packets.
