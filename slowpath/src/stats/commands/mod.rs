//! The commands of the statistics socket: one table.
//!
//! A command is `/name` or `/name,parameters`, as with DPDK's telemetry. Its answer is one JSON
//! object of at most [`ANSWER_MAX_BYTES`]; what is longer comes in pages.

mod conn;
mod dpdk;
mod drops;
mod ethdev;
mod hist;
mod lcore;
mod page;
mod system;
mod vpn;

use std::sync::Arc;

use serde_json::{Value, json};

use super::histograms::Baselines;
use super::published::Published;
use super::questions::ConnCursor;
use super::reading::Reading;

pub use conn::page_answer;
pub use dpdk::register;
pub use drops::PUNT_NAMES;
pub use hist::percentile_values;
pub use page::Page;
pub use system::greeting;

/// Bytes of the longest answer, as DPDK has it.
pub const ANSWER_MAX_BYTES: usize = 16 * 1024;
/// Bytes of a command that an answer repeats; DPDK's own are shorter than 56.
const ECHO_MAX_BYTES: usize = 128;

/// What a command can read.
#[derive(Debug)]
pub struct Context<'a> {
    /// The sources.
    pub reading: &'a Reading,
    /// What the asking client has reset.
    pub baselines: &'a mut Baselines,
}

/// What a command comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A value.
    Value(Value),
    /// Connections from a place on: the workers have to be asked.
    Conns(ConnCursor),
    /// There is nothing like it.
    Nothing,
}

/// A command.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Its name, from the slash on.
    pub name: &'static str,
    /// Its parameters, for the operator.
    pub parameters: &'static str,
    /// What it answers.
    pub help: &'static str,
    answer: fn(&mut Context<'_>, &str) -> Answer,
}

const fn command(
    name: &'static str,
    parameters: &'static str,
    help: &'static str,
    answer: fn(&mut Context<'_>, &str) -> Answer,
) -> Command {
    Command {
        name,
        parameters,
        help,
        answer,
    }
}

/// Every command. A new one is a line here and a function.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    command("/", "", "The commands.", system::list),
    command("/help", "COMMAND", "What a command answers.", system::help),
    command("/info", "", "What the greeting says: version, process, longest answer.", system::info),
    command("/holdfast/version", "", "Versions, uptime, CPU, crypto engines.", system::version),
    command("/holdfast/health", "", "Whether the box works, in numbers.", system::health),
    command("/holdfast/interfaces", "", "Interfaces of the configuration with their ports.", system::interfaces),
    command("/holdfast/log", "", "Counters of the log.", system::log),
    command("/holdfast/events", "", "Events that the workers told, since the start.", system::events),
    command("/holdfast/counters", "[THREAD]", "Packet counters of the box, or of one thread (lcore1, control).", lcore::counters),
    command("/holdfast/lcores", "", "Load of each worker: loops, busy cycles, packets per burst.", lcore::lcores),
    command("/eal/lcore/list", "", "Numbers of the workers' lcores, as newer DPDK has it.", lcore::list),
    command("/eal/lcore/info", "LCORE", "One lcore with its busy and total TSC cycles, as newer DPDK has it.", lcore::info),
    command("/ethdev/list", "", "Numbers of the ports, as DPDK has it.", ethdev::list),
    command("/ethdev/info", "PORT", "Device, station address and queues of a port.", ethdev::info),
    command("/ethdev/stats", "PORT", "DPDK's common counters of a port.", ethdev::stats),
    command("/ethdev/xstats", "PORT", "DPDK's extended counters of a port.", ethdev::xstats),
    command("/ethdev/link_status", "PORT", "Link of a port.", ethdev::link_status),
    command("/holdfast/buffers", "", "Free buffers of each pool.", ethdev::buffers),
    command("/holdfast/conn/summary", "", "Connections in use and most ever in use, by worker.", conn::summary),
    command("/holdfast/conn/list", "[CURSOR]", "Connections, a page from the cursor on.", conn::list),
    command("/holdfast/vpn/summary", "", "Tunnels, SAs, packets and bytes of all tunnels.", vpn::summary),
    command("/holdfast/vpn/tunnels", "[CURSOR]", "Configured tunnels, those that are down included.", vpn::tunnels),
    command("/holdfast/vpn/contexts", "[CURSOR]", "VPN contexts, as `show asp table vpn-context detail`.", vpn::contexts),
    command("/holdfast/vpn/sas", "[CURSOR]", "Phase-2 SAs without their keys.", vpn::sas),
    command("/holdfast/vpn/bounces", "[CURSOR]", "The ledger of bounces, oldest first, as `show vpn-bounce detail`.", vpn::bounces),
    command("/holdfast/ike/sas", "[CURSOR]", "Phase-1 SAs without their keys.", vpn::ike_sas),
    command("/holdfast/drops", "", "Packets dropped since the start, by reason.", drops::frames),
    command("/holdfast/drops/flows", "", "Flows torn down, by reason, since `clear asp drop`.", drops::flows),
    command("/holdfast/punts", "", "Packets that the workers sent to the control loop, by class.", drops::punts),
    command("/holdfast/hist/list", "", "Histograms with unit and meaning.", hist::list),
    command("/holdfast/hist/percentiles", "NAME[,THREAD]", "Percentiles of a histogram since this client reset it.", hist::percentiles),
    command("/holdfast/hist/base64", "NAME[,THREAD]", "The same as HdrHistogram V2, compressed, in base64.", hist::base64),
    command("/holdfast/hist/hgrm", "NAME[,THREAD]", "The same as a percentile distribution (.hgrm).", hist::hgrm),
    command("/holdfast/hist/log", "NAME[,THREAD]", "The same as an interval log of one interval.", hist::log),
    command("/holdfast/hist/reset", "NAME[,THREAD]", "From now on this client sees what is counted after this moment.", hist::reset),
];

