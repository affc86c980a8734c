//! Effects of `tunnel-group` and its blocks.

use crate::edit::{Edit, Refusal, room};
use crate::grammar::args::Args;
use crate::limits;
use crate::mode::{Mode, TunnelBlock};
use crate::{Keepalive, TunnelGroup, TunnelGroupKind};

/// Groups that an ASA has without being told.
const DEFAULT_GROUPS: [(&str, TunnelGroupKind); 2] = [
    ("DefaultL2LGroup", TunnelGroupKind::LanToLan),
    ("DefaultRAGroup", TunnelGroupKind::RemoteAccess),
];

fn find<'a>(groups: &'a mut [TunnelGroup], name: &str) -> Option<&'a mut TunnelGroup> {
    // The commands on a group stand together as a rule: the last group is the likely one.
    groups.iter_mut().rev().find(|group| group.name == name)
}

pub(super) fn group(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let name = args.text("group")?;
    let groups = &mut edit.config.tunnel_groups;
    if args.negated {
        groups.retain(|group| group.name != name);
        return Ok(());
    }
    let kind = match args.number("kind")? {
        0 => TunnelGroupKind::LanToLan,
        _ => TunnelGroupKind::RemoteAccess,
    };
    if let Some(group) = find(groups, name) {
        if group.kind != kind {
            let message = format!("The tunnel group {name} is of the other type.");
            let refusal = Refusal::at(args.span_of("kind"), "tunnel-group-type", message);
            return Err(refusal.helped(format!("Write `no tunnel-group {name}` before.")));
        }
        return Ok(());
    }
    add(edit, args, TunnelGroup::new(name.to_owned(), kind))?;
    if kind == TunnelGroupKind::RemoteAccess {
        let message = format!("The tunnel group {name} is kept and serves no tunnel.");
        let help = "LAN-to-LAN tunnels are there: `type ipsec-l2l`.";
        edit.warn(args.span_of("kind"), "remote-access", message, help);
    }
    Ok(())
}

fn add(edit: &mut Edit<'_>, args: &Args, group: TunnelGroup) -> Result<(), Refusal> {
    let groups = &mut edit.config.tunnel_groups;
    room(
        groups.len(),
        limits::TUNNEL_GROUPS,
        args.span,
        "tunnel groups",
    )?;
    groups.push(group);
    Ok(())
}

pub(super) fn attributes(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let name = args.text("group")?;
    let block = match args.number("block")? {
        0 => TunnelBlock::General,
        _ => TunnelBlock::Ipsec,
    };
    if args.negated {
        if let Some(group) = find(&mut edit.config.tunnel_groups, name) {
            reset(group, block);
        }
        return Ok(());
    }
    if find(&mut edit.config.tunnel_groups, name).is_none() {
        let default = DEFAULT_GROUPS.iter().find(|(default, _)| *default == name);
        let Some((_, kind)) = default else {
            let message = format!("There is no tunnel group {name}.");
            let refusal = Refusal::at(args.span_of("group"), "no-tunnel-group", message);
            return Err(refusal.helped(format!(
                "Write `tunnel-group {name} type ipsec-l2l` before."
            )));
        };
        add(edit, args, TunnelGroup::new(name.to_owned(), *kind))?;
    }
    *edit.mode = Mode::TunnelGroup {
        name: name.to_owned(),
        block,
    };
    Ok(())
}

fn reset(group: &mut TunnelGroup, block: TunnelBlock) {
    group.kept.retain(|(other, _)| other != block.keyword());
    if block == TunnelBlock::Ipsec {
        group.pre_shared_key = None;
        group.keepalive = Keepalive::default();
    }
}

/// The group whose block is open, and which block.
fn current<'a>(
    edit: &'a mut Edit<'_>,
    args: &Args,
) -> Result<(&'a mut TunnelGroup, TunnelBlock), Refusal> {
    let Mode::TunnelGroup { name, block } = &*edit.mode else {
        return Err(Refusal::Incomplete);
    };
    let gone = || {
        Refusal::at(
            args.span,
            "gone",
            format!("The tunnel group {name} is gone."),
        )
    };
    let group = find(&mut edit.config.tunnel_groups, name).ok_or_else(gone)?;
    Ok((group, *block))
}

pub(super) fn pre_shared_key(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    if args.negated {
        current(edit, args)?.0.pre_shared_key = None;
        return Ok(());
    }
    let key = args.secret("key")?.clone();
    let masked = key.is_masked();
    let (group, _) = current(edit, args)?;
    let message = format!(
        "The tunnel of {} cannot negotiate: its key is masked.",
        group.name
    );
    group.pre_shared_key = Some(key);
    if masked {
        let help = "The text is one that was shown; write the key itself.";
        edit.warn(args.span_of("key"), "masked-key", message, help);
    }
    Ok(())
}

pub(super) fn keepalive(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let default = Keepalive::default();
    let seconds = |name| args.find_number(name).and_then(|n| u16::try_from(n).ok());
    let keepalive = Keepalive {
        enabled: args.negated || !args.has("disable"),
        threshold_s: seconds("threshold time").unwrap_or(default.threshold_s),
        retry_s: seconds("retry time").unwrap_or(default.retry_s),
    };
    current(edit, args)?.0.keepalive = keepalive;
    Ok(())
}

pub(super) fn keep(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let (group, block) = current(edit, args)?;
    let of_block = |(other, _): &(String, String)| other == block.keyword();
    let mut lines: Vec<String> = Vec::new();
    for (_, line) in group.kept.iter().filter(|kept| of_block(kept)) {
        lines.push(line.clone());
    }
    crate::kept::set_line(&mut lines, args)?;
    group.kept.retain(|kept| !of_block(kept));
    let named = lines
        .into_iter()
        .map(|line| (block.keyword().to_owned(), line));
    group.kept.extend(named);
    // General attributes before IPsec attributes, as they are rendered.
    group.kept.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(())
}
