//! ASA messages to buffer, file and hosts.
