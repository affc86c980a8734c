//! The prompt: testpmd's commands, from standard input or a file.

use std::io::{BufRead, Write as _};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};

use super::statistics::summary;
use super::{PAUSE, Session};
use crate::options::Run;
use crate::report::Figure;
use crate::signals::Signals;

const PROMPT: &str = "holdfast-perf> ";
const HELP: &str = "start                  begin forwarding
stop                   end it and show the statistics
set rate PACKETS/S     of each generator thread, 0 for as fast as it can
show port stats all    packets and rates by port
show fwd stats all     the same with what was refused, lost and reordered
clear port stats all   count anew
quit                   end";

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Start,
    Stop,
    SetRate(u64),
    ShowPorts,
    ShowForward,
    Clear,
    Help,
    Quit,
    Nothing,
}

fn parse(line: &str) -> Result<Order, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        [] => Ok(Order::Nothing),
        ["start"] => Ok(Order::Start),
        ["stop"] => Ok(Order::Stop),
        ["set", "rate", rate] => rate
            .parse()
            .map(Order::SetRate)
            .map_err(|_| format!("\"{rate}\" is no rate")),
        ["show", "port", "stats", "all"] => Ok(Order::ShowPorts),
        ["show", "fwd", "stats", "all"] => Ok(Order::ShowForward),
        ["clear", "port" | "fwd", "stats", "all"] | ["clear"] => Ok(Order::Clear),
        ["help" | "?"] => Ok(Order::Help),
        ["quit" | "exit"] => Ok(Order::Quit),
        _ => Err(format!("unknown command \"{line}\"; help lists them")),
    }
}

/// Takes commands until `quit`, the end of input or a signal.
pub(super) fn run(
    session: &mut Session,
    run: &Run,
    signals: &Signals,
) -> Result<Vec<Figure>, String> {
    session.await_links(signals);
    if let Some(path) = &run.cmdline_file {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        for line in text.lines() {
            println!("{PROMPT}{line}");
            if obey(session, parse(line)?) {
                return Ok(Vec::new());
            }
        }
    }
    if !run.interactive {
        session.watch(run, signals);
        return Ok(Vec::new());
    }
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    print_prompt();
    loop {
        match lines.recv_timeout(PAUSE) {
            Ok(line) => {
                match parse(&line) {
                    Ok(order) if obey(session, order) => return Ok(Vec::new()),
                    Ok(_) => {}
                    Err(text) => println!("{text}"),
                }
                print_prompt();
            }
            Err(RecvTimeoutError::Timeout) if !signals.asked() => {}
            Err(_) => {
                obey(session, Order::Quit);
                return Ok(Vec::new());
            }
        }
    }
}

fn print_prompt() {
    print!("{PROMPT}");
    // A terminal that is gone is noticed by its input.
    let _ = std::io::stdout().flush();
}

/// Does what was asked; `true` to end.
fn obey(session: &mut Session, order: Order) -> bool {
    let passed = session.begun.elapsed();
    match order {
        Order::Start => session.forward(true),
        Order::Stop | Order::Quit => {
            if session.orders.forward.load(Ordering::Relaxed) {
                session.forward(false);
                std::thread::sleep(super::SETTLE);
                print!("{}", summary(&session.totals(), passed));
            }
        }
        Order::SetRate(rate) => session.orders.rate.store(rate, Ordering::Relaxed),
        Order::ShowPorts => print!("{}", session.totals().ports(passed)),
        Order::ShowForward => print!("{}", summary(&session.totals(), passed)),
        Order::Clear => session.clear(),
        Order::Help => println!("{HELP}"),
        Order::Nothing => {}
    }
    order == Order::Quit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn testpmds_words_are_understood() {
        assert_eq!(parse("start"), Ok(Order::Start));
        assert_eq!(parse(" show port stats all "), Ok(Order::ShowPorts));
        assert_eq!(parse("show fwd stats all"), Ok(Order::ShowForward));
        assert_eq!(parse("set rate 5000"), Ok(Order::SetRate(5000)));
        assert_eq!(parse("clear port stats all"), Ok(Order::Clear));
        assert_eq!(parse(""), Ok(Order::Nothing));
        assert!(parse("set rate fast").is_err() && parse("launch").is_err());
    }
}
