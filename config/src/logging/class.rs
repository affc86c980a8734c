//! The classes of messages: names for ranges of numbers.

use crate::grammar::{Word, word};

/// A class of `logging list`, by its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogClass(u8);

/// Name of a class, and the first three digits of its messages' numbers.
const CLASSES: &[(&str, &[u16])] = &[
    ("auth", &[109, 113]),
    ("bridge", &[110, 220]),
    ("ca", &[717]),
    ("config", &[111, 112, 208, 308]),
    ("ha", &[101, 102, 103, 104, 105, 210, 311, 709]),
    ("ids", &[400, 401, 415]),
    ("ip", &[209, 215, 313, 317, 408]),
    ("np", &[319]),
    ("ospf", &[318, 409, 503, 613]),
    ("rip", &[107, 312]),
    (
        "session",
        &[
            106, 108, 201, 202, 204, 302, 303, 304, 305, 314, 405, 406, 407, 500, 502, 607, 608,
            609, 616, 620, 703, 710,
        ],
    ),
    ("snmp", &[212]),
    (
        "sys",
        &[
            199, 211, 214, 216, 306, 307, 315, 414, 604, 605, 606, 610, 612, 614, 615, 701, 711,
        ],
    ),
    ("vpdn", &[213, 403, 603]),
    ("vpn", &[316, 320, 402, 404, 501, 602, 702, 713, 714, 715]),
    ("vpnc", &[611]),
    ("vpnfo", &[720]),
    ("vpnlb", &[718]),
];

/// The same as words of a command.
pub(super) const CLASS_WORDS: &[Word] = &[
    word("auth", 0, "Authentication of users"),
    word("bridge", 1, "Bridged traffic"),
    word("ca", 2, "Certificates"),
    word("config", 3, "Commands of operators"),
    word("ha", 4, "Failover"),
    word("ids", 5, "Intrusion detection"),
    word("ip", 6, "IP"),
    word("np", 7, "Network processors"),
    word("ospf", 8, "OSPF"),
    word("rip", 9, "RIP"),
    word("session", 10, "Connections and translations"),
    word("snmp", 11, "SNMP"),
    word("sys", 12, "The box itself"),
    word("vpdn", 13, "PPTP and L2TP"),
    word("vpn", 14, "IKE and IPsec"),
    word("vpnc", 15, "VPN client"),
    word("vpnfo", 16, "Failover of VPN"),
    word("vpnlb", 17, "Load balancing of VPN"),
];

impl LogClass {
    /// The class of a word of the grammar.
    pub(super) fn from_word(value: u32) -> Option<Self> {
        let index = u8::try_from(value).ok()?;
        (usize::from(index) < CLASSES.len()).then_some(Self(index))
    }

    /// The class of this name.
    pub fn named(name: &str) -> Option<Self> {
        let index = CLASSES.iter().position(|(other, _)| *other == name)?;
        u8::try_from(index).ok().map(Self)
    }

    fn entry(self) -> (&'static str, &'static [u16]) {
        CLASSES
            .get(usize::from(self.0))
            .copied()
            .unwrap_or_default()
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.entry().0
    }

    /// Whether a message of this number belongs to it.
    pub fn has(self, id: u32) -> bool {
        self.entry()
            .1
            .iter()
            .any(|range| u32::from(*range) == id / 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_classes_are_the_same() {
        assert_eq!(CLASS_WORDS.len(), CLASSES.len());
        for (word, (name, _)) in CLASS_WORDS.iter().zip(CLASSES) {
            let class = LogClass::from_word(word.value).expect("a class");
            assert_eq!((word.text, class.name()), (*name, *name));
            assert_eq!(LogClass::named(name), Some(class));
        }
        assert_eq!(LogClass::from_word(CLASSES.len() as u32), None);
    }

    #[test]
    fn no_number_is_of_two_classes() {
        let mut all: Vec<u16> = CLASSES.iter().flat_map(|(_, ids)| *ids).copied().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn messages_have_their_classes() {
        for (name, id) in [("session", 302_014), ("vpn", 713_120), ("config", 111_008)] {
            assert!(LogClass::named(name).is_some_and(|class| class.has(id)));
        }
        assert!(!LogClass::named("vpn").is_some_and(|class| class.has(302_014)));
    }
}
