//! Searches with the generator: maximum receive rate, and the highest rates with no or little loss.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{SETTLE, Session, WARM_UP};
use crate::options::{Run, Search};
use crate::progress::Bar;
use crate::report::Figure;
use crate::signals::Signals;

/// Share of packets that a partial drop rate may lose.
const PARTIAL_LOSS: f64 = 0.005;
/// A search ends when the bounds are this close.
const PRECISION: f64 = 0.01;
/// Steps of a search: each halves the interval.
const STEPS: usize = 8;

/// One trial: what was offered and what came back.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Trial {
    sent_per_s: f64,
    received_per_s: f64,
    loss: f64,
}

/// Runs the search; RFC 2544's frame sizes are one run each, with --txpkts.
pub(super) fn run(
    session: &mut Session,
    run: &Run,
    kind: Search,
    signals: &Signals,
) -> Vec<Figure> {
    session.await_links(signals);
    let size = run.txpkts.first().copied().unwrap_or(super::FRAME_LEN_MIN) as u64;
    let length = Duration::from_millis(run.duration_ms.max(500));
    let mut bar = Bar::new("search", STEPS + 1);
    let threads = session.lcores.len() as u64;
    let mut trial = |rate: f64| {
        bar.step();
        measure(session, rate as u64 / threads, length)
    };
    let most = trial(0.0);
    let mrr = Figure::single("mrr", size, most.received_per_s, "packets/s");
    let allowed = match kind {
        Search::Mrr => return vec![mrr],
        Search::Ndr | Search::Rfc2544 => 0.0,
        Search::Pdr => PARTIAL_LOSS,
    };
    let (name, found) = (
        if allowed > 0.0 { "pdr" } else { "ndr" },
        bisect(most.sent_per_s, allowed, |rate| {
            if signals.asked() {
                return Trial {
                    loss: 1.0,
                    ..Trial::default()
                };
            }
            trial(rate)
        }),
    );
    vec![mrr, Figure::single(name, size, found, "packets/s")]
}

fn measure(session: &mut Session, rate: u64, length: Duration) -> Trial {
    session.orders.rate.store(rate, Ordering::Relaxed);
    session.forward(true);
    std::thread::sleep(WARM_UP);
    session.clear();
    let begin = Instant::now();
    std::thread::sleep(length);
    let seconds = begin.elapsed().as_secs_f64();
    let received = session.totals().received();
    session.forward(false);
    let sent = session.totals().sent();
    std::thread::sleep(SETTLE);
    let all = session.totals().received();
    Trial {
        sent_per_s: sent as f64 / seconds,
        received_per_s: received as f64 / seconds,
        loss: 1.0 - (all as f64 / (sent as f64).max(1.0)).min(1.0),
    }
}

/// The highest rate up to `most` whose trial loses at most `allowed`.
fn bisect(most: f64, allowed: f64, mut trial: impl FnMut(f64) -> Trial) -> f64 {
    let (mut good, mut bad) = (0.0, most);
    for _ in 0..STEPS {
        if bad - good <= most * PRECISION {
            break;
        }
        let rate = f64::midpoint(good, bad);
        if trial(rate).loss <= allowed {
            good = rate;
        } else {
            bad = rate;
        }
    }
    good
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_ends_at_the_knee() {
        let capacity = 700.0;
        let found = bisect(1000.0, 0.0, |rate| Trial {
            loss: (1.0 - capacity / rate).max(0.0),
            ..Trial::default()
        });
        assert!((680.0..=700.0).contains(&found), "{found}");
        let found = bisect(1000.0, 0.1, |rate| Trial {
            loss: (1.0 - capacity / rate).max(0.0),
            ..Trial::default()
        });
        assert!((760.0..=778.0).contains(&found), "{found}");
    }
}
