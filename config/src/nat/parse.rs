//! Effects of `global` and `nat`.

use crate::edit::{Edit, Refusal, room};
use crate::grammar::args::{Args, NetItems};
use crate::limits;
use crate::{Global, GlobalPool, Nat, NatSource};

const NET: NetItems = NetItems {
    any: "",
    host: "",
    address: "address",
    mask: "mask",
};

pub(super) fn global(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let global = Global {
        nameif: args.text("nameif")?.to_owned(),
        nat_id: args.number("id")?,
        pool: if args.has("interface") {
            GlobalPool::Interface
        } else {
            GlobalPool::Address(args.address("address")?)
        },
    };
    let globals = &mut edit.config.globals;
    if args.negated {
        globals.retain(|other| *other != global);
    } else if !globals.contains(&global) {
        room(globals.len(), limits::NAT_RULES, args.span, "globals")?;
        globals.push(global);
    }
    Ok(())
}

pub(super) fn nat(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let nat = Nat {
        nameif: args.text("nameif")?.to_owned(),
        nat_id: args.number("id")?,
        source: match args.find_text("acl") {
            Some(acl) => NatSource::AccessList(acl.to_owned()),
            None => NatSource::Net(args.net(&NET)?),
        },
    };
    let nats = &mut edit.config.nats;
    if args.negated {
        nats.retain(|other| *other != nat);
        return Ok(());
    }
    if let Some(other) = nats.iter().find(|other| rivals(other, &nat)) {
        let message = format!("The same sources have the number {} already.", other.nat_id);
        return Err(Refusal::at(args.span, "nat-duplicate", message));
    }
    // As on an ASA: an interface has one exemption list, and the last one counts.
    let exempts = |other: &Nat| {
        other.nat_id == 0
            && other.nameif == nat.nameif
            && matches!(other.source, NatSource::AccessList(_))
    };
    if exempts(&nat)
        && let Some(other) = nats.iter_mut().find(|other| exempts(other))
    {
        *other = nat;
        return Ok(());
    }
    if !nats.contains(&nat) {
        room(nats.len(), limits::NAT_RULES, args.span, "nats")?;
        nats.push(nat);
    }
    Ok(())
}

/// Whether two rules claim the same net for different numbers.
fn rivals(one: &Nat, other: &Nat) -> bool {
    let net = matches!(one.source, NatSource::Net(_));
    net && one.nameif == other.nameif && one.source == other.source && one.nat_id != other.nat_id
}
