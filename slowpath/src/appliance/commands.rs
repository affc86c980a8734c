//! What operators ask for.

use std::net::Ipv4Addr;
use std::sync::Arc;

use config::Config;
use fastpath::worker::request::Filter;

use super::Appliance;
use super::edits::Reload;
use super::listing::{Kind, Listing};
use crate::cli::{self, Command, ConnFilter, IpsecClear, Parsed};
use crate::control_socket::{ClientId, ControlSocket, Outcome, Request};
use crate::ike::{ClearScope, TunnelId};
use crate::stats::measures::SlowpathHistogram;
use crate::stats::view::Append;
use crate::syslog::Message;
use crate::syslog::format::audit;
use crate::time::Time;
use crate::tunnel::SpiPool;

/// What a command comes to at once.
enum Answer {
    /// The text, which is all.
    Text(String),
    /// It was refused, with this text.
    Refused(String),
    /// The session ends.
    Close,
    /// The answer follows.
    Later,
}

/// What the next command of a client is prompted with.
pub(super) fn prompt(socket: &mut ControlSocket, client: ClientId, config: &Config) -> String {
    let hostname = &config.identity.hostname;
    socket
        .session(client)
        .map(|session| session.prompt(hostname))
        .unwrap_or_default()
}

impl Appliance {
    /// Requests of the control socket and answers that are on their way.
    pub(super) fn serve_operators(&mut self, now: Time) -> bool {
        self.outputs.send(&mut self.socket, now);
        let requests = self.socket.poll(now);
        let busy = !requests.is_empty();
        for request in requests {
            self.serve(&request, false, now);
        }
        busy
    }

    /// Serves a command. One that has waited for the edits before it does not wait for later ones.
    pub(super) fn serve(&mut self, request: &Request, has_waited: bool, now: Time) {
        let begin_us = self.publishing.stopwatch_us();
        self.carry_out(request, has_waited, now);
        self.publishing
            .record_since(SlowpathHistogram::Command, begin_us);
    }

    fn carry_out(&mut self, request: &Request, has_waited: bool, now: Time) {
        let client = request.client;
        let Ok(session) = self.socket.session(client) else {
            return;
        };
        let before = session
            .prompt(&self.config.identity.hostname)
            .chars()
            .count();
        let caret_columns = if request.interactive { before } else { 0 };
        let parsed = cli::parse(&request.command, session.mode());
        let answer = match parsed {
            Ok(parsed) if !has_waited && self.has_to_wait(&parsed.command) => {
                let Self { edits, socket, .. } = self;
                return edits.defer(request.clone(), |client| socket.session(client).is_ok());
            }
            Ok(parsed) => {
                let audited = Self::audit(request, &parsed.command);
                let answer = self.execute(request, parsed, caret_columns, now);
                let carried_out = !matches!(answer, Answer::Refused(_));
                for message in audited.iter().filter(|_| carried_out) {
                    self.log(message, now);
                }
                answer
            }
            Err(error) => Answer::Refused(error.render(caret_columns)),
        };
        let (text, error, close) = match answer {
            Answer::Later => return,
            Answer::Text(text) => (text, false, false),
            Answer::Refused(text) => (text, true, false),
            Answer::Close => (String::new(), false, true),
        };
        if close {
            self.modes.remove(&client);
        }
        let prompt = prompt(&mut self.socket, client, &self.config);
        self.outputs.push(
            client,
            text,
            Outcome {
                error,
                close,
                prompt,
            },
        );
        self.outputs.send(&mut self.socket, now);
    }

    /// Whether a command waits. What is shown or cleared is what stands in the configuration, and
    /// what is edited is what the file says that is being read.
    fn has_to_wait(&self, command: &Command) -> bool {
        let reads = command.changes_configuration() && self.edits.reload != Reload::No;
        reads || waits_for_edits(command) && !self.edits.are_in_force()
    }

    /// What the log says of a command once it is carried out.
    fn audit(request: &Request, command: &Command) -> Vec<Message> {
        if matches!(
            command,
            Command::Nothing | Command::Help(_) | Command::ConfigureHelp(_)
        ) {
            return Vec::new();
        }
        let user = match request.peer.uid {
            0 => "enable_15".to_owned(),
            uid => format!("uid_{uid}"),
        };
        audit(&user, &request.command, command.changes_configuration())
    }

