//! The compiled policy: interfaces, routes, access lists, NAT rules, crypto maps.
