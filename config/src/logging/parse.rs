//! Effects of `logging`.

use super::class::LogClass;
use crate::edit::{Edit, Refusal, room};
use crate::grammar::args::Args;
use crate::grammar::kind::{TCP, message_range};
use crate::grammar::names::LEVELS;
use crate::limits;
use crate::{
    DeviceId, LogFilter, LogList, LogMessage, LogRateLimit, LogRule, LogTransport, Logging,
    LoggingHost, RateLimited, Timestamp,
};

type Outcome = Result<(), Refusal>;

pub(super) fn enable(edit: &mut Edit<'_>, args: &Args) -> Outcome {
    edit.config.logging.enabled = !args.negated;
    Ok(())
}

pub(super) fn timestamp(edit: &mut Edit<'_>, args: &Args) -> Outcome {
    edit.config.logging.timestamp = match (args.negated, args.has("rfc5424")) {
        (true, _) => Timestamp::Off,
        (false, true) => Timestamp::Rfc5424,
        (false, false) => Timestamp::Asa,
    };
    Ok(())
}

fn severity(args: &Args) -> Result<u8, Refusal> {
    u8::try_from(args.number("severity")?).map_err(|_| Refusal::Incomplete)
}

/// The severities that `word` abbreviates.
fn abbreviated(word: &str) -> Vec<(&'static str, u8)> {
    let word = word.to_ascii_lowercase();
    let begun = LEVELS.iter().filter(|level| level.text.starts_with(&word));
    begun
        .filter_map(|level| Some((level.text, u8::try_from(level.value).ok()?)))
        .collect()
}

/// What goes to a destination; `None` for `no`. A word that abbreviates a severity is one: lists
/// have no such names.
fn filter(args: &Args) -> Result<Option<LogFilter>, Refusal> {
    if args.negated {
        return Ok(None);
    }
    let Some(list) = args.find_text("list") else {
        return Ok(Some(LogFilter::Level(severity(args)?)));
    };
    match abbreviated(list)[..] {
        [] => Ok(Some(LogFilter::List(list.to_owned()))),
        [(_, level)] => Ok(Some(LogFilter::Level(level))),
        _ => {
            let message = format!("`{list}` abbreviates several severities.");
            let span = args.span_of("list");
            Err(Refusal::at(span, "ambiguous-command", message))
        }
    }
}

pub(super) fn console(edit: &mut Edit<'_>, args: &Args) -> Outcome {
    edit.config.logging.console = filter(args)?;
    Ok(())
}

pub(super) fn buffered(edit: &mut Edit<'_>, args: &Args) -> Outcome {
    edit.config.logging.buffered = filter(args)?;
    Ok(())
}

pub(super) fn buffer_size(edit: &mut Edit<'_>, args: &Args) -> Outcome {
    edit.config.logging.buffer_size_bytes = if args.negated {
        None
    } else {
        Some(args.number("bytes")?)
    };
    Ok(())
}

pub(super) fn trap(edit: &mut Edit<'_>, args: &Args) -> Outcome {
    edit.config.logging.trap = filter(args)?;
    Ok(())
}

/// RFC 5426 section 3.3.
pub(super) const SYSLOG_PORT: u16 = 514;