    fn execute(&mut self, request: &Request, parsed: Parsed, caret: usize, now: Time) -> Answer {
        let Parsed { command, filter } = parsed;
        let answer = match command {
            Command::Nothing | Command::Terminal => Answer::Text(String::new()),
            Command::Help(text) => Answer::Text(text),
            Command::ConfigureHelp(line) => self.configure_help(request.client, &line, caret),
            Command::Configure(line) => self.configure(request.client, &line, caret, now),
            Command::ConfigureTerminal | Command::End | Command::Exit => {
                self.change_mode(request.client, &command)
            }
            Command::WriteMemory => {
                self.write_memory(request.client);
                Answer::Later
            }
            Command::ShowConn {
                detail,
                filter: conns,
            } => self.begin_listing(request, Kind::Conns { detail }, conns, filter),
            Command::ShowConnRaw(conns) => {
                self.begin_listing(request, Kind::RawConns, conns, filter)
            }
            Command::ShowConnCount => {
                self.begin_listing(request, Kind::ConnCount, ConnFilter::default(), filter)
            }
            Command::ShowXlate => {
                self.begin_listing(request, Kind::Xlates, ConnFilter::default(), filter)
            }
            Command::ClearConn(conns) => self.begin_listing(request, Kind::ClearConns, conns, None),
            Command::ClearXlate => {
                self.begin_listing(request, Kind::ClearXlates, ConnFilter::default(), None)
            }
            Command::ShowRunningConfig { all, section } => {
                later(self.print_running(request.client, all, &section, filter))
            }
            Command::ShowStartupConfig => later(self.print_startup(request.client, filter)),
            Command::ClearIsakmpSa { .. }
            | Command::ClearIpsecSa(_)
            | Command::ClearAspDrop
            | Command::ClearLogging
            | Command::ClearArp
            | Command::TestVpnTunnel { .. } => self.clear(&command, now),
            Command::ShowInterface {
                nameif: Some(nameif),
            } if !self.has_interface(&nameif) => {
                Answer::Refused(format!("ERROR: % No interface is named {nameif}\n"))
            }
            show => match self.show(&show, request.format, now) {
                Some(text) => filtered(text, filter),
                None => Answer::Refused("ERROR: % Invalid input detected\n".to_owned()),
            },
        };
        self.drain_tunnel_messages(now);
        answer
    }

    fn begin_listing(
        &mut self,
        request: &Request,
        kind: Kind,
        conns: ConnFilter,
        pipe: Option<cli::Filter>,
    ) -> Answer {
        self.list(Listing {
            client: request.client,
            kind,
            format: request.format,
            filter: Filter {
                address: conns.address.map(Ipv4Addr::to_bits),
                port: conns.port,
                protocol: conns.protocol,
            },
            pipe,
        });
        Answer::Later
    }

    fn change_mode(&mut self, client: ClientId, command: &Command) -> Answer {
        let mode = self.modes.entry(client).or_default();
        let Ok(session) = self.socket.session(client) else {
            return Answer::Close;
        };
        match command {
            Command::ConfigureTerminal => session.configure_terminal(),
            Command::End => session.end(),
            // A block that the prompt does not show is left all the same.
            _ if session.block().is_none() && *mode != config::Mode::Global => {}
            _ => {
                if session.exit() {
                    return Answer::Close;
                }
            }
        }
        *mode = config::Mode::Global;
        Answer::Text(String::new())
    }

    fn configure(&mut self, client: ClientId, line: &str, caret: usize, now: Time) -> Answer {
        let mode = self.modes.entry(client).or_default();
        let config = Arc::make_mut(&mut self.config);
        let applied = match config::apply_line(config, mode, line) {
            Ok(applied) => applied,
            Err(error) => return Answer::Refused(error.report(caret)),
        };
        let in_block = *mode != config::Mode::Global;
        if let Ok(session) = self.socket.session(client) {
            let opened = in_block && session.block().is_none();
            session.configured(line, in_block && !opened);
            if applied.leaves {
                session.end();
            }
        }
        self.mark_edited(now);
        let mut text = String::new();
        for diagnostic in &applied.diagnostics {
            let severity = diagnostic.severity.word().to_uppercase();
            text.append(format_args!("{severity}: {}\n", diagnostic.message));
            if let Some(help) = &diagnostic.help {
                text.append(format_args!("{help}\n"));
            }
        }
        Answer::Text(text)
    }

