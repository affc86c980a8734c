//! Seconds of both phases run out in real time.

use std::time::Duration;

use tests::lab::Result;
use tests::lab::config_text::Suite;
use tests::lab::flow_log::messages;
use tests::lab::interrupt::wait_for;
use tests::lab::offices::TwoBoxes;

use super::together;
use crate::rekey::{count, download_through, offices};

/// Lifetimes in seconds at their minimum, with what a busy machine may add.
const LIFETIMES: Duration = Duration::from_secs(150);

#[test]
fn a_download_crosses_rekeys_of_both_phases() {
    together(rekeys);
}

fn rekeys(workers: usize) -> Result<()> {
    let offices = offices(workers, Suite::Aes256Pfs, (64 << 10, 12), |text| {
        text.replace("lifetime 86400", "lifetime 120")
            + "crypto ipsec security-association lifetime seconds 120\n"
    })?;
    let phases = |offices: &TwoBoxes| {
        (
            count(offices, messages::PHASE_1_UP),
            count(offices, messages::TUNNEL_UP),
        )
    };
    download_through(offices, LIFETIMES, |offices| {
        let before = phases(offices);
        wait_for("new SAs of both phases", LIFETIMES, || {
            let now = phases(offices);
            Ok((now.0 > before.0 && now.1 > before.1).then_some(()))
        })
    })
}
