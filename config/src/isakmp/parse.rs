//! Effects of `crypto isakmp`, apart from policies.

use crate::edit::{Edit, Refusal, room};
use crate::grammar::args::Args;
use crate::limits;
use crate::{Isakmp, IsakmpIdentity};

pub(super) fn enable(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let nameif = args.text("nameif")?;
    let names = &mut edit.config.isakmp.enabled_on;
    if args.negated {
        names.retain(|other| other != nameif);
    } else if !names.iter().any(|other| other == nameif) {
        room(names.len(), limits::INTERFACES, args.span, "interfaces")?;
        names.push(nameif.to_owned());
    }
    Ok(())
}

pub(super) fn identity(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.isakmp.identity = if args.has("address") {
        IsakmpIdentity::Address
    } else if args.has("hostname") {
        IsakmpIdentity::Hostname
    } else if let Some(text) = args.find_text("text") {
        IsakmpIdentity::KeyId(text.to_owned())
    } else {
        IsakmpIdentity::Auto
    };
    Ok(())
}

pub(super) fn nat_traversal(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.isakmp.nat_traversal_s = if args.negated {
        None
    } else if args.has("interval") {
        Some(args.short("interval")?)
    } else {
        Some(Isakmp::NAT_TRAVERSAL_S)
    };
    Ok(())
}
