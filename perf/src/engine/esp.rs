//! ESP tunnel mode over slices: what `seal` and `open` of the line call.

use config::{Encryption, MaskedNet};
use fastpath::crypto::Engines;
use fastpath::esp::{
    InboundSa, OpenJob, OpenScratch, OutboundSa, SaParameters, SealJob, SealScratch, Selectors,
    Suite, open_burst, seal_burst,
};
use fastpath::tunnel::SlotId;

use super::{BURST, Load, cycles_per_item, timed};
use crate::report::Figure;

const KEY: [u8; 20] = [7; 20];

fn parameters(suite: Suite) -> SaParameters<'static> {
    SaParameters {
        spi: 0x1000,
        suite,
        encryption_key: &KEY,
        integrity_key: &[],
        local: 0x0a00_0001,
        remote: 0x0a00_0002,
        encapsulation: None,
        esn: true,
        replay_window: 1024,
        lifetime_bytes: None,
        slot: SlotId::new(0),
        selectors: Selectors::between(MaskedNet::ANY, MaskedNet::ANY),
        home: 0,
    }
}

/// The parts of one run.
struct Bench {
    engines: Engines,
    outbound: OutboundSa,
    parameters: SaParameters<'static>,
    seal: SealScratch,
    packets: Vec<Vec<u8>>,
    inner: Vec<u8>,
}

impl Bench {
    fn new(size: usize) -> Result<Self, String> {
        let engines = Engines::probe();
        let suite = Suite::new(Encryption::AesGcm128, None).ok_or("no such suite")?;
        let parameters = parameters(suite);
        let outbound = OutboundSa::build(&parameters, &engines).map_err(|e| e.to_string())?;
        let seal = SealScratch::new(&engines, &[9; 16]).map_err(|e| e.to_string())?;
        let mut inner = fastpath::wire::Ipv4::emit(1, 2, 17, size.saturating_sub(20))
            .0
            .to_vec();
        inner.resize(size, 0x5a);
        let len = outbound.head_len() + size + outbound.tail_len(size);
        Ok(Self {
            engines,
            outbound,
            parameters,
            seal,
            packets: vec![vec![0; len]; BURST],
            inner,
        })
    }

    /// Fresh inner packets, then one sealed burst; the cycles of sealing alone.
    fn seal_once(&mut self) -> u64 {
        let head = self.outbound.head_len();
        let size = self.inner.len();
        for packet in &mut self.packets {
            packet[head..head + size].copy_from_slice(&self.inner);
        }
        let Self {
            outbound,
            seal,
            packets,
            ..
        } = self;
        timed(|| {
            let mut jobs: Vec<SealJob<'_>> = packets
                .iter_mut()
                .map(|packet| SealJob {
                    sa: outbound,
                    sequence: outbound.reserve(size).unwrap_or(u64::MAX),
                    packet,
                    inner_len: size,
                    sealed: false,
                })
                .collect();
            seal_burst(seal, &mut jobs);
            assert!(jobs.iter().all(|job| job.sealed), "every packet was sealed");
        })
    }
}

pub(super) fn seal(load: &Load) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for &size in &load.sizes {
        let mut bench = Bench::new(size)?;
        let (value, best) = cycles_per_item(load, || bench.seal_once());
        figures.push(figure("esp-seal aes-128-gcm", size, value, best));
    }
    Ok(figures)
}

pub(super) fn open(load: &Load) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for &size in &load.sizes {
        let mut bench = Bench::new(size)?;
        let inbound =
            InboundSa::build(&bench.parameters, &bench.engines).map_err(|e| e.to_string())?;
        let mut scratch = OpenScratch::new(&bench.engines).map_err(|e| e.to_string())?;
        let (value, best) = cycles_per_item(load, || {
            bench.seal_once();
            timed(|| {
                let mut jobs: Vec<OpenJob<'_>> = bench
                    .packets
                    .iter_mut()
                    .map(|packet| OpenJob::new(&inbound, &mut packet[20..], 0))
                    .collect();
                open_burst(&mut scratch, &mut jobs);
                assert!(
                    jobs.iter().all(|job| job.outcome.is_ok()),
                    "every packet was opened"
                );
            })
        });
        figures.push(figure("esp-open aes-128-gcm", size, value, best));
    }
    Ok(figures)
}

fn figure(name: &str, size: usize, value: f64, best: f64) -> Figure {
    Figure {
        name: name.to_owned(),
        size: size as u64,
        value,
        best,
        unit: "TSC cycles/packet",
    }
}
