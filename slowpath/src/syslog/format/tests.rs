use config::MaskedNet;
use fastpath::conn::ConnId;
use fastpath::packet::{FlowKey, protocol};
use fastpath::tunnel::SlotId;
use fastpath::worker::event::{
    ConnRecord, DenyKind, Endpoint, IpsecKind, TeardownReason, XlateRecord,
};
use proptest::prelude::*;

use super::*;

fn names() -> NameTable {
    NameTable {
        interfaces: vec!["outside".to_owned(), "inside".to_owned()],
        access_groups: vec!["outside_in".to_owned()],
        selectors: BTreeMap::from([(
            0x4706_8DBF,
            Selectors {
                local: MaskedNet::new([10, 2, 2, 0].into(), [255, 255, 255, 0].into()),
                remote: MaskedNet::new([10, 3, 3, 0].into(), [255, 255, 255, 0].into()),
                protocol: 0,
                local_port: 0,
                remote_port: 0,
            },
        )]),
    }
}

fn endpoint(interface: u8, octets: [u8; 4], port: u16) -> Endpoint {
    let address = u32::from_be_bytes(octets);
    Endpoint {
        interface,
        address,
        port,
        mapped_address: address,
        mapped_port: port,
    }
}

fn record(protocol: u8) -> ConnRecord {
    ConnRecord {
        id: ConnId(57_983),
        protocol,
        inbound: false,
        foreign: endpoint(0, [198, 51, 100, 7], 80),
        local: endpoint(1, [10, 0, 0, 100], 1135),
        icmp: [8, 0],
    }
}

fn line(event_record: &Event) -> String {
    event(event_record, &names()).expect("a message").line()
}

fn teardown(protocol: u8, reason: TeardownReason) -> String {
    line(&Event::ConnTeardown {
        conn: record(protocol),
        reason,
        duration_s: 36,
        bytes: 53_947,
    })
}

#[test]
fn a_torn_down_tunnel_is_the_line_of_the_note() {
    assert_eq!(
        teardown(protocol::TCP, TeardownReason::TunnelTornDown),
        "%ASA-6-302014: Teardown TCP connection 57983 for outside:198.51.100.7/80 to \
         inside:10.0.0.100/1135 duration 0:00:36 bytes 53947 Tunnel has been torn down"
    );
}

#[test]
fn connections_of_tcp_and_udp() {
    let mut tcp = record(protocol::TCP);
    tcp.local.mapped_address = u32::from_be_bytes([209, 165, 201, 2]);
    tcp.local.mapped_port = 1024;
    assert_eq!(
        line(&Event::ConnBuilt(tcp)),
        "%ASA-6-302013: Built outbound TCP connection 57983 for outside:198.51.100.7/80 \
         (198.51.100.7/80) to inside:10.0.0.100/1135 (209.165.201.2/1024)"
    );
    let mut udp = record(protocol::UDP);
    udp.inbound = true;
    assert_eq!(
        line(&Event::ConnBuilt(udp)),
        "%ASA-6-302015: Built inbound UDP connection 57983 for outside:198.51.100.7/80 \
         (198.51.100.7/80) to inside:10.0.0.100/1135 (10.0.0.100/1135)"
    );
    assert_eq!(
        teardown(protocol::UDP, TeardownReason::ConnTimeout),
        "%ASA-6-302016: Teardown UDP connection 57983 for outside:198.51.100.7/80 to \
         inside:10.0.0.100/1135 duration 0:00:36 bytes 53947"
    );
    assert!(teardown(protocol::TCP, TeardownReason::None).ends_with(" bytes 53947"));
}

#[test]
fn connections_of_icmp_have_the_identifier_on_the_asking_side() {
    let mut outbound = record(protocol::ICMP);
    outbound.foreign = endpoint(0, [8, 8, 8, 8], 4651);
    outbound.local = endpoint(1, [172, 18, 99, 51], 4651);
    outbound.local.mapped_address = u32::from_be_bytes([98, 1, 33, 5]);
    assert_eq!(
        line(&Event::ConnBuilt(outbound)),
        "%ASA-6-302020: Built outbound ICMP connection for faddr 8.8.8.8/0 gaddr \
         98.1.33.5/4651 laddr 172.18.99.51/4651"
    );
    let inbound = ConnRecord {
        inbound: true,
        ..outbound
    };
    assert_eq!(
        line(&Event::ConnTeardown {
            conn: inbound,
            reason: TeardownReason::None,
            duration_s: 2,
            bytes: 64,
        }),
        "%ASA-6-302021: Teardown ICMP connection for faddr 8.8.8.8/4651 gaddr 98.1.33.5/0 \
         laddr 172.18.99.51/0"
    );
}

#[test]
fn events_without_a_message() {
    assert_eq!(event(&Event::ConnBuilt(record(50)), &names()), None);
    let rekey = Event::RekeyWanted {
        slot: SlotId::new(1),
        spi: 256,
        hard: false,
    };
    assert_eq!(event(&rekey, &names()), None);
}

