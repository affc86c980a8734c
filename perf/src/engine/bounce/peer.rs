//! Both ends of the engine's flows: clients in clear, servers behind the tunnel's peer.

use fastpath::dpdk::Mbuf;
use fastpath::esp::{OpenJob, SealJob, open_burst, seal_burst};
use fastpath::packet::{FlowKey, protocol};
use fastpath::verdict::DropReason;
use fastpath::wire::tcp::flag::SYN;
use fastpath::wire::{Tcp, ipv4};

use super::{Bench, CLIENT_SEQ, SERVER_SEQ, TEXT};
use crate::rig::frames::{IP_OFFSET, Segment, key_of, tcp_frame, write_ethernet};
use crate::rig::plan;

impl Bench {
    fn key(flow: u32) -> FlowKey {
        FlowKey {
            protocol: protocol::TCP,
            ..plan::tunnel_flow(flow, 0)
        }
    }

    /// A segment of the client's.
    pub(super) fn client_segment(
        &self,
        flow: u32,
        flags: u8,
        seq: u32,
        text: u32,
    ) -> Result<Mbuf, String> {
        let segment = Segment {
            key: Self::key(flow),
            seq,
            ack: if flags & SYN != 0 { 0 } else { SERVER_SEQ + 1 },
            flags,
            payload_len: text as usize,
        };
        let frame = tcp_frame(self.lane.pool, self.lane.inside.box_mac, &segment);
        frame.ok_or_else(|| "the generator has no buffer".to_owned())
    }

    /// A segment of the server's, sealed by the peer.
    pub(super) fn server_segment(
        &mut self,
        flow: u32,
        flags: u8,
        seq: u32,
        ack: u32,
    ) -> Result<Mbuf, String> {
        let lane = &self.lane;
        let segment = Segment {
            key: Self::key(flow).reversed(),
            seq,
            ack,
            flags,
            payload_len: 0,
        };
        let clear = tcp_frame(lane.pool, lane.outside.box_mac, &segment);
        let clear = clear.ok_or("the generator has no buffer")?;
        let inner = clear.data().get(IP_OFFSET..).unwrap_or_default();
        let tunnel = self.rig.tunnels.first().ok_or("no tunnel")?;
        let sa = &tunnel.outbound;
        let (head, tail) = (sa.head_len(), sa.tail_len(inner.len()));
        let mut sealed = lane.pool.allocate().ok_or("the generator has no buffer")?;
        if !sealed.append(IP_OFFSET + head + inner.len() + tail) {
            return Err("the packet does not fit a buffer".to_owned());
        }
        write_ethernet(sealed.data_mut(), lane.outside.box_mac);
        let packet = &mut sealed.data_mut()[IP_OFFSET..];
        packet[head..head + inner.len()].copy_from_slice(inner);
        let job = SealJob {
            sa,
            sequence: sa.reserve(inner.len()).map_err(DropReason::key)?,
            packet,
            inner_len: inner.len(),
        };
        if !seal_burst(&mut self.seal, [job]).all() {
            return Err("the peer could not seal".to_owned());
        }
        Ok(sealed)
    }

    /// The flow of a copy that came to the peer, checked against what its client sent.
    pub(super) fn opened(&mut self, frame: &mut [u8]) -> Result<u32, String> {
        let tunnel = self.rig.tunnels.first().ok_or("no tunnel")?;
        let esp = frame.get_mut(IP_OFFSET + ipv4::LEN..).ok_or("no ESP")?;
        let job = OpenJob::new(&tunnel.inbound, esp, 0);
        let opened = open_burst(&mut self.open, [job])[0].map_err(DropReason::key)?;
        let inner = esp.get(opened.range());
        let inner = inner.ok_or("no inner packet")?;
        let framed = [&[0; IP_OFFSET][..], inner].concat();
        let key = key_of(&framed).ok_or("no flow")?;
        let host = key.src - plan::host(0);
        let place = u32::from(key.sport) - 1024 + (key.dst - Self::key(0).dst) * 60_000;
        let flow = place * plan::HOSTS + host;
        let (header, text) = Tcp::parse(&inner[ipv4::LEN..]).ok_or("no TCP")?;
        let acked = self.acked.get(flow as usize).ok_or("nobody's flow")?;
        let expected = (Self::key(flow), CLIENT_SEQ.wrapping_add(*acked));
        if (key, header.sequence()) != expected || text.len() != TEXT as usize {
            return Err("a copy is not what its client sent".to_owned());
        }
        Ok(flow)
    }
}