pub(super) fn host(edit: &mut Edit<'_>, args: &Args) -> Outcome {
    if args.has("emblem") && !args.negated {
        let message = "Messages in EMBLEM form are not there.".to_owned();
        let refusal = Refusal::at(args.span_of("emblem"), "emblem-format", message);
        return Err(refusal.helped("Leave out `format emblem`."));
    }
    let service = args.find_number("port").unwrap_or(SYSLOG_PORT.into());
    let (transport, port) = if service & TCP != 0 {
        (LogTransport::Tcp, service & !TCP)
    } else {
        (LogTransport::Udp, service)
    };
    let host = LoggingHost {
        nameif: args.text("nameif")?.to_owned(),
        address: args.address("address")?,
        transport,
        port: u16::try_from(port).map_err(|_| Refusal::Incomplete)?,
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

pub(super) fn permit_hostdown(edit: &mut Edit<'_>, args: &Args) -> Outcome {
    edit.config.logging.permit_hostdown = !args.negated;
    Ok(())
}

pub(super) fn file(edit: &mut Edit<'_>, args: &Args) -> Outcome {
    edit.config.logging.file = match filter(args)? {
        None => None,
        Some(filter) => Some((args.text("path")?.to_owned(), filter)),
    };
    Ok(())
}

/// The rule of a `logging list`, `None` where `no` takes the whole list away.
fn rule(args: &Args) -> Result<Option<LogRule>, Refusal> {
    if let Some(range) = args.find_text("range") {
        let (first, last) = message_range(range).ok_or(Refusal::Incomplete)?;
        return Ok(Some(LogRule::Messages { first, last }));
    }
    if args.has("severity") {
        return Ok(Some(LogRule::Level {
            level: severity(args)?,
            class: args
                .find_number("event class")
                .and_then(LogClass::from_word),
        }));
    }
    Ok(None)
}

pub(super) fn list(edit: &mut Edit<'_>, args: &Args) -> Outcome {
    let name = args.text("list name")?;
    let lists = &mut edit.config.logging.lists;
    let at = lists.iter().position(|list| list.name == name);
    let rule = rule(args)?;
    if args.negated {
        let Some(list) = at.and_then(|at| lists.get_mut(at)) else {
            return Ok(());
        };
        match rule {
            Some(rule) => list.rules.retain(|other| *other != rule),
            None => list.rules.clear(),
        }
        lists.retain(|list| !list.rules.is_empty());
        return Ok(());
    }
    let rule = rule.ok_or(Refusal::Incomplete)?;
    match at.and_then(|at| lists.get_mut(at)) {
        Some(list) if list.rules.contains(&rule) => {}
        Some(list) => {
            let bound = limits::LOGGING_LIST_RULES;
            room(list.rules.len(), bound, args.span, "lines of a list")?;
            list.rules.push(rule);
        }
        None => {
            list_name(name, args)?;
            let bound = limits::LOGGING_LISTS;
            room(lists.len(), bound, args.span, "logging lists")?;
            lists.push(LogList {
                name: name.to_owned(),
                rules: vec![rule],
            });
        }
    }
    Ok(())
}

/// A list that is called as a severity could not be told from it.
fn list_name(name: &str, args: &Args) -> Outcome {
    match abbreviated(name).first() {
        None => Ok(()),
        Some((level, _)) => {
            let message = format!("`{name}` stands for the severity {level}.");
            let span = args.span_of("list name");
            Err(Refusal::at(span, "list-name", message).helped("Choose another name."))
        }
    }
}

pub(super) fn facility(edit: &mut Edit<'_>, args: &Args) -> Outcome {
    let code = args.find_number("code").filter(|_| !args.negated);
    edit.config.logging.facility = match code {
        Some(code) => u8::try_from(code).map_err(|_| Refusal::Incomplete)?,
        None => Logging::FACILITY,
    };
    Ok(())
}

pub(super) fn device_id(edit: &mut Edit<'_>, args: &Args) -> Outcome {
    edit.config.logging.device_id = if args.negated {
        None
    } else if args.has("hostname") {
        Some(DeviceId::Hostname)
    } else if args.has("ipaddress") {
        Some(DeviceId::Address(args.text("nameif")?.to_owned()))
    } else if args.has("string") {
        Some(DeviceId::Text(args.text("text")?.to_owned()))
    } else {
        Some(DeviceId::Context)
    };
    Ok(())
}

pub(super) fn queue(edit: &mut Edit<'_>, args: &Args) -> Outcome {
    edit.config.logging.queue = if args.negated {
        Logging::QUEUE
    } else {
        args.short("length")?
    };
    Ok(())
}

pub(super) fn rate_limit(edit: &mut Edit<'_>, args: &Args) -> Outcome {
    let of = match args.find_number("id") {
        Some(id) => RateLimited::Message(id),
        None => RateLimited::Level(severity(args)?),
    };
    let interval_s = args.find_number("interval").unwrap_or(1);
    let limit = args
        .find_number("number")
        .map(|number| (number, interval_s));
    let known = &mut edit.config.logging.rate_limits;
    // A severity has no limit of its own: nothing is to be lifted.
    let is_default = limit.is_none() && matches!(of, RateLimited::Level(_));
    if args.negated || is_default {
        known.retain(|other| other.of != of);
        return Ok(());
    }
    let limit = LogRateLimit { of, limit };
    if let Some(other) = known.iter_mut().find(|other| other.of == of) {
        *other = limit;
        return Ok(());
    }
    let bound = limits::LOGGING_RATE_LIMITS;
    room(known.len(), bound, args.span, "rate limits")?;
    known.push(limit);
    Ok(())
}

pub(super) fn message(edit: &mut Edit<'_>, args: &Args) -> Outcome {
    change_message(edit, args, |message| message.enabled = !args.negated)
}

pub(super) fn message_level(edit: &mut Edit<'_>, args: &Args) -> Outcome {
    let level = if args.negated {
        None
    } else {
        Some(severity(args)?)
    };
    change_message(edit, args, |message| message.level = level)
}

/// Changes what is said of a message; one that is at its default is not kept.
fn change_message(
    edit: &mut Edit<'_>,
    args: &Args,
    change: impl FnOnce(&mut LogMessage),
) -> Outcome {
    let id = args.number("id")?;
    let messages = &mut edit.config.logging.messages;
    let place = messages.binary_search_by_key(&id, |message| message.id);
    let mut message = LogMessage {
        id,
        enabled: true,
        level: None,
    };
    if let Some(known) = place.ok().and_then(|at| messages.get(at)) {
        message = *known;
    }
    change(&mut message);
    let is_default = message.enabled && message.level.is_none();
    match place {
        Ok(at) if is_default => {
            messages.remove(at);
        }
        Ok(at) => {
            if let Some(known) = messages.get_mut(at) {
                *known = message;
            }
        }
        Err(_) if is_default => {}
        Err(at) => {
            let bound = limits::LOGGING_MESSAGES;
            room(messages.len(), bound, args.span, "messages")?;
            messages.insert(at, message);
        }
    }
    Ok(())
}