impl Context<'_> {
    fn published(&self) -> Option<Arc<Published>> {
        self.reading.published()
    }
}

impl From<Option<Value>> for Answer {
    fn from(value: Option<Value>) -> Self {
        value.map_or(Self::Nothing, Self::Value)
    }
}

/// Name and parameters of a command line.
pub fn split(line: &str) -> (&str, &str) {
    line.split_once(',').unwrap_or((line, ""))
}

/// Carries out a command.
pub fn carry_out(context: &mut Context<'_>, line: &str) -> Answer {
    let (name, parameters) = split(line);
    let known = COMMANDS.iter().find(|command| command.name == name);
    known.map_or(Answer::Nothing, |command| {
        (command.answer)(context, parameters)
    })
}

/// The text of an answer: the command's name with its value; `null` for none, and for one that
/// would be too long.
pub fn envelope(line: &str, value: Option<&Value>) -> String {
    let (name, _) = split(line);
    let echo = &name[..name.floor_char_boundary(ECHO_MAX_BYTES)];
    let text = json!({ echo: value }).to_string();
    if text.len() > ANSWER_MAX_BYTES {
        return json!({ echo: Value::Null }).to_string();
    }
    text
}

/// A cursor: nothing is the beginning; `None` for what is no number.
fn cursor(parameters: &str) -> Option<u64> {
    let text = parameters.trim();
    if text.is_empty() {
        return Some(0);
    }
    text.parse().ok()
}

/// A serializable value as JSON.
fn value(from: impl serde::Serialize) -> Option<Value> {
    serde_json::to_value(from).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dpdks_kind_and_told_apart() {
        let mut names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
        for command in COMMANDS {
            assert!(command.name.starts_with('/') && command.name.len() < 56);
            assert!(command.help.ends_with('.') && command.help.len() < 128);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COMMANDS.len());
    }

    #[test]
    fn an_answer_repeats_the_command_and_is_bounded() {
        assert_eq!(envelope("/x,1,2", Some(&json!(7))), r#"{"/x":7}"#);
        assert_eq!(envelope("/\"\n", None), r#"{"/\"\n":null}"#);
        let long = "é".repeat(1000);
        assert!(envelope(&long, None).len() < 200);
        let much = json!("x".repeat(ANSWER_MAX_BYTES));
        assert_eq!(envelope("/x", Some(&much)), r#"{"/x":null}"#);
    }

    #[test]
    fn cursors_are_numbers() {
        assert_eq!(cursor(""), Some(0));
        assert_eq!(cursor(" 12 "), Some(12));
        assert_eq!(cursor("-1"), None);
        assert_eq!(cursor("x"), None);
    }
}
