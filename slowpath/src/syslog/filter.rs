//! Which messages go to a destination.

use config::{LogFilter, LogRule, Logging};

/// A `logging` filter with its list looked up. A list that is not there takes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter(Vec<LogRule>);

impl Filter {
    /// What `filter` means in `logging`.
    pub(super) fn new(filter: Option<&LogFilter>, logging: &Logging) -> Self {
        Self(match filter {
            None => Vec::new(),
            Some(LogFilter::Level(level)) => vec![LogRule::Level {
                level: *level,
                class: None,
            }],
            Some(LogFilter::List(name)) => {
                let list = logging.lists.iter().find(|list| list.name == *name);
                list.map_or_else(Vec::new, |list| list.rules.clone())
            }
        })
    }

    /// Whether a message of this number and severity goes there.
    pub(super) fn takes(&self, id: u32, severity: u8) -> bool {
        self.0.iter().any(|rule| rule.takes(id, severity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_severity_or_a_list() {
        let (config, _) = config::parse(
            "logging list vpn level 5 class vpn\nlogging list vpn message 302014\n\
             logging trap vpn\nlogging console errors\nlogging buffered nothing\n",
        );
        let logging = config.logging;
        let trap = Filter::new(logging.trap.as_ref(), &logging);
        assert!(trap.takes(713_120, 5) && trap.takes(302_014, 6));
        assert!(!trap.takes(713_120, 6) && !trap.takes(302_013, 1));
        let console = Filter::new(logging.console.as_ref(), &logging);
        assert!(console.takes(302_014, 3) && !console.takes(302_014, 4));
        let buffered = Filter::new(logging.buffered.as_ref(), &logging);
        assert!(!buffered.takes(302_014, 0), "there is no such list");
        assert!(!Filter::new(None, &logging).takes(302_014, 0));
    }
}
