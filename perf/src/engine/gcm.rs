//! The crypto engines' AES-GCM side by side, without ESP around it.
//!
//! Engines take turns block by block, so that whatever disturbs the machine disturbs all of them.

use std::time::Instant;

use config::Encryption;
use fastpath::crypto::{Choice, EngineKind, Engines, Trial};
use fastpath::esp::Suite;

use super::gateway::budget;
use crate::measure::{BURST, Budget, Sample, Subject, block, summary};
use crate::options::Run;
use crate::report::Figure;

/// The engine that the others are compared with.
const OURS: EngineKind = EngineKind::Vaes;
/// Bytes of text when no sizes are named.
pub(crate) const TEXT_SIZES: [usize; 6] = [64, 128, 256, 512, 1024, 1420];
/// IMIX: seven packets of 64 bytes, four of 594, one of 1518, in an order without a pattern.
const IMIX: [usize; BURST] = [
    64, 594, 64, 64, 1518, 64, 594, 64, 64, 594, 64, 594, 64, 64, 64, 594, 64, 1518, 64, 594, 64,
    594, 64, 64, 64, 64, 594, 64, 64, 594, 64, 594,
];
/// Blocks of each engine at least.
const BLOCKS_MIN: usize = 5;

pub(super) fn run(run: &Run) -> Result<Vec<Figure>, String> {
    let engines = Engines::with(Choice::Fixed(EngineKind::Portable));
    let sizes = if run.txpkts.is_empty() {
        TEXT_SIZES.to_vec()
    } else {
        run.txpkts.clone()
    };
    let mut figures = Vec::new();
    for (name, encryption) in [
        ("aes-128-gcm", Encryption::AesGcm128),
        ("aes-256-gcm", Encryption::AesGcm256),
    ] {
        let suite = Suite::new(encryption, None).ok_or("no such suite")?;
        for &size in &sizes {
            let trials = trials(&engines, suite, &[size; BURST], 1);
            figures.extend(compare(budget(run), name, size, trials)?);
        }
        let trials = trials(&engines, suite, &IMIX, 8);
        let name = format!("{name} imix, 8 SAs");
        figures.extend(compare(budget(run), &name, 0, trials)?);
    }
    Ok(figures)
}

fn trials(
    engines: &Engines,
    suite: Suite,
    text_lens: &[usize],
    sas: usize,
) -> Vec<(EngineKind, Trial)> {
    let trial = |kind| Some((kind, engines.trial(kind, suite, text_lens, sas)?));
    EngineKind::ALL.into_iter().filter_map(trial).collect()
}

/// Cycles per packet of the clean and of the disturbed blocks.
type Blocks = [Vec<f64>; 2];

fn compare(
    budget: Budget,
    name: &str,
    size: usize,
    mut trials: Vec<(EngineKind, Trial)>,
) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for (direction, verb) in ["seal", "open"].into_iter().enumerate() {
        let mut measured: Vec<Blocks> = trials.iter().map(|_| Blocks::default()).collect();
        let begin = Instant::now();
        while measured.iter().any(|[clean, _]| clean.len() < BLOCKS_MIN)
            || begin.elapsed() < budget.duration
        {
            if begin.elapsed() > budget.duration * 10 {
                break;
            }
            for ((_, trial), blocks) in trials.iter_mut().zip(&mut measured) {
                let mut round = || {
                    Ok(Sample {
                        cycles: trial.round()[direction],
                        items: BURST as u64,
                    })
                };
                let (value, disturbance) = block(budget.tsc_hz, &mut round)?;
                blocks[usize::from(disturbance.is_err())].push(value);
            }
        }
        let subject = |what: &str, unit| Subject {
            name: format!("gcm {verb} {name} {what}"),
            size: size as u64,
            unit,
        };
        let rows: Vec<(EngineKind, Figure)> = trials
            .iter()
            .zip(&measured)
            .map(|((kind, _), [clean, disturbed])| {
                let subject = subject(&kind.to_string(), "TSC cycles/packet");
                (*kind, summary(subject, clean, disturbed))
            })
            .collect();
        let ours = rows.iter().find(|row| row.0 == OURS).map(|row| row.1.value);
        let others = rows.iter().filter(|row| row.0 != OURS).map(|row| &row.1);
        let other = others.min_by(|a, b| a.value.total_cmp(&b.value));
        figures.extend(rows.iter().map(|row| row.1.clone()));
        if let (Some(ours), Some(other)) = (ours, other) {
            let mut fastest = other.clone();
            fastest.name = subject("fastest other", "").name;
            let (name, ratio) = (subject("ratio", "").name, ours / other.value);
            figures.push(fastest);
            let unit = "of the fastest other";
            figures.push(Figure::single(&name, size as u64, ratio, unit));
        }
    }
    Ok(figures)
}
