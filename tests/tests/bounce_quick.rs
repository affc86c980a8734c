//! `make bounce-quick` as a test: a hundred streams through outages in every setting. How long they
//! take is a figure for the report; here they have to go on whole, and sooner with help.
#![forbid(unsafe_code)]

use std::fs;

use tests::bounce::{Extent, Row, run};
use tests::lab::run::target_dir;

#[test]
fn a_hundred_streams_outlive_outages_in_every_setting() {
    let directory = target_dir().unwrap().join("bounce");
    let report = directory.join("report.json");
    let _ = fs::remove_file(&report);
    let rows = run(Extent::Quick, 1, &directory).unwrap_or_else(|error| panic!("{error}"));
    let text = fs::read_to_string(&report).unwrap();
    let written: Vec<Row> = serde_json::from_str(&text).unwrap();
    assert_eq!(written.len(), rows.len());
    assert_eq!(
        rows.len(),
        14,
        "3 settings, 2 round trips, 2 outages, and strongSwan's"
    );
    for row in &written {
        let what = format!("{} {} s {} ms", row.setting, row.outage_s, row.rtt_ms);
        assert_eq!(
            (row.flows, row.flows_lost),
            (100, 0),
            "{what}: {:?}",
            row.faults
        );
    }
    let half = |setting: &str, rtt_ms| {
        let mut rows = written.iter().filter(|row| row.setting == setting);
        let row = rows.find(|row| row.outage_s == 5 && row.rtt_ms == rtt_ms);
        row.and_then(|row| row.resume_p50_s).unwrap()
    };
    for rtt_ms in [1, 50] {
        let (hold, none) = (half("hold", rtt_ms), half("none", rtt_ms));
        assert!(hold * 3.0 < none, "{hold} s with, {none} s without");
    }
    let picture = fs::read_to_string(directory.join("resume.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"));
}
