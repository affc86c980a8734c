//! Effects of `hostname` and `domain-name`.

use crate::Identity;
use crate::edit::{Edit, Refusal};
use crate::grammar::args::Args;

pub(super) fn hostname(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.identity.hostname = if args.negated {
        Identity::default().hostname
    } else {
        args.text("name")?.to_owned()
    };
    Ok(())
}

pub(super) fn domain_name(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.identity.domain_name = if args.negated {
        None
    } else {
        Some(args.text("domain")?.to_owned())
    };
    Ok(())
}
