//! `show asp balance` of a box, judged: no packet and no buffer may be lost or made up.

use serde::Deserialize;

use super::error::{LabError, Result};

/// The view as the box gives it in JSON. What the box concludes from its numbers is not read: the
/// conclusions are drawn here.
#[derive(Clone, Debug, Deserialize)]
pub struct Balance {
    parts: Vec<Part>,
    drops: Vec<Drop>,
    pools: Vec<Pool>,
}

/// One worker, the slowpath, or the sum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct Part {
    #[serde(rename = "part")]
    name: String,
    received: u64,
    injected: u64,
    handed_in: u64,
    created: u64,
    sent: u64,
    dropped: u64,
    punted: u64,
    handed_out: u64,
    absorbed: u64,
    held: u64,
}

#[derive(Clone, Debug, Deserialize)]
struct Drop {
    key: String,
    count: u64,
}

#[derive(Clone, Debug, Deserialize)]
struct Pool {
    name: String,
    buffers: u64,
    free: u64,
    taken_at_start: u64,
}

impl Part {
    fn came(&self) -> u64 {
        self.received + self.injected + self.handed_in + self.created
    }

    fn went(&self) -> u64 {
        self.sent + self.dropped + self.punted + self.handed_out + self.absorbed + self.held
    }

    fn plus(mut self, other: &Self) -> Self {
        self.received += other.received;
        self.injected += other.injected;
        self.handed_in += other.handed_in;
        self.created += other.created;
        self.sent += other.sent;
        self.dropped += other.dropped;
        self.punted += other.punted;
        self.handed_out += other.handed_out;
        self.absorbed += other.absorbed;
        self.held += other.held;
        self
    }
}

impl Balance {
    /// Reads the answer to `show asp balance` in JSON.
    pub fn parse(json: &str) -> Result<Self> {
        serde_json::from_str(json)
            .map_err(|error| LabError::Failed(format!("no balance ({error}): {json}")))
    }

    /// Packets of the whole box that ended under a reason.
    pub fn dropped(&self, key: &str) -> u64 {
        let found = self.drops.iter().find(|drop| drop.key == key);
        found.map_or(0, |drop| drop.count)
    }

    /// Every reason under which packets of the whole box have ended, and how many.
    pub fn drops(&self) -> impl Iterator<Item = (&str, u64)> {
        let drops = self.drops.iter().filter(|drop| drop.count > 0);
        drops.map(|drop| (drop.key.as_str(), drop.count))
    }

    /// Packets that workers handed to each other.
    pub fn handed_over(&self) -> u64 {
        let workers = self
            .parts
            .iter()
            .filter(|part| part.name.starts_with("worker"));
        workers.map(|part| part.handed_out).sum()
    }

    /// Everything that does not add up; nothing for a box that is at rest and has lost nothing.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut expect = |what: String, left: u64, right: u64| {
            if left != right {
                faults.push(format!("{what}: {left} and {right}"));
            }
        };
        let Some((all, parts)) = self.parts.split_last() else {
            return vec!["no worker".to_owned()];
        };
        for part in &self.parts {
            let what = format!("packets that came to and went from {}", part.name);
            expect(what, part.came(), part.went());
        }
        let empty = Part {
            name: all.name.clone(),
            ..Part::default()
        };
        let sum = parts.iter().fold(empty, Part::plus);
        expect("the sum's packets".to_owned(), sum.came(), all.came());
        expect(
            "packets put into rings and taken out".to_owned(),
            all.punted + all.handed_out,
            all.injected + all.handed_in,
        );
        let by_reason = self.drops.iter().map(|drop| drop.count).sum();
        expect(
            "drops and drops by reason".to_owned(),
            all.dropped,
            by_reason,
        );
        expect(
            "packets of the whole box that came and went".to_owned(),
            all.received + all.created,
            all.sent + by_reason + all.absorbed + all.held,
        );
        let mut taken = 0;
        for pool in &self.pools {
            let what = format!("buffers of {} that ports without rings keep", pool.name);
            expect(what, pool.taken_at_start, 0);
            taken += pool.buffers - pool.free;
        }
        expect("buffers taken and packets held".to_owned(), taken, all.held);
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A box of two workers that has handed one packet over, answered one ARP request, and keeps
    /// one fragment.
    const AT_REST: &str = r#"{"parts":[
        {"part":"worker 0","received":10,"injected":1,"handed_in":0,"created":1,"sent":8,
         "dropped":1,"punted":1,"handed_out":1,"absorbed":0,"held":1,"missing":0},
        {"part":"worker 1","received":0,"injected":0,"handed_in":1,"created":0,"sent":1,
         "dropped":0,"punted":0,"handed_out":0,"absorbed":0,"held":0,"missing":0},
        {"part":"slowpath","received":0,"injected":0,"handed_in":1,"created":1,"sent":0,
         "dropped":1,"punted":0,"handed_out":1,"absorbed":0,"held":0,"missing":0},
        {"part":"all","received":10,"injected":1,"handed_in":2,"created":2,"sent":9,
         "dropped":2,"punted":1,"handed_out":2,"absorbed":0,"held":1,"missing":0}],
        "in_flight":0,
        "drops":[{"key":"need-ike","count":1},{"key":"arp-consumed","count":1}],
        "pools":[{"name":"hf_frames","buffers":4095,"free":4094,"taken":1,"taken_at_start":0},
                 {"name":"hf_large","buffers":63,"free":63,"taken":0,"taken_at_start":0}],
        "unaccounted_buffers":0,"balanced":true}"#;

    fn faults_with(from: &str, to: &str) -> Vec<String> {
        assert!(AT_REST.contains(from));
        Balance::parse(&AT_REST.replace(from, to)).unwrap().faults()
    }

    #[test]
    fn a_box_at_rest_has_no_fault() {
        let balance = Balance::parse(AT_REST).unwrap();
        assert_eq!(balance.faults(), Vec::<String>::new());
        assert_eq!(balance.dropped("need-ike"), 1);
        assert_eq!(balance.dropped("acl-drop"), 0);
        assert_eq!(balance.handed_over(), 1);
    }

    /// Whatever the box says of itself, a planted leak is found in its numbers.
    #[test]
    fn a_planted_leak_is_caught() {
        let buffer = faults_with(r#""free":4094"#, r#""free":4093"#);
        assert_eq!(buffer, ["buffers taken and packets held: 2 and 1"]);
        let packet = faults_with(r#""worker 1","received":0"#, r#""worker 1","received":1"#);
        assert_eq!(
            packet,
            [
                "packets that came to and went from worker 1: 2 and 1",
                "the sum's packets: 16 and 15",
            ]
        );
        let ring = faults_with(
            r#""part":"all","received":10,"injected":1"#,
            r#""part":"all","received":11,"injected":0"#,
        );
        assert!(ring.iter().any(|fault| fault.contains("rings")), "{ring:?}");
        let uncounted = faults_with(r#""arp-consumed","count":1"#, r#""arp-consumed","count":2"#);
        assert!(
            uncounted[0].starts_with("drops and drops by reason"),
            "{uncounted:?}"
        );
        let kept = faults_with(
            r#""taken":0,"taken_at_start":0"#,
            r#""taken":0,"taken_at_start":3"#,
        );
        assert_eq!(
            kept,
            ["buffers of hf_large that ports without rings keep: 3 and 0"]
        );
    }

    #[test]
    fn what_is_no_balance_is_an_error() {
        assert!(Balance::parse("ERROR: % Invalid input detected").is_err());
    }
}
