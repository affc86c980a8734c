//! Effects of `snmp-server`.

use crate::edit::{Edit, Refusal, room};
use crate::grammar::args::Args;
use crate::limits;
use crate::{Secret, Snmp, SnmpHost};

/// The community of the line. One that was shown is taken, and warned about.
fn text(edit: &mut Edit<'_>, args: &Args) -> Result<Secret, Refusal> {
    let community = args.secret("text")?.clone();
    let bound = limits::COMMUNITY_CHARS;
    if community.expose().len() > bound {
        let message = format!("A community has at most {bound} characters.");
        return Err(Refusal::at(args.span_of("text"), "community", message));
    }
    if community.is_masked() {
        let message = "The community is masked: no trap is sent under it.".to_owned();
        let help = "The text is one that was shown; write the community itself.";
        edit.warn(args.span_of("text"), "masked-community", message, help);
    }
    Ok(community)
}

pub(super) fn host(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let (nameif, address) = (args.text("nameif")?.to_owned(), args.address("address")?);
    let same = |other: &SnmpHost| other.nameif == nameif && other.address == address;
    if args.negated {
        edit.config.snmp.hosts.retain(|other| !same(other));
        return Ok(());
    }
    let community = if args.has("text") {
        Some(text(edit, args)?)
    } else {
        None
    };
    let port = args
        .find_number("port")
        .and_then(|port| u16::try_from(port).ok());
    let host = SnmpHost {
        nameif: nameif.clone(),
        address,
        community,
        port: port.unwrap_or(Snmp::TRAP_PORT),
    };
    let hosts = &mut edit.config.snmp.hosts;
    if let Some(other) = hosts.iter_mut().find(|other| same(other)) {
        *other = host;
        return Ok(());
    }
    let bound = limits::SNMP_HOSTS;
    room(hosts.len(), bound, args.span, "receivers of traps")?;
    hosts.push(host);
    Ok(())
}

pub(super) fn community(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.snmp.community = if args.negated {
        None
    } else {
        Some(text(edit, args)?)
    };
    Ok(())
}

pub(super) fn enable(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let on = !args.negated;
    let traps = &mut edit.config.snmp.traps;
    let (snmp, ipsec) = (args.has("snmp"), args.has("ipsec"));
    let chosen = |choice: &str, number: u32| {
        let mut named = args.all(choice).peekable();
        named.peek().is_none()
            || named.any(
                |item| matches!(item.value, crate::grammar::kind::Value::Number(n) if n == number),
            )
    };
    if snmp || !ipsec {
        for (number, trap) in [
            &mut traps.authentication,
            &mut traps.link_up,
            &mut traps.link_down,
            &mut traps.cold_start,
        ]
        .into_iter()
        .enumerate()
        {
            if chosen("snmp trap", number as u32) {
                *trap = on;
            }
        }
    }
    if ipsec || !snmp {
        for (number, trap) in [&mut traps.ipsec_start, &mut traps.ipsec_stop]
            .into_iter()
            .enumerate()
        {
            if chosen("ipsec trap", number as u32) {
                *trap = on;
            }
        }
    }
    Ok(())
}
