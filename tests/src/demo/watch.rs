//! A download under watch: sampled, shown, and bounced by the bytes already received.

use std::time::{Duration, Instant};

use super::live_line::LiveLine;
use super::report::{Bounce, Sample};
use crate::lab::download::Download;
use crate::lab::error::{Result, failed};
use crate::lab::flow_log::{count, live_ids, messages};
use crate::lab::interrupt::pause;
use crate::lab::topology::SERVER;

/// How often the received bytes are looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How often they are kept for the picture.
const SAMPLE: Duration = Duration::from_millis(250);
/// A bounce that leaves the tunnel up is over once bytes have flowed for so long after it.
const SETTLED: Duration = Duration::from_secs(2);
/// Bytes flow when no gap is longer.
const FLOWING: Duration = Duration::from_millis(500);
/// A tunnel that is not up by then, or a flow that has not resumed, is lost. The retransmission
/// timer of a sender may have grown to half a minute in the longest outage.
const RESUME_MAX: Duration = Duration::from_secs(75);

/// The watched download.
#[derive(Debug)]
pub struct Watch {
    download: Download,
    line: LiveLine,
    start: Instant,
    bytes: u64,
    progress_at: Instant,
    longest_gap: Duration,
    samples: Vec<Sample>,
    exit_code: Option<i32>,
}

impl Watch {
    /// Watches `download` of `total_bytes`.
    pub fn new(label: &'static str, download: Download, total_bytes: u64) -> Self {
        let start = Instant::now();
        Self {
            download,
            line: LiveLine::new(label, total_bytes),
            start,
            bytes: 0,
            progress_at: start,
            longest_gap: Duration::ZERO,
            samples: vec![Sample {
                at_s: 0.0,
                bytes: 0,
            }],
            exit_code: None,
        }
    }

    /// One look; true when bytes came.
    fn look(&mut self) -> Result<bool> {
        pause(LOOK)?;
        let now = Instant::now();
        // curl's end is asked for first: what it wrote before its end is then in the count.
        self.exit_code = self.download.exit_code()?;
        let bytes = self.download.received_bytes();
        let progress = bytes > self.bytes;
        self.longest_gap = self.longest_gap.max(now - self.progress_at);
        if progress {
            self.bytes = bytes;
            self.progress_at = now;
        }
        let at_s = (now - self.start).as_secs_f64();
        if let Some(last) = self.samples.last().copied()
            && at_s - last.at_s >= SAMPLE.as_secs_f64()
        {
            self.samples.push(Sample { at_s, bytes });
            self.line
                .show((bytes - last.bytes) as f64 / (at_s - last.at_s), bytes);
        }
        Ok(progress)
    }

    /// Goes on for `duration`.
    pub fn run_for(&mut self, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            self.look()?;
        }
        Ok(())
    }

    /// Goes on until `condition` holds; fails with `what` after `deadline`.
    pub fn run_until(
        &mut self,
        what: &str,
        deadline: Duration,
        mut condition: impl FnMut() -> bool,
    ) -> Result<()> {
        let end = Instant::now() + deadline;
        while !condition() {
            if Instant::now() > end {
                return failed(format!(
                    "{what} did not happen within {} s",
                    deadline.as_secs()
                ));
            }
            self.look()?;
        }
        Ok(())
    }

    /// Goes on until `bytes` have arrived; an error when curl ends before.
    pub fn run_to_bytes(&mut self, bytes: u64) -> Result<()> {
        let mut quiet_since = Instant::now();
        while self.bytes < bytes {
            if self.look()? {
                quiet_since = Instant::now();
            }
            if let Some(code) = self.exit_code {
                let (got, said) = (self.bytes, self.download.message());
                return failed(format!("curl ended with {code} after {got} bytes: {said}"));
            }
            if quiet_since.elapsed() > RESUME_MAX {
                return failed(format!("no byte came any more after {}", self.bytes));
            }
        }
        Ok(())
    }

    /// Goes on until curl ends; gives its exit code.
    pub fn run_to_exit(&mut self, deadline: Duration) -> Result<i32> {
        let end = Instant::now() + deadline;
        loop {
            self.look()?;
            if let Some(code) = self.exit_code {
                return Ok(code);
            }
            if Instant::now() > end {
                return failed("curl did not end");
            }
        }
    }

    /// Bounces the tunnel by `action` and watches until the flow resumes or is lost. `log` gives
    /// the head office's log so far.
    pub fn bounce(
        &mut self,
        cause: &str,
        log: &dyn Fn() -> String,
        action: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<Bounce> {
        let endpoint = format!("{SERVER}/80");
        let before = log();
        let ids = live_ids(&before, &endpoint);
        let tunnels = count(&before, messages::TUNNEL_UP);
        self.look()?;
        self.line
            .note(&format!("{:>5} MB  {cause}", self.bytes / 1_000_000));
        self.longest_gap = Duration::ZERO;
        let at_s = self.start.elapsed().as_secs_f64();
        action(self)?;
        let resume_s = self.resume(&|| count(&log(), messages::TUNNEL_UP) > tunnels)?;
        let outage_s = self.longest_gap.as_secs_f64();
        let after = live_ids(&log(), &endpoint);
        let flows_preserved = ids.intersection(&after).count();
        Ok(Bounce {
            cause: cause.to_owned(),
            at_s,
            outage_s,
            resume_s,
            flows_preserved,
            flows_lost: ids.len() - flows_preserved,
        })
    }

    /// Seconds from the tunnel being up to the next byte. Where no new tunnel is reported, the old
    /// one stayed: then from the end of the bounce.
    fn resume(&mut self, rebuilt: &dyn Fn() -> bool) -> Result<Option<f64>> {
        let end = Instant::now();
        let mut tunnel_up = None;
        let mut first_byte = None;
        while end.elapsed() < RESUME_MAX && self.exit_code.is_none() {
            if tunnel_up.is_none() && rebuilt() {
                tunnel_up = Some(Instant::now());
            }
            let progress = self.look()?;
            if self.progress_at.elapsed() > FLOWING {
                // Bytes that were on their way, and then silence: that was no resumption.
                first_byte = None;
            }
            if let (Some(up), true) = (tunnel_up, progress) {
                return Ok(Some((self.progress_at - up).as_secs_f64()));
            }
            if progress {
                let first = *first_byte.get_or_insert(self.progress_at);
                if first.elapsed() > SETTLED {
                    return Ok(Some((first - end).as_secs_f64()));
                }
            }
        }
        Ok(None)
    }

    /// Bytes received so far.
    pub fn received_bytes(&self) -> u64 {
        self.bytes
    }

    /// The download and its samples.
    pub fn finish(self) -> (Download, Vec<Sample>) {
        self.line
            .note(&format!("{:>5} MB  curl has ended", self.bytes / 1_000_000));
        (self.download, self.samples)
    }
}
