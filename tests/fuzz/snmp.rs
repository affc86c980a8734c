//! A datagram to the port on which wrong communities are heard.

use slowpath::snmp::{Query, hear};

use super::Target;

/// Queries of SNMP.
pub const TARGET: Target = Target {
    name: "snmp",
    run,
    seeds,
    len_max: 600,
};

fn run(input: &[u8]) {
    let ours = hear(input, |_| true);
    let theirs = hear(input, |_| false);
    match ours {
        Query::Known => assert_eq!(theirs, Query::Unknown),
        other => assert!(other == theirs && other != Query::Unknown),
    }
    // Nothing is read behind the message.
    let mut longer = input.to_vec();
    longer.push(0);
    if ours != Query::Malformed {
        assert_eq!(hear(&longer, |_| true), ours);
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let get = [
        0x30, 0x26, 0x02, 0x01, 0x01, 0x04, 0x06, b'p', b'u', b'b', b'l', b'i', b'c', 0xa0, 0x19,
        0x02, 0x01, 0x01, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x30, 0x0e, 0x30, 0x0c, 0x06, 0x08,
        0x2b, 6, 1, 2, 1, 1, 1, 0, 0x05, 0x00,
    ];
    let mut long = get.to_vec();
    long.splice(1..2, [0x82, 0x00, 0x26]);
    let mut version_3 = get.to_vec();
    version_3[4] = 3;
    vec![
        Vec::new(),
        get.to_vec(),
        long,
        version_3,
        get[..12].to_vec(),
    ]
}
