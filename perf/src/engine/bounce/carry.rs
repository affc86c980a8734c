//! What preserving costs while the tunnel is up: the same segments of the same flows through the
//! same tunnel, block by block with PRESERVE and holding on, and with both off.

use std::cell::{Cell, RefCell};

use fastpath::tunnel::ResumeOptions;
use fastpath::wire::tcp::flag::{ACK, PSH};

use super::{Bench, CLIENT_SEQ, STEP_US};
use crate::engine::gateway::budget;
use crate::measure::{BURST, Sample, Subject, measure_both};
use crate::options::Run;
use crate::report::Figure;

/// Headers of a TCP segment over IP.
const HEADERS_BYTES: usize = 40;
/// Memory of held packets: little, so that making it anew for each block disturbs no cache.
const MEMORY_BYTES: u64 = 1 << 20;

/// For each size the figures with both on and with both off, measured in turn.
pub(super) fn measure(bench: &mut Bench, run: &Run) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for size in run.ip_sizes() {
        figures.extend(one_size(bench, run, size)?);
    }
    Ok(figures)
}

fn one_size(bench: &mut Bench, run: &Run, size: usize) -> Result<[Figure; 2], String> {
    let subject = |name: &str| Subject {
        name: name.to_owned(),
        size: size as u64,
        unit: "TSC cycles/packet",
    };
    let bench = RefCell::new(bench);
    let now = Cell::new(None);
    let burst = |on: bool| {
        let mut bench = bench.borrow_mut();
        if now.replace(Some(on)) != Some(on) {
            bench.preserve(on)?;
        }
        bench.carry(size)
    };
    let figures = measure_both(
        [
            subject("seal TCP, preserve and hold"),
            subject("seal TCP, neither"),
        ],
        budget(run),
        || burst(true),
        || burst(false),
    )?;
    bench.borrow_mut().preserve(true)?;
    Ok(figures)
}

impl Bench {
    fn preserve(&mut self, on: bool) -> Result<(), String> {
        let slot = self.rig.tunnels.first().ok_or("no tunnel")?.slot;
        let options = ResumeOptions {
            hold: on,
            hold_memory_bytes: if on { MEMORY_BYTES } else { 0 },
            ..ResumeOptions::OFF
        };
        let told = self.rig.fastpath.tunnels().0.stamp_preserve(slot, on)
            && self.rig.fastpath.set_resume(options);
        self.pass_ticks();
        told.then_some(())
            .ok_or_else(|| "the options were refused".to_owned())
    }

    /// A burst of segments, each of the next flow.
    fn carry(&mut self, size: usize) -> Result<Sample, String> {
        let text = size.saturating_sub(HEADERS_BYTES) as u32;
        let flows: Vec<u32> = (0..BURST as u32)
            .map(|place| (self.next + place) % self.flows)
            .collect();
        self.next = (self.next + BURST as u32) % self.flows;
        self.pass_us(STEP_US);
        let cycles = self.clients(&flows, |bench, flow| {
            bench.client_segment(flow, ACK | PSH, CLIENT_SEQ, text)
        })?;
        self.expect_outside(flows.len())?;
        Ok(Sample {
            cycles,
            items: flows.len() as u64,
        })
    }
}
