//! A frame from the wire: every header, what is answered, and what is rewritten.

use fastpath::verdict::DropReason;
use fastpath::wire::ethernet::ethertype;
use fastpath::wire::tcp::{MssBounds, Options};
use fastpath::wire::translate::{End, translate, translate_error};
use fastpath::wire::{Arp, Datagram, Ethernet, Icmp, Ipv4, Mac, Tcp, checksum, datagram};
use fastpath::wire::{fragment, icmp, ipv4, tcp, udp};
use slowpath::local::{echo_reply, ike_datagram};

use super::{Script, Target, packets};

/// Frames.
pub const TARGET: Target = Target {
    name: "frame",
    run,
    seeds,
    len_max: 256,
};

const OURS: u32 = 0xc000_0202;
const BOUNDS: MssBounds = MssBounds {
    max: 1380,
    min: 600,
};

/// Five decisions, then a frame.
fn run(input: &[u8]) {
    let mut script = Script(input);
    let (address, port) = (u32::from(script.word()) << 8 | 7, script.word());
    let end = script.pick(&[End::Source, End::Destination]);
    let Some((header, payload)) = Ethernet::parse(script.0) else {
        return;
    };
    let _ = (header.dst().is_group(), header.src());
    if header.ethertype() == ethertype::ARP {
        return arp(payload);
    }
    let _ = (ike_datagram(payload), udp_checksum(payload));
    answers(payload);
    let parsed = datagram::parse(payload, payload.len());
    if let Some(plain) = datagram::plain(payload) {
        let (key, l3_len) = (plain.key, plain.l3_len);
        let known = parsed.map(|it| (it.key, it.l3_len, it.l4_offset, it.flags, it.is_fragment));
        assert_eq!(known, Ok((key, l3_len, 20, 0, false)));
        assert!(datagram::header_checksum_is_valid(payload));
    }
    if let Ok(parsed) = parsed {
        inside(payload, &parsed);
        rewritten(payload, &parsed, end, address, port);
        // A head that was cut short hides nothing and invents nothing.
        let cut = payload.len() / 2;
        if let Ok(short) = datagram::parse(&payload[..cut], payload.len()) {
            assert_eq!(short, parsed);
        }
    }
    fragments(payload, port);
}

fn arp(payload: &[u8]) {
    let Some(packet) = Arp::parse(payload) else {
        return;
    };
    let reply = packet.reply(Mac([2; 6]));
    assert_eq!(reply.sender_address(), packet.target_address());
    assert_eq!(reply.target_address(), packet.sender_address());
    let _ = packet.operation();
}

fn udp_checksum(packet: &[u8]) -> Option<bool> {
    let ip = Ipv4::parse(packet)?;
    let segment = packet.get(ip.header_len()..)?;
    Some(udp::checksum_is_valid(ip.src(), ip.dst(), segment))
}

/// What the box says about a packet is itself a sound packet.
fn answers(packet: &[u8]) {
    let sound = |answer: &[u8]| {
        assert!(checksum::is_valid(&answer[..ipv4::LEN]), "{answer:02x?}");
        let parsed = datagram::parse(answer, answer.len());
        // An answer goes where the packet came from, also from an address that answers nobody.
        let addresses = [DropReason::BadIpAddress, DropReason::LandAttack];
        assert!(
            parsed.map_or_else(|reason| addresses.contains(&reason), |_| true),
            "{parsed:?} {answer:02x?}"
        );
    };
    if let Some(reset) = tcp::reset(packet) {
        sound(&reset);
    }
    if let Some((_, reply)) = echo_reply(packet) {
        sound(&reply);
        assert!(echo_reply(&reply).is_none(), "an answer is not answered");
    }
    let mut out = [0; icmp::ERROR_LEN_MAX];
    for what in [
        icmp::Error::TimeExceeded,
        icmp::Error::FragmentationNeeded { mtu: 1400 },
    ] {
        if let Some(len) = icmp::error(what, OURS, packet, &mut out) {
            assert!(checksum::is_valid(&out[..ipv4::LEN]));
            assert!(checksum::is_valid(&out[ipv4::LEN..len]));
            let again = icmp::error(what, OURS, &out[..len], &mut [0; icmp::ERROR_LEN_MAX]);
            assert!(again.is_none(), "no error about an error");
        }
    }
}

