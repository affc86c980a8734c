//! Effects of kept commands: none but being kept.

use super::block::{begins_with, opening};
use super::rank;
use crate::KeptCommand;
use crate::edit::{Edit, Refusal, room};
use crate::grammar::Place;
use crate::grammar::args::Args;
use crate::limits;
use crate::mode::{KeptBlock, Mode};

/// A command that stands once: a new one takes the place of the one before.
pub(super) fn once(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    keep(edit, args, &args.leading_keywords())
}

/// A command that may stand many times.
pub(super) fn many(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    keep(edit, args, &args.canonical())
}

/// Keeps the line, or takes away what begins with `key`. A `no` that takes nothing away is kept
/// itself: it turns a default off.
fn keep(edit: &mut Edit<'_>, args: &Args, key: &str) -> Result<(), Refusal> {
    let line = args.canonical();
    let kept = &mut edit.config.kept;
    let negation = format!("no {key}");
    if args.negated {
        let before = kept.len();
        kept.retain(|command| !begins_with(&command.line, &line));
        let known = kept
            .iter()
            .any(|command| command.line == format!("no {line}"));
        if before == kept.len() && !known {
            room(kept.len(), limits::KEPT, args.span, "kept commands")?;
            insert(kept, new(format!("no {line}"), args));
        }
        return Ok(());
    }
    let same = |command: &KeptCommand| begins_with(&command.line, key);
    if let Some(known) = kept.iter_mut().find(|command| same(command)) {
        if known.line != line || known.secrets != args.secrets() {
            *known = new(line, args);
        }
    } else {
        room(kept.len(), limits::KEPT, args.span, "kept commands")?;
        insert(kept, new(line, args));
    }
    kept.retain(|command| !begins_with(&command.line, &negation));
    Ok(())
}

fn new(line: String, args: &Args) -> KeptCommand {
    KeptCommand {
        line,
        secrets: args.secrets(),
        block: Vec::new(),
    }
}

/// Inserts by place, behind those of the same place.
fn insert(kept: &mut Vec<KeptCommand>, command: KeptCommand) {
    let place = rank(&command.line);
    let at = kept.partition_point(|other| rank(&other.line) <= place);
    kept.insert(at, command);
}

/// A command that opens a block of kept lines.
fn block(edit: &mut Edit<'_>, args: &Args, outer: Place) -> Result<(), Refusal> {
    many(edit, args)?;
    if !args.negated {
        *edit.mode = Mode::Kept(KeptBlock {
            command: args.canonical(),
            outer,
            inner: Vec::new(),
        });
    }
    Ok(())
}

pub(super) fn class_map(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    block(edit, args, Place::ClassMap)
}

pub(super) fn policy_map(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    block(edit, args, Place::PolicyMap)
}

pub(super) fn class(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    opening(edit, args, Place::PolicyClass)
}

pub(super) fn parameters(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    opening(edit, args, Place::PolicyParameters)
}

pub(super) fn policy_match(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    opening(edit, args, Place::PolicyMatch)
}