    fn configure_help(&mut self, client: ClientId, line: &str, caret: usize) -> Answer {
        let mode = self.modes.entry(client).or_default();
        match config::help(line, mode) {
            Ok(lines) => {
                let width = lines.iter().map(|line| line.word.len()).max().unwrap_or(0);
                let mut text = String::new();
                for line in &lines {
                    text.append(format_args!("  {:<width$}  {}\n", line.word, line.help));
                }
                Answer::Text(text)
            }
            Err(error) => Answer::Refused(error.report(caret)),
        }
    }

    fn clear(&mut self, command: &Command, now: Time) -> Answer {
        let scope = |peer: &Option<Ipv4Addr>| peer.map_or(ClearScope::All, ClearScope::Peer);
        match command {
            Command::ClearIsakmpSa { peer } => self.clear_isakmp(scope(peer), now),
            Command::ClearIpsecSa(what) => self.clear_ipsec_sa(what, now),
            Command::ClearAspDrop => self.clear_asp_drop(),
            Command::ClearLogging => self.logger.clear_buffer(),
            Command::ClearArp => self.arp.clear(self.fastpath.neighbours()),
            Command::TestVpnTunnel { peer } => return self.test_tunnel(*peer, now),
            _ => {}
        }
        Answer::Text(String::new())
    }

    fn clear_ipsec_sa(&mut self, what: &IpsecClear, now: Time) {
        match what {
            IpsecClear::All => self.clear_ipsec(ClearScope::All, now),
            IpsecClear::Counters => self.tunnels.clear_counters(&self.fastpath),
            IpsecClear::Peer(peer) => self.clear_ipsec(ClearScope::Peer(*peer), now),
            IpsecClear::Map(name) => {
                let tunnels: Vec<TunnelId> = self
                    .tunnels
                    .iter()
                    .filter(|(_, _, spec)| spec.map_name == *name)
                    .map(|(id, _, _)| id)
                    .collect();
                for id in tunnels {
                    self.clear_ipsec(ClearScope::Tunnel(id), now);
                }
            }
            IpsecClear::Entry { peer: end, spi } => {
                if let Some(peer) = self.tunnels.peer_of_sa(*end, *spi) {
                    self.clear_pair(peer, *spi, now);
                }
            }
        }
    }

    fn test_tunnel(&mut self, peer: Ipv4Addr, now: Time) -> Answer {
        let wanted: Vec<TunnelId> = self
            .tunnels
            .iter()
            .filter(|(_, _, spec)| spec.peers.contains(&peer))
            .map(|(id, _, _)| id)
            .collect();
        if wanted.is_empty() {
            return Answer::Refused(format!("ERROR: % No crypto map entry names {peer}\n"));
        }
        for id in wanted {
            self.engine
                .initiate(now, &mut SpiPool(&mut self.fastpath), id);
        }
        self.run_ike(now);
        Answer::Text(String::new())
    }
}

/// Whether a command waits until the edits before it are in force: all that is about more than the
/// session and the configuration's text, and the one that says that the edits are complete.
const fn waits_for_edits(command: &Command) -> bool {
    !matches!(
        command,
        Command::Nothing
            | Command::Terminal
            | Command::Help(_)
            | Command::ConfigureHelp(_)
            | Command::Configure(_)
            | Command::ConfigureTerminal
    )
}

/// The answer of what another thread prints.
fn later(taken: Result<(), &'static str>) -> Answer {
    match taken {
        Ok(()) => Answer::Later,
        Err(refusal) => Answer::Refused(refusal.to_owned()),
    }
}

fn filtered(text: String, filter: Option<cli::Filter>) -> Answer {
    Answer::Text(match filter {
        Some(mut filter) => filter.apply(&text),
        None => text,
    })
}
