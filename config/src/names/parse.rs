//! Effects of `names` and `name`.

use crate::edit::{Edit, Refusal, room};
use crate::grammar::args::Args;
use crate::limits;
use crate::model::AddressName;

pub(super) fn names(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.names_enabled = !args.negated;
    Ok(())
}

pub(super) fn name(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let address = args.address("address")?;
    let names = &mut edit.config.names;
    let known = names.iter().position(|it| it.address == address);
    if args.negated {
        known.map(|at| names.remove(at));
        return Ok(());
    }
    let symbol = args.text("symbol")?;
    if names
        .iter()
        .any(|it| it.name == symbol && it.address != address)
    {
        let message = format!("`{symbol}` is the name of another address.");
        return Err(Refusal::at(args.span_of("symbol"), "name-in-use", message));
    }
    let named = AddressName {
        address,
        name: symbol.to_owned(),
        description: args.find_text("text").map(str::to_owned),
    };
    if let Some(known) = known.and_then(|at| names.get_mut(at)) {
        *known = named;
        return Ok(());
    }
    room(names.len(), limits::NAMES, args.span, "names")?;
    names.push(named);
    Ok(())
}