/// What was parsed lies in the packet.
fn inside(packet: &[u8], parsed: &Datagram) {
    assert!(usize::from(parsed.l3_len) <= packet.len());
    assert!(parsed.l4_offset <= parsed.l3_len);
    let segment = &packet[usize::from(parsed.l4_offset)..usize::from(parsed.l3_len)];
    for (kind, at, value) in Options::of(segment) {
        assert!(kind != 0 && tcp::LEN + at + value.len() <= segment.len());
    }
    let _ = (
        Options::of(segment).mss(),
        Options::of(segment).window_scale(),
    );
    let _ = Icmp::parse(segment);
}

/// Whether the sums of a packet are right as it is.
fn sums_fit(packet: &[u8], parsed: &Datagram) -> bool {
    let segment = &packet[usize::from(parsed.l4_offset)..usize::from(parsed.l3_len)];
    let (src, dst) = (parsed.key.src, parsed.key.dst);
    datagram::header_checksum_is_valid(packet)
        && match parsed.key.protocol {
            6 => checksum::segment_is_valid(src, dst, 6, segment),
            17 => udp::checksum_is_valid(src, dst, segment),
            1 => checksum::is_valid(segment),
            _ => true,
        }
}

/// A rewritten packet is as sound as it was, and is taken back by rewriting it back.
fn rewritten(packet: &[u8], parsed: &Datagram, end: End, address: u32, port: u16) {
    let is_error = parsed.flags & fastpath::packet::flag::ICMP_ERROR != 0;
    let mut copy = packet.to_vec();
    let offset = usize::from(parsed.l4_offset);
    if is_error {
        if translate_error(&mut copy, offset, end, address, port).is_none() {
            assert_eq!(copy, packet);
        }
        return;
    }
    if parsed.is_fragment {
        return;
    }
    let fits = sums_fit(packet, parsed);
    if translate(&mut copy, offset, end, address, port).is_none() {
        assert_eq!(copy, packet);
        return;
    }
    if let (true, Ok(after)) = (fits, datagram::parse(&copy, copy.len())) {
        assert!(sums_fit(&copy, &after), "{packet:02x?} {copy:02x?}");
    }
    if parsed.key.protocol == 6 {
        clamped(&mut copy, offset);
    }
}

fn clamped(packet: &mut [u8], offset: usize) {
    let segment = &mut packet[offset..];
    if let Some((old, new)) = tcp::rewrite_mss(segment, BOUNDS) {
        assert_eq!(BOUNDS.clamp(old), new);
        assert_eq!(Options::of(segment).mss().map(|(_, mss)| mss), Some(new));
        assert!(
            tcp::rewrite_mss(segment, BOUNDS).is_none(),
            "once is enough"
        );
    }
    let _ = Tcp::parse(segment).map(|(header, _)| tcp::flags_are_sane(header.flags()));
}

/// The pieces of a packet are the packet, and each fits.
fn fragments(packet: &[u8], mtu: u16) {
    let Some(header) = Ipv4::parse(packet) else {
        return;
    };
    let Ok(lengths) = header.lengths(packet.len()) else {
        return;
    };
    let payload_len = usize::from(lengths.total - lengths.header);
    let mtu = usize::from(mtu % 256);
    let Some(plan) = fragment::plan(&header, payload_len, mtu) else {
        return;
    };
    let mut end = 0;
    for piece in plan {
        assert_eq!(piece.start, end);
        assert!(piece.len > 0 && ipv4::LEN + piece.len <= mtu);
        let made = fragment::header(&header, &piece);
        assert!(checksum::is_valid(made.as_bytes()));
        assert_eq!(
            made.fragment_offset(),
            header.fragment_offset() + piece.start
        );
        end += piece.len;
    }
    assert_eq!(end, payload_len);
}

fn seeds() -> Vec<Vec<u8>> {
    let frame = |kind: u16, payload: &[u8]| {
        let header = Ethernet::emit(Mac([2; 6]), Mac([4; 6]), kind);
        [&[0x0a, 0, 0, 99, 0][..], &header.0, payload].concat()
    };
    let request = Arp::request((Mac([4; 6]), 0x0a00_0001), OURS);
    let packets = packets::all();
    let packets = packets.iter().map(|it| frame(ethertype::IPV4, it));
    packets
        .chain([frame(ethertype::ARP, &request.0), Vec::new()])
        .collect()
}
