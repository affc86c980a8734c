//! Effect of `access-group`.

use crate::AccessGroup;
use crate::edit::{Edit, Refusal, room};
use crate::grammar::args::Args;
use crate::limits;

pub(super) fn access_group(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let group = AccessGroup {
        access_list: args.text("acl")?.to_owned(),
        inbound: args.number("direction")? == 1,
        nameif: args.text("nameif")?.to_owned(),
    };
    let groups = &mut edit.config.access_groups;
    if args.negated {
        groups.retain(|other| *other != group);
        return Ok(());
    }
    let same_place =
        |other: &&mut AccessGroup| other.inbound == group.inbound && other.nameif == group.nameif;
    if let Some(other) = groups.iter_mut().find(same_place) {
        *other = group;
        return Ok(());
    }
    room(
        groups.len(),
        limits::ACCESS_GROUPS,
        args.span,
        "access groups",
    )?;
    groups.push(group);
    Ok(())
}
