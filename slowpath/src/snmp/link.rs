//! Links of ports: what was seen last, and what has changed.

use std::collections::BTreeMap;

use super::trap::{Link, Trap};

/// Remembers the links. Bounded by the ports.
#[derive(Debug, Default)]
pub struct LinkWatch {
    up: BTreeMap<u16, bool>,
}

impl LinkWatch {
    /// Takes note of a link; the trap when it has changed. What is seen for the first time has not:
    /// who starts says so by a trap of its own.
    pub fn see(&mut self, link: Link) -> Option<Trap> {
        let before = self.up.insert(link.index, link.up)?;
        match (before, link.up) {
            (false, true) => Some(Trap::LinkUp(link)),
            (true, false) => Some(Trap::LinkDown(link)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u16, up: bool) -> Link {
        Link {
            index,
            name: "Ethernet0/0".to_owned(),
            wanted: true,
            up,
        }
    }

    #[test]
    fn a_trap_tells_of_a_change_once() {
        let mut watch = LinkWatch::default();
        assert_eq!(watch.see(link(1, true)), None, "as it was found");
        assert_eq!(watch.see(link(2, false)), None);
        assert_eq!(watch.see(link(1, true)), None);
        assert_eq!(
            watch.see(link(1, false)),
            Some(Trap::LinkDown(link(1, false)))
        );
        assert_eq!(watch.see(link(1, false)), None);
        assert_eq!(watch.see(link(2, true)), Some(Trap::LinkUp(link(2, true))));
        assert_eq!(watch.see(link(1, true)), Some(Trap::LinkUp(link(1, true))));
    }
}
