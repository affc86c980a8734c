//! Access lists, compiled once, and `access-group`.

use std::collections::HashMap;
use std::sync::Arc;

use config::{AccessList, AclLine, Config};
use fastpath::policy::{AccessGroup, Acl, InterfacePolicy, NO_ACCESS_GROUP, PortsOf};

use super::Notes;
use super::interfaces::index_of;

/// A compiled access list with the lines that it was made from.
#[derive(Debug)]
struct Made {
    lines: Arc<Vec<AclLine>>,
    acl: Arc<Acl>,
}

/// Compiled access lists: those whose lines are unchanged are shared between snapshots.
#[derive(Debug, Default)]
pub(super) struct AclCache(HashMap<(String, PortsOf), Made>);

impl AclCache {
    /// The compiled access list with this name, `None` when there is none or it has no entry.
    pub(super) fn get(&mut self, config: &Config, name: &str, ports: PortsOf) -> Option<Arc<Acl>> {
        let list = find_list(config, name)?;
        let key = (name.to_owned(), ports);
        if let Some(made) = self.0.get(&key)
            && made.lines == list.lines
        {
            return Some(Arc::clone(&made.acl));
        }
        let acl = Arc::new(Acl::compile(&list.lines, ports));
        let made = Made {
            lines: Arc::clone(&list.lines),
            acl: Arc::clone(&acl),
        };
        self.0.insert(key, made);
        Some(acl)
    }

    /// Forgets access lists that the configuration no longer has.
    pub(super) fn forget_unused(&mut self, config: &Config) {
        self.0
            .retain(|(name, _), _| find_list(config, name).is_some());
    }
}

/// The access list with this name, unless it has remarks only.
pub(super) fn find_list<'a>(config: &'a Config, name: &str) -> Option<&'a AccessList> {
    let is_entry = |line: &AclLine| !matches!(line, AclLine::Remark(_));
    config
        .access_lists
        .iter()
        .find(|list| list.name == name && list.lines.iter().any(is_entry))
}

/// Binds access groups to their interfaces, and answers the names of their access lists by index.
pub(super) fn bind_groups(
    config: &Config,
    interfaces: &mut [InterfacePolicy],
    acls: &mut AclCache,
    notes: &mut Notes,
) -> Vec<String> {
    let groups = config
        .access_groups
        .iter()
        .take(usize::from(NO_ACCESS_GROUP));
    for (index, group) in groups.clone().enumerate() {
        let direction = if group.inbound { "in" } else { "out" };
        let item = format!(
            "access-group {} {direction} interface {}",
            group.access_list, group.nameif
        );
        let Some(interface) = index_of(interfaces, &group.nameif) else {
            notes.inactive(item, format!("no interface is named {}", group.nameif));
            continue;
        };
        let Some(acl) = acls.get(config, &group.access_list, PortsOf::Packet) else {
            notes.inactive(item, "the access list has no entry; security levels decide");
            continue;
        };
        let bound = Some(AccessGroup {
            index: index as u16,
            acl,
        });
        let interface = &mut interfaces[usize::from(interface)];
        if group.inbound {
            interface.access_in = bound;
        } else {
            interface.access_out = bound;
        }
    }
    groups.map(|group| group.access_list.clone()).collect()
}
