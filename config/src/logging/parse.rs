//! Effects of `logging`.

use crate::LoggingHost;
use crate::edit::{Edit, Refusal, room};
use crate::grammar::args::Args;
use crate::limits;

pub(super) fn enable(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.logging.enabled = !args.negated;
    Ok(())
}

pub(super) fn timestamp(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.logging.timestamp = !args.negated;
    Ok(())
}

/// The severity of the line, `None` for `no`.
fn level(args: &Args) -> Result<Option<u8>, Refusal> {
    if args.negated {
        Ok(None)
    } else {
        Ok(u8::try_from(args.number("level")?).ok())
    }
}

pub(super) fn buffered(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.logging.buffered = level(args)?;
    Ok(())
}

pub(super) fn buffer_size(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.logging.buffer_size_bytes = if args.negated {
        None
    } else {
        Some(args.number("bytes")?)
    };
    Ok(())
}

pub(super) fn trap(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.logging.trap = level(args)?;
    Ok(())
}

/// RFC 5426 section 3.3.
pub(super) const SYSLOG_PORT: u16 = 514;

pub(super) fn host(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let host = LoggingHost {
        nameif: args.text("nameif")?.to_owned(),
        address: args.address("address")?,
        port: if args.has("port") {
            args.short("port")?
        } else {
            SYSLOG_PORT
        },
    };
    let hosts = &mut edit.config.logging.hosts;
    let same = |other: &LoggingHost| other.nameif == host.nameif && other.address == host.address;
    if args.negated {
        hosts.retain(|other| !same(other));
    } else if let Some(other) = hosts.iter_mut().find(|other| same(other)) {
        *other = host;
    } else {
        room(
            hosts.len(),
            limits::LOGGING_HOSTS,
            args.span,
            "syslog hosts",
        )?;
        hosts.push(host);
    }
    Ok(())
}

pub(super) fn file(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    edit.config.logging.file = match level(args)? {
        None => None,
        Some(level) => Some((args.text("path")?.to_owned(), level)),
    };
    Ok(())
}