#[test]
fn translations() {
    let mut real = endpoint(1, [192, 168, 1, 5], 56739);
    real.mapped_address = u32::from_be_bytes([56, 22, 114, 12]);
    let xlate = XlateRecord {
        protocol: protocol::UDP,
        real,
        mapped_interface: 0,
    };
    let message = |built, duration_s| {
        line(&Event::Xlate {
            built,
            xlate,
            duration_s,
        })
    };
    assert_eq!(
        message(true, 0),
        "%ASA-6-305011: Built dynamic UDP translation from inside:192.168.1.5/56739 to \
         outside:56.22.114.12/56739"
    );
    assert_eq!(
        message(false, 30),
        "%ASA-6-305012: Teardown dynamic UDP translation from inside:192.168.1.5/56739 to \
         outside:56.22.114.12/56739 duration 0:00:30"
    );
}

fn denied(kind: DenyKind, protocol: u8, detail: u16) -> String {
    let (src, dst) = ([84, 155, 66, 45], [98, 1, 33, 51]);
    line(&Event::Denied {
        kind,
        key: FlowKey::new(
            protocol,
            u32::from_be_bytes(src),
            1215,
            u32::from_be_bytes(dst),
            443,
        ),
        detail,
        interface: 0,
        egress: 1,
        access_group: 0,
    })
}

#[test]
fn tcp_without_a_connection_has_two_blanks() {
    assert_eq!(
        denied(DenyKind::NoConnection, protocol::TCP, 0x10),
        "%ASA-6-106015: Deny TCP (no connection) from 84.155.66.45/1215 to 98.1.33.51/443 \
         flags ACK  on interface outside"
    );
    assert!(denied(DenyKind::NoConnection, protocol::TCP, 0x12).contains("flags SYN ACK  on"));
    assert!(denied(DenyKind::NoConnection, protocol::TCP, 0xff19).contains("FIN PSH ACK  on"));
}

#[test]
fn denials_by_access_group() {
    assert_eq!(
        denied(DenyKind::AccessGroup, protocol::TCP, 2),
        "%ASA-4-106023: Deny tcp src outside:84.155.66.45/1215 dst inside:98.1.33.51/443 by \
         access-group \"outside_in\" [0x0, 0x0]"
    );
    assert_eq!(
        denied(DenyKind::AccessGroup, protocol::ICMP, 0x0801),
        "%ASA-4-106023: Deny icmp src outside:84.155.66.45 dst inside:98.1.33.51 (type 8, code \
         1) by access-group \"outside_in\" [0x0, 0x0]"
    );
    assert_eq!(
        denied(DenyKind::AccessGroup, 47, 0),
        "%ASA-4-106023: Deny protocol 47 src outside:84.155.66.45 dst inside:98.1.33.51 by \
         access-group \"outside_in\" [0x0, 0x0]"
    );
}

#[test]
fn denials_by_security_level() {
    let message = |protocol, detail| denied(DenyKind::SecurityLevel, protocol, detail);
    assert_eq!(
        message(protocol::TCP, 2),
        "%ASA-2-106001: Inbound TCP connection denied from 84.155.66.45/1215 to \
         98.1.33.51/443 flags SYN  on interface outside"
    );
    assert_eq!(
        message(protocol::UDP, 0),
        "%ASA-2-106006: Deny inbound UDP from 84.155.66.45/1215 to 98.1.33.51/443 on interface \
         outside"
    );
    assert_eq!(
        message(protocol::ICMP, 0x0800),
        "%ASA-3-106014: Deny inbound icmp src outside:84.155.66.45 dst inside:98.1.33.51 (type \
         8, code 0)"
    );
    assert_eq!(
        message(89, 0),
        "%ASA-3-106010: Deny inbound protocol 89 src outside:84.155.66.45 dst inside:98.1.33.51"
    );
}

fn ipsec(kind: IpsecKind, spi: u32) -> String {
    let key = |protocol, src: [u8; 4], dst: [u8; 4]| {
        FlowKey::new(
            protocol,
            u32::from_be_bytes(src),
            0,
            u32::from_be_bytes(dst),
            0,
        )
    };
    line(&Event::Ipsec {
        kind,
        spi,
        sequence: 0x2D,
        outer: key(protocol::UDP, [192, 0, 2, 1], [198, 51, 100, 1]),
        inner: key(protocol::ICMP, [10, 9, 9, 9], [10, 2, 2, 2]),
    })
}

