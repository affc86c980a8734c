//! Kept lines: in lists of their own, and in the blocks of kept commands.

use crate::KeptCommand;
use crate::edit::{Edit, Refusal, room};
use crate::grammar::Place;
use crate::grammar::args::Args;
use crate::grammar::line::Span;
use crate::limits;
use crate::mode::{KeptBlock, Mode};

/// Sets the line of `args` in a list where a line is known by its keywords.
pub(crate) fn set_line(lines: &mut Vec<String>, args: &Args) -> Result<(), Refusal> {
    set_keyed(lines, &args.leading_keywords(), args.canonical(), args)
}

/// Puts `line` into `lines` in the place of one that begins with `key`; takes it away for `no`.
pub(crate) fn set_keyed(
    lines: &mut Vec<String>,
    key: &str,
    line: String,
    args: &Args,
) -> Result<(), Refusal> {
    lines.retain(|other| !begins_with(other, key));
    if args.negated {
        return Ok(());
    }
    room(lines.len(), limits::KEPT, args.span, "kept lines")?;
    lines.push(line);
    Ok(())
}

/// Whether `line` is `key`, or `key` and more words.
pub(super) fn begins_with(line: &str, key: &str) -> bool {
    let rest = line.strip_prefix(key);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// A line of a kept command's block.
pub(super) fn plain(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    change(edit, args)
}

/// A line that opens a level inside of the block.
pub(super) fn opening(edit: &mut Edit<'_>, args: &Args, place: Place) -> Result<(), Refusal> {
    change(edit, args)?;
    if let (Mode::Kept(block), false) = (&mut *edit.mode, args.negated) {
        block.inner.push((place, args.canonical()));
    }
    Ok(())
}

fn change(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let Mode::Kept(place) = &*edit.mode else {
        return Err(Refusal::Incomplete);
    };
    let mut commands = edit.config.kept.iter_mut();
    let command = commands.find(|command| command.line == place.command);
    let gone = || Refusal::at(args.span, "gone", format!("`{}` is gone.", place.command));
    let command = command.ok_or_else(gone)?;
    let line = args.canonical();
    if args.negated {
        remove(command, place, &line);
    } else {
        insert(command, place, &line, args.span)?;
    }
    Ok(())
}

fn depth_of(line: &str) -> usize {
    line.bytes().take_while(|byte| *byte == b' ').count()
}

/// The lines inside of `place`: first, behind the last, and their depth.
fn inside(command: &KeptCommand, place: &KeptBlock) -> (usize, usize, usize) {
    let (mut first, mut end) = (0, command.block.len());
    for (depth, (_, opener)) in place.inner.iter().enumerate() {
        if let Some(at) = find(command, first, end, depth, opener) {
            first = at + 1;
            end = end_of(command, at, end, depth);
        }
    }
    (first, end, place.inner.len())
}

fn find(
    command: &KeptCommand,
    first: usize,
    end: usize,
    depth: usize,
    line: &str,
) -> Option<usize> {
    (first..end).find(|&at| {
        let other = command.block.get(at).map_or("", String::as_str);
        depth_of(other) == depth && other.trim_start_matches(' ') == line
    })
}

/// The end of the lines that belong to the one at `at`.
fn end_of(command: &KeptCommand, at: usize, end: usize, depth: usize) -> usize {
    let lines = command.block.iter().enumerate().take(end).skip(at + 1);
    let mut outside = lines.filter(|(_, line)| depth_of(line) <= depth);
    outside.next().map_or(end, |(next, _)| next)
}

fn insert(
    command: &mut KeptCommand,
    place: &KeptBlock,
    line: &str,
    span: Span,
) -> Result<(), Refusal> {
    let (first, end, depth) = inside(command, place);
    if find(command, first, end, depth, line).is_some() {
        return Ok(());
    }
    room(
        command.block.len(),
        limits::KEPT,
        span,
        "kept lines of a block",
    )?;
    command
        .block
        .insert(end, format!("{}{line}", " ".repeat(depth)));
    Ok(())
}

fn remove(command: &mut KeptCommand, place: &KeptBlock, line: &str) {
    let (first, end, depth) = inside(command, place);
    if let Some(at) = find(command, first, end, depth, line) {
        let after = end_of(command, at, end, depth);
        command.block.drain(at..after);
    }
}
