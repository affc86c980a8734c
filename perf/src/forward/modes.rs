//! What a forwarding thread does with a burst.

use std::sync::Arc;

use fastpath::dpdk::{Pool, RxQueue, TxQueue};
use fastpath::limits::BURST_MAX;

use super::arp;
use super::generator::Generator;
use super::meter::Counters;
use crate::measure::BURST;
use crate::options::Mode;
use crate::rig::Packets;

/// One port of a thread.
#[derive(Debug)]
pub(crate) struct Leg {
    /// Its receive queue; a port with fewer queues than threads leaves some without.
    pub(crate) receive: Option<RxQueue>,
    /// Its transmit queue.
    pub(crate) transmit: TxQueue,
    /// What is counted.
    pub(crate) counters: Arc<Counters>,
}

/// The ports of one thread, each with the one that it forwards to.
#[derive(Debug)]
pub(crate) struct Legs {
    /// The ports.
    pub(crate) ports: Vec<Leg>,
    /// The other one of each.
    pub(crate) pairs: Vec<usize>,
    /// Buffers.
    pub(crate) pool: Pool,
}

const _: () = assert!(BURST <= BURST_MAX, "a burst fits");

impl Legs {
    /// One round over all ports.
    pub(crate) fn round(&mut self, mode: Mode, generator: &mut Generator, forwards: bool) {
        for at in 0..self.ports.len() {
            let mut packets = Packets::new();
            self.receive(at, &mut packets);
            match mode {
                _ if !forwards => packets.clear(),
                Mode::Io => self.send(self.pairs[at], &mut packets),
                Mode::Macswap => {
                    packets
                        .iter_mut()
                        .for_each(|packet| swap(packet.data_mut()));
                    self.send(self.pairs[at], &mut packets);
                }
                Mode::Txonly => {
                    packets.clear();
                    generator.fixed(self.pool, &mut packets);
                    self.send(at, &mut packets);
                }
                Mode::Flowgen => {
                    generator.note(&packets, &self.ports[at].counters);
                    packets.retain(|packet| arp::answer(packet.data_mut()));
                    self.send(at, &mut packets);
                    if at % 2 == 0 {
                        generator.due(self.pool, &mut packets);
                        self.send(at, &mut packets);
                    }
                }
                Mode::Rxonly | Mode::Gateway | Mode::Firewall => packets.clear(),
            }
        }
    }

    fn receive(&mut self, at: usize, packets: &mut Packets) {
        let Leg {
            receive, counters, ..
        } = &mut self.ports[at];
        if let Some(queue) = receive {
            let count = queue.receive(packets, BURST);
            Counters::add(&counters.received, count as u64);
        }
    }

    fn send(&mut self, at: usize, packets: &mut Packets) {
        if packets.is_empty() {
            return;
        }
        let Leg {
            transmit, counters, ..
        } = &mut self.ports[at];
        let sent = transmit.transmit(packets);
        Counters::add(&counters.sent, sent as u64);
        Counters::add(&counters.refused, packets.len() as u64);
        packets.clear();
    }
}

/// Swaps the station addresses.
fn swap(frame: &mut [u8]) {
    if let Some(front) = frame.first_chunk_mut::<12>() {
        let (destination, source) = front.split_at_mut(6);
        destination.swap_with_slice(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stations_are_swapped() {
        let mut frame: Vec<u8> = (0..20).collect();
        swap(&mut frame);
        assert_eq!(frame[..14], [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 12, 13]);
    }
}