#[test]
fn refused_packets_of_ipsec() {
    let esp = "IPSEC: Received an ESP packet (SPI= 0x47068DBF, sequence number= 0x2D) from \
               192.0.2.1";
    let spi = 0x4706_8DBF;
    assert_eq!(
        ipsec(IpsecKind::InvalidSpi, spi),
        format!("%ASA-4-402114: {esp} to 198.51.100.1 with an invalid SPI.")
    );
    assert_eq!(
        ipsec(IpsecKind::Selector, spi),
        format!(
            "%ASA-4-402116: {esp} (user= 192.0.2.1) to 198.51.100.1.  The decapsulated inner \
             packet doesn't match the negotiated policy in the SA.  The packet specifies its \
             destination as 10.2.2.2, its source as 10.9.9.9, and its protocol as 1.  The SA \
             specifies its local proxy as 10.2.2.0/255.255.255.0/0/0 and its remote_proxy as \
             10.3.3.0/255.255.255.0/0/0."
        )
    );
    assert!(ipsec(IpsecKind::Selector, 256).ends_with("and its protocol as 1."));
    assert_eq!(
        ipsec(IpsecKind::NotIpsec, 0),
        "%ASA-4-402117: IPSEC: Received a non-IPSec packet (protocol= UDP) from 192.0.2.1 to \
         198.51.100.1."
    );
    assert_eq!(
        ipsec(IpsecKind::Replay, spi),
        format!(
            "%ASA-4-402119: {esp} (user= 192.0.2.1) to 198.51.100.1 that failed anti-replay \
             checking."
        )
    );
    assert_eq!(
        ipsec(IpsecKind::Authentication, spi),
        format!(
            "%ASA-4-402120: {esp} (user= 192.0.2.1) to 198.51.100.1 that failed authentication."
        )
    );
    assert_eq!(
        ipsec(IpsecKind::Padding, spi),
        "%ASA-6-402130: CRYPTO: Received an ESP packet (SPI = 0x47068DBF, sequence number = \
         0x2D) from 192.0.2.1 (user = 192.0.2.1) to 198.51.100.1 with incorrect IPsec padding."
    );
}

#[test]
fn security_associations() {
    let (local, remote) = ([198, 51, 100, 1].into(), [192, 0, 2, 1].into());
    assert_eq!(
        sa_changed(true, false, 0xCE8C_73AC, local, remote).line(),
        "%ASA-6-602303: IPSEC: An outbound LAN-to-LAN SA (SPI= 0xCE8C73AC) between \
         198.51.100.1 and 192.0.2.1 (user= 192.0.2.1) has been created."
    );
    assert_eq!(
        sa_changed(false, true, 0x100, local, remote).line(),
        "%ASA-6-602304: IPSEC: An inbound LAN-to-LAN SA (SPI= 0x00000100) between \
         198.51.100.1 and 192.0.2.1 (user= 192.0.2.1) has been deleted."
    );
}

#[test]
fn commands_are_audited_without_their_secrets() {
    let lines = |command, changes| -> Vec<String> {
        audit("enable_15", command, changes)
            .iter()
            .map(Message::line)
            .collect()
    };
    assert_eq!(
        lines("clear crypto ipsec sa", false),
        ["%ASA-5-111008: User 'enable_15' executed the 'clear crypto ipsec sa' command."]
    );
    assert_eq!(
        lines("pre-shared-key s3cret word", true),
        [
            "%ASA-5-111008: User 'enable_15' executed the 'pre-shared-key *' command.",
            "%ASA-5-111010: User 'enable_15', running 'CLI' from IP 0.0.0.0, executed \
             'pre-shared-key *'",
        ]
    );
    assert_eq!(
        lines("sh conn", false),
        ["%ASA-7-111009: User 'enable_15' executed cmd: sh conn"]
    );
    assert_eq!(redact("enable pass cisco"), "enable pass *");
    assert_eq!(redact("PRE-SH cisco"), "PRE-SH *");
    assert_eq!(redact("key cisco"), "key *");
    let host = "snmp-server host inside 10.0.0.9";
    assert_eq!(
        redact(&format!("{host} community x udp-port 9")),
        format!("{host} community *")
    );
    assert_eq!(
        redact("crypto isakmp policy 5 authentication pre-share"),
        "crypto isakmp policy 5 authentication pre-share"
    );
}

#[test]
fn start_and_stop() {
    assert_eq!(
        startup().line(),
        "%ASA-6-199002: Startup completed.  Beginning operation."
    );
    assert_eq!(
        shutdown("Nov 23 2026 16:58:42", "enable_15").line(),
        "%ASA-5-199006: Orderly reload started at Nov 23 2026 16:58:42 by enable_15. Reload \
         reason: unspecified"
    );
}

proptest! {
    #[test]
    fn no_numbers_of_an_event_panic(
        kind in 0_usize..3,
        protocol in any::<u8>(),
        detail in any::<u16>(),
        interface in any::<u8>(),
        access_group in any::<u16>(),
    ) {
        let kind = [DenyKind::NoConnection, DenyKind::AccessGroup, DenyKind::SecurityLevel][kind];
        let denied = Event::Denied {
            kind,
            key: FlowKey { protocol, ..FlowKey::default() },
            detail,
            interface,
            egress: 255,
            access_group,
        };
        let message = event(&denied, &NameTable::default()).expect("a message");
        prop_assert!(message.line().starts_with("%ASA-"));
    }
}
