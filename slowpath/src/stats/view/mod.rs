//! The `show` outputs: one plain view per command, owned values in, the ASA 8.2 text out.
//!
//! A view knows nothing of live state: whoever fills it has read the state already. Every rendered
//! line ends with a line feed. Each module says whether its layout is from a published sample or
//! by knowledge of 8.2. With `"format": "json"` the same structs are serialized.

pub mod arp;
pub mod asp_drop;
pub mod balance;
pub mod conn;
pub mod duration;
pub mod interface;
pub mod ipsec_sa;
pub mod isakmp_sa;
pub mod logging;
pub mod raw_conn;
pub mod route;
pub mod snmp;
pub mod version;
pub mod vpn_bounce;
pub mod vpn_context;
pub mod xlate;

use std::fmt::{Arguments, Write};

use serde::Serialize;

/// Text that grows by formatted pieces.
pub(crate) trait Append {
    /// Appends `piece`.
    fn append(&mut self, piece: Arguments<'_>);
}

impl Append for String {
    fn append(&mut self, piece: Arguments<'_>) {
        self.write_fmt(piece)
            .expect("writing to a String does not fail");
    }
}

/// The name that `show conn` and the logs give an IP protocol; numbers without a name stay numbers.
pub fn protocol_name(protocol: u8) -> String {
    match protocol {
        1 => "ICMP".to_owned(),
        6 => "TCP".to_owned(),
        17 => "UDP".to_owned(),
        47 => "GRE".to_owned(),
        50 => "ESP".to_owned(),
        51 => "AH".to_owned(),
        other => other.to_string(),
    }
}

/// The view as one JSON object.
pub fn to_json(view: &impl Serialize) -> String {
    serde_json::to_string(view)
        .unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() }).to_string())
}
