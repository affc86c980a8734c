//! Entries of a box's connection table as bytes (`show conn raw`).

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::{Result, failed};
use super::holdfast_box::HoldfastBox;
use super::interrupt::{pause, wait_for};

/// A segment that is still on its way arrives within this time.
const STILL: Duration = Duration::from_millis(300);
const DEADLINE: Duration = Duration::from_secs(10);
/// Where the entry's layout has the time of the last accepted packet.
const LAST_SEEN: usize = 16;
/// Where the entry's layout has the sequence space of the high endpoint as sender, and in it the
/// byte after the last one sent.
const HIGH_SIDE_END: usize = 48;

/// Entries by connection number.
pub type RawEntries = BTreeMap<u64, RawEntry>;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEntry {
    /// Port of the endpoint with the higher address.
    pub high_port: u16,
    /// The entry in hexadecimal.
    pub bytes: String,
}

impl RawEntry {
    /// The sequence number that the endpoint with the higher address sends next.
    pub fn high_next_sequence(&self) -> Result<u32> {
        self.word(HIGH_SIDE_END)
    }

    /// Coarse time of the last accepted packet.
    pub fn last_seen(&self) -> Result<u32> {
        self.word(LAST_SEEN)
    }

    /// The bytes without the time of the last accepted packet.
    pub fn without_stamp(&self) -> Result<String> {
        self.word(LAST_SEEN)?;
        let (before, after) = (LAST_SEEN * 2, LAST_SEEN * 2 + 8);
        Ok(format!("{}{}", &self.bytes[..before], &self.bytes[after..]))
    }

    fn word(&self, at: usize) -> Result<u32> {
        let digits = self.bytes.get(at * 2..at * 2 + 8);
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match number {
            // The entry is in the machine's byte order.
            Some(number) => Ok(u32::from_ne_bytes(number.to_be_bytes())),
            None => failed(format!("no entry: {}", self.bytes)),
        }
    }
}

/// The entries of TCP connections with `port` at one end, once two listings in a row are equal.
pub fn settled_entries(holdfast: &HoldfastBox, port: u16) -> Result<RawEntries> {
    let mut before = entries(holdfast, port)?;
    wait_for("connections without a move", DEADLINE, || {
        pause(STILL)?;
        let now = entries(holdfast, port)?;
        let still = now == before;
        before = now;
        Ok(still.then(|| before.clone()))
    })
}

/// The entries of TCP connections with `port` at one end.
pub fn entries(holdfast: &HoldfastBox, port: u16) -> Result<RawEntries> {
    let shown = holdfast.control(&format!("show conn raw protocol tcp port {port}"))?;
    let lines = shown.lines().filter(|line| line.starts_with("TCP "));
    lines
        .map(|line| match parsed(line) {
            Some(entry) => Ok(entry),
            None => failed(format!("no entry: {line}")),
        })
        .collect()
}

/// `TCP LOW:PORT HIGH:PORT id ID HEX HEX`.
fn parsed(line: &str) -> Option<(u64, RawEntry)> {
    let mut words = line.splitn(6, ' ').skip(2);
    let (_, high_port) = words.next()?.split_once(':')?;
    let id = words.nth(1)?.parse().ok()?;
    let entry = RawEntry {
        high_port: high_port.parse().ok()?,
        bytes: words.next()?.to_owned(),
    };
    Some((id, entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart() {
        let hot = "00".repeat(48) + "04030201" + &"00".repeat(12);
        let line = format!(
            "TCP 10.0.0.1:7 192.0.2.1:40000 id 12 {hot} {}",
            "11".repeat(48)
        );
        let (id, entry) = parsed(&line).unwrap();
        assert_eq!((id, entry.high_port), (12, 40_000));
        assert!(entry.bytes.ends_with(" 1111") || entry.bytes.ends_with("1111"));
        let expected = u32::from_ne_bytes([4, 3, 2, 1]);
        assert_eq!(entry.high_next_sequence().unwrap(), expected);
        assert_eq!(entry.last_seen().unwrap(), 0);
        assert_eq!(entry.without_stamp().unwrap().len() + 8, entry.bytes.len());
        assert_eq!(parsed("TCP x"), None);
    }
}
