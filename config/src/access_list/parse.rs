//! Effects of `access-list`.

use std::sync::Arc;

use super::{OPERATORS, net_items};
use crate::edit::{Edit, Refusal, room};
use crate::grammar::args::{Args, NetItems};
use crate::limits;
use crate::{AccessEntry, AccessList, AclLine, AclLog, PortMatch};

const SOURCE: NetItems = net_items!("source");
const DESTINATION: NetItems = net_items!("destination");

pub(super) fn extended(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    // Number 0 is what `ip` stands for.
    let protocol = args.find_number("protocol").filter(|&number| number != 0);
    let icmp_type = args.find_number("icmp-type");
    let entry = AccessEntry {
        permit: args.number("action")? == 1,
        protocol: protocol.and_then(|number| u8::try_from(number).ok()),
        source: args.net(&SOURCE)?,
        source_ports: ports(args, "source")?,
        destination: args.net(&DESTINATION)?,
        destination_ports: ports(args, "destination")?,
        icmp_type: icmp_type.and_then(|number| u8::try_from(number).ok()),
        log: log(args),
        inactive: args.has("inactive"),
    };
    change(edit, args, AclLine::Extended(entry))
}

pub(super) fn standard(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let permit = args.number("action")? == 1;
    let net = args.net(&DESTINATION)?;
    change(edit, args, AclLine::Standard { permit, net })
}

pub(super) fn remark(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    change(edit, args, AclLine::Remark(args.text("words")?.to_owned()))
}

fn ports(args: &Args, side: &str) -> Result<PortMatch, Refusal> {
    let name = |what: &str| format!("{side} {what}");
    if let Some(operator) = args.find_number(&name("operator")) {
        let port = args.short(&name("port"))?;
        let operator = OPERATORS.iter().find(|word| word.value == operator);
        return match operator.map(|word| word.text) {
            Some("eq") => Ok(PortMatch::Eq(port)),
            Some("gt") => Ok(PortMatch::Gt(port)),
            Some("lt") => Ok(PortMatch::Lt(port)),
            Some("neq") => Ok(PortMatch::Neq(port)),
            _ => Err(Refusal::Incomplete),
        };
    }
    if !args.has(&name("range")) {
        return Ok(PortMatch::Any);
    }
    let (first, last) = (
        args.short(&name("first port"))?,
        args.short(&name("last port"))?,
    );
    if first > last {
        let message = format!("The range {first} to {last} is empty.");
        let span = args.span_of(&name("first port"));
        let refusal = Refusal::at(span, "empty-port-range", message);
        return Err(refusal.helped(format!("Write `range {last} {first}`.")));
    }
    Ok(PortMatch::Range(first, last))
}

/// Default severity and interval of `log`.
const LOG_LEVEL: u8 = 6;
const LOG_INTERVAL_S: u16 = 300;

fn log(args: &Args) -> Option<AclLog> {
    if !args.has("log") || args.has("default") {
        return None;
    }
    let level = args.find_number("level").and_then(|n| u8::try_from(n).ok());
    let interval_s = args
        .find_number("seconds")
        .and_then(|n| u16::try_from(n).ok());
    Some(AclLog {
        disabled: args.has("disable"),
        level: level.unwrap_or(LOG_LEVEL),
        interval_s: interval_s.unwrap_or(LOG_INTERVAL_S),
    })
}

/// Adds the line to its list, or takes it away.
fn change(edit: &mut Edit<'_>, args: &Args, line: AclLine) -> Result<(), Refusal> {
    let name = args.text("acl")?;
    let lists = &mut edit.config.access_lists;
    // The lines of a list stand together as a rule: the last list is the likely one.
    let at = lists.iter().rposition(|list| list.name == name);
    if args.negated {
        let removed = at.and_then(|at| remove(lists, at, &line));
        let message = format!("The access list {name} has no such line.");
        return removed.ok_or_else(|| Refusal::at(args.span, "no-such-line", message));
    }
    let Some(list) = at.and_then(|at| lists.get_mut(at)) else {
        room(lists.len(), limits::ACCESS_LISTS, args.span, "access lists")?;
        lists.push(AccessList {
            name: name.to_owned(),
            lines: Arc::new(vec![line]),
        });
        return Ok(());
    };
    room(
        list.lines.len(),
        limits::ACCESS_LIST_LINES,
        args.span,
        "lines of an access list",
    )?;
    // All lines but remarks are of one type: the last of them decides.
    let typed = |other: &&AclLine| !matches!(other, AclLine::Remark(_));
    if list
        .lines
        .iter()
        .rfind(typed)
        .is_some_and(|other| conflict(other, &line))
    {
        let message = format!("The access list {name} is of the other type.");
        let refusal = Refusal::at(args.span_of("acl"), "access-list-type", message);
        return Err(refusal.helped("A list is standard or extended."));
    }
    let place = args
        .find_number("at")
        .map_or(usize::MAX, |n| n as usize - 1);
    let lines = Arc::make_mut(&mut list.lines);
    lines.insert(place.min(lines.len()), line);
    Ok(())
}

fn remove(lists: &mut Vec<AccessList>, at: usize, line: &AclLine) -> Option<()> {
    let list = lists.get_mut(at)?;
    let line = list.lines.iter().position(|other| other == line)?;
    Arc::make_mut(&mut list.lines).remove(line);
    if list.lines.is_empty() {
        lists.remove(at);
    }
    Some(())
}

fn conflict(one: &AclLine, other: &AclLine) -> bool {
    matches!(
        (one, other),
        (AclLine::Extended(_), AclLine::Standard { .. })
            | (AclLine::Standard { .. }, AclLine::Extended(_))
    )
}
