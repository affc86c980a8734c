//! Effects of `interface`, its block, and `mtu`.

use crate::edit::{Edit, Refusal, room};
use crate::grammar::args::Args;
use crate::kept;
use crate::limits;
use crate::mode::Mode;
use crate::{Interface, MaskedNet};

pub(super) fn interface(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let hardware = args.text("hardware")?;
    let interfaces = &mut edit.config.interfaces;
    if args.negated {
        interfaces.retain(|interface| interface.hardware != hardware);
        return Ok(());
    }
    if !interfaces
        .iter()
        .any(|interface| interface.hardware == hardware)
    {
        room(
            interfaces.len(),
            limits::INTERFACES,
            args.span,
            "interfaces",
        )?;
        interfaces.push(Interface {
            hardware: hardware.to_owned(),
            ..Interface::default()
        });
    }
    *edit.mode = Mode::Interface(hardware.to_owned());
    Ok(())
}

/// The interface whose block is open.
fn current<'a>(edit: &'a mut Edit<'_>, args: &Args) -> Result<&'a mut Interface, Refusal> {
    let Mode::Interface(hardware) = &*edit.mode else {
        return Err(Refusal::Incomplete);
    };
    let mut interfaces = edit.config.interfaces.iter_mut();
    let found = interfaces.find(|interface| interface.hardware == *hardware);
    let gone = || Refusal::at(args.span, "gone", format!("{hardware} is gone."));
    found.ok_or_else(gone)
}

pub(super) fn nameif(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    if args.negated {
        current(edit, args)?.nameif = None;
        return Ok(());
    }
    let name = args.text("name")?;
    let hardware = current(edit, args)?.hardware.clone();
    let taken =
        |other: &Interface| other.hardware != hardware && other.nameif.as_deref() == Some(name);
    if let Some(other) = edit.config.interfaces.iter().find(|other| taken(other)) {
        let message = format!("`{name}` is the name of {}.", other.hardware);
        return Err(Refusal::at(args.span_of("name"), "nameif-in-use", message));
    }
    let interface = current(edit, args)?;
    interface.nameif = Some(name.to_owned());
    // As an ASA does; an interface without a level is written with `no security-level`.
    let level = if name == "inside" { 100 } else { 0 };
    interface.security_level.get_or_insert(level);
    Ok(())
}

pub(super) fn security_level(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let level = if args.negated {
        None
    } else {
        u8::try_from(args.number("level")?).ok()
    };
    current(edit, args)?.security_level = level;
    Ok(())
}

pub(super) fn address(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    if args.negated {
        current(edit, args)?.address = None;
        return Ok(());
    }
    let (address, mask) = (args.address("ip-address")?, args.address("mask")?);
    let net = MaskedNet::new(address, mask);
    if net.prefix_len().is_none_or(|bits| bits == 0) {
        let message = format!("{mask} is no mask of an interface.");
        let refusal = Refusal::at(args.span_of("mask"), "interface-mask", message);
        return Err(refusal.helped("Its ones must be at its beginning: 255.255.255.0."));
    }
    if address.is_unspecified() || address.is_multicast() || address.is_broadcast() {
        let message = format!("{address} is no address of an interface.");
        return Err(Refusal::at(
            args.span_of("ip-address"),
            "interface-address",
            message,
        ));
    }
    current(edit, args)?.address = Some((address, mask));
    Ok(())
}

pub(super) fn shutdown(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    current(edit, args)?.shutdown = !args.negated;
    Ok(())
}

pub(super) fn device(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    if args.negated {
        current(edit, args)?.device = None;
        return Ok(());
    }
    let device = args.text("port")?;
    let hardware = current(edit, args)?.hardware.clone();
    let mut others = edit.config.interfaces.iter();
    let taken =
        |other: &&Interface| other.hardware != hardware && other.device.as_deref() == Some(device);
    if let Some(other) = others.find(taken) {
        let message = format!("`{device}` serves {} already.", other.hardware);
        return Err(Refusal::at(args.span_of("port"), "device-in-use", message));
    }
    current(edit, args)?.device = Some(device.to_owned());
    Ok(())
}

pub(super) fn keep(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    kept::set_line(&mut current(edit, args)?.kept, args)
}

pub(super) fn mtu(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let nameif = args.text("nameif")?;
    let mtus = &mut edit.config.mtus;
    if args.negated {
        mtus.retain(|(name, _)| name != nameif);
        return Ok(());
    }
    let bytes = args.short("bytes")?;
    if let Some((_, known)) = mtus.iter_mut().find(|(name, _)| name == nameif) {
        *known = bytes;
        return Ok(());
    }
    room(mtus.len(), limits::INTERFACES, args.span, "MTUs")?;
    mtus.push((nameif.to_owned(), bytes));
    Ok(())
}
