//! ESP tunnel mode over slices: what `seal` and `open` of the line call.

use fastpath::crypto::Engines;
use fastpath::esp::{
    InboundSa, OpenJob, OpenScratch, OutboundSa, SaParameters, SealJob, SealScratch, open_burst,
    seal_burst,
};
use fastpath::tunnel::SlotId;

use super::gateway::budget;
use crate::measure::{BURST, Sample, Subject, measure, timed};
use crate::options::Run;
use crate::report::Figure;
use crate::rig::parameters;

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
    fn new(run: &Run, size: usize) -> Result<Self, String> {
        let engines = Engines::probe();
        let parameters = parameters(run.cipher, 0x1000, SlotId::new(0));
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
            let jobs = packets.iter_mut().map(|packet| SealJob {
                sa: outbound,
                sequence: outbound.reserve(size).unwrap_or(u64::MAX),
                packet,
                inner_len: size,
            });
            assert!(seal_burst(seal, jobs).all(), "every packet was sealed");
        })
    }
}

pub(super) fn seal(run: &Run) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for size in run.ip_sizes() {
        let mut bench = Bench::new(run, size)?;
        let subject = subject("esp-seal", run, size);
        figures.push(measure(subject, budget(run), || sample(bench.seal_once()))?);
    }
    Ok(figures)
}

pub(super) fn open(run: &Run) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for size in run.ip_sizes() {
        let mut bench = Bench::new(run, size)?;
        let inbound =
            InboundSa::build(&bench.parameters, &bench.engines).map_err(|e| e.to_string())?;
        let mut scratch = OpenScratch::new(&bench.engines).map_err(|e| e.to_string())?;
        let figure = measure(subject("esp-open", run, size), budget(run), || {
            bench.seal_once();
            sample(timed(|| {
                let packets = bench.packets.iter_mut();
                let jobs = packets.map(|packet| OpenJob::new(&inbound, &mut packet[20..], 0));
                let outcomes = open_burst(&mut scratch, jobs);
                assert!(
                    outcomes.iter().all(Result::is_ok),
                    "every packet was opened"
                );
            }))
        });
        figures.push(figure?);
    }
    Ok(figures)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the measuring loop takes what may fail"
)]
fn sample(cycles: u64) -> Result<Sample, String> {
    Ok(Sample {
        cycles,
        items: BURST as u64,
    })
}

fn subject(engine: &str, run: &Run, size: usize) -> Subject {
    Subject {
        name: format!("{engine} {}", run.cipher.name()),
        size: size as u64,
        unit: "TSC cycles/packet",
    }
}
