//! The operator's commands against the live box.

use std::net::Ipv4Addr;

use config::{Audience, Defaults};
use fastpath::counters::Snapshot;
use fastpath::verdict::DropReason;
use fastpath::worker::request::{Filter as ConnFilterRequest, What};

use super::Appliance;
use super::listing::Kind;
use crate::cli::{self, CliError, Command, ConnFilter, Filter, IpsecClear};
use crate::control_socket::{Outcome, Request};
use crate::ike::ClearScope;
use crate::stats::view::asp_drop::AspDrop;
use crate::stats::view::duration::CivilTime;
use crate::stats::view::interface::{InterfaceRow, InterfaceTable};
use crate::stats::view::isakmp_sa::IsakmpSaTable;
use crate::stats::view::version::{InterfaceLine, VersionView};
use crate::syslog::format;
use crate::time::Time;
use crate::tunnel::SpiPool;

/// What a command comes to.
enum Answer {
    /// This text, whole.
    Text(String),
    /// This text, and the command was wrong.
    Error(String),
    /// What the workers say.
    Workers(What, Kind),
    /// The session ends.
    Close,
}

impl Appliance {
    pub(super) fn requests(&mut self, now: Time) -> bool {
        let requests = self.socket.poll(now);
        for request in &requests {
            self.serve(request, now);
        }
        !requests.is_empty()
    }

    fn serve(&mut self, request: &Request, now: Time) {
        let client = request.client;
        let Ok(session) = self.socket.session(client) else { return };
        let mode = session.mode().clone();
        let prompt_columns = if request.interactive {
            session.prompt(&self.config.identity.hostname).chars().count()
        } else {
            0
        };
        let (answer, filter) = match cli::parse(&request.command, &mode) {
            Err(error) => (wrong(&error, prompt_columns), None),
            Ok(parsed) => {
                self.audit(request, &parsed.command);
                (self.execute(request, parsed.command, prompt_columns, now), parsed.filter)
            }
        };
        let hostname = self.config.identity.hostname.clone();
        let prompt = self.socket.session(client).map_or_else(
            |_| String::new(),
            |session| session.prompt(&hostname),
        );
        let mut outcome = Outcome { error: false, close: false, prompt };
        match answer {
            Answer::Workers(what, kind) => {
                let prompt = outcome.prompt.clone();
                if self.ask_workers(what, kind, client, filter, prompt) {
                    return;
                }
                outcome.error = true;
                let _ = self.socket.reply(client, BUSY, now);
            }
            Answer::Text(text) => {
                let text = filtered(filter, text);
                let _ = self.socket.reply(client, &text, now);
            }
            Answer::Error(text) => {
                outcome.error = true;
                let _ = self.socket.reply(client, &text, now);
            }
            Answer::Close => outcome.close = true,
        }
        let _ = self.socket.finish(client, outcome, now);
    }

    fn audit(&mut self, request: &Request, command: &Command) {
        let user = format!("uid {}", request.peer.uid);
        let messages = format::audit(&user, &request.command, command.changes_configuration());
        for message in messages {
            self.log(&message);
        }
    }

    fn execute(
        &mut self,
        request: &Request,
        command: Command,
        prompt_columns: usize,
        now: Time,
    ) -> Answer {
        match command {
            Command::Nothing | Command::Terminal => Answer::Text(String::new()),
            Command::Help(text) => Answer::Text(text),
            Command::ConfigureHelp(line) => self.configure_help(request, &line),
            Command::Configure(line) => self.configure(request, &line, prompt_columns, now),
            Command::ConfigureTerminal => self.in_session(request, |session| {
                session.configure_terminal();
                false
            }),
            Command::End => self.in_session(request, |session| {
                session.end();
                false
            }),
            Command::Exit => self.in_session(request, crate::cli::Session::exit),
            Command::WriteMemory => self.write_memory(),
            Command::ClearConn(filter) => {
                Answer::Workers(What::Clear(conn_filter(filter)), Kind::Clear)
            }
            Command::ClearXlate => Answer::Workers(What::ClearXlates, Kind::Clear),
            Command::ClearIsakmpSa { peer } => {
                self.clear_isakmp(scope(peer), now);
                done()
            }
            Command::ClearIpsecSa(what) => self.clear_ipsec(what, now),
            Command::ClearAspDrop => {
                self.drops_cleared = self.drop_counts();
                self.teardowns.clear();
                done()
            }
            Command::ClearLogging => {
                self.logger.clear_buffer();
                done()
            }
            Command::ClearArp => {
                self.resolver.clear(self.fastpath.neighbours());
                done()
            }
            Command::TestVpnTunnel { peer } => self.test_tunnel(peer, now),
            show => self.show(show, now),
        }
    }

    fn show(&mut self, command: Command, now: Time) -> Answer {
        Answer::Text(match command {
            Command::ShowRunningConfig { all, section } => self.running_config(all, &section),
            Command::ShowStartupConfig => self.startup_config(),
            Command::ShowVpnContext { detail } => {
                let table = self.tunnels.vpn_contexts(&self.fastpath);
                if detail { table.render_detail() } else { table.render() }
            }
            Command::ShowAspDrop => self.asp_drop().render(),
            Command::ShowConn { detail, filter } => {
                return Answer::Workers(What::List(conn_filter(filter)), Kind::Conns { detail });
            }
            Command::ShowConnCount => {
                return Answer::Workers(What::List(nothing()), Kind::Count);
            }
            Command::ShowXlate => {
                return Answer::Workers(What::List(ConnFilterRequest::default()), Kind::Xlates);
            }
            Command::ShowIsakmpSa { detail } => {
                let sas = self.engine.ike_sas(now).iter().map(Into::into).collect();
                let table = IsakmpSaTable { sas };
                if detail { table.render_detail() } else { table.render() }
            }
            Command::ShowIpsecSa { peer } => {
                self.tunnels.ipsec_sas(peer, now, &self.fastpath).render()
            }
            Command::ShowLogging => self.logger.view().render(),
            Command::ShowVersion => self.version(now).render(),
            Command::ShowArp => {
                self.resolver.view(&self.net, self.fastpath.neighbours(), now).render()
            }
            Command::ShowInterfaceIpBrief => self.interfaces().render(),
            Command::ShowClock => {
                format!("{}\n", CivilTime::from_unix_ms(self.clock.unix_ms()).clock())
            }
            _ => String::new(),
        })
    }

    fn in_session(
        &mut self,
        request: &Request,
        change: impl FnOnce(&mut crate::cli::Session) -> bool,
    ) -> Answer {
        match self.socket.session(request.client).map(change) {
            Ok(true) | Err(_) => Answer::Close,
            Ok(false) => done(),
        }
    }

    fn configure(
        &mut self,
        request: &Request,
        line: &str,
        prompt_columns: usize,
        now: Time,
    ) -> Answer {
        let block = self
            .socket
            .session(request.client)
            .ok()
            .and_then(|session| session.block().map(str::to_owned));
        let mut config = self.config.clone();
        let mut mode = config::Mode::default();
        if let Some(block) = &block {
            // The block's opener brings the configuration language to the session's place.
            let _ = config::apply_line(&mut config, &mut mode, block);
        }
        match config::apply_line(&mut config, &mut mode, line) {
            Err(error) => Answer::Error(error.report(prompt_columns)),
            Ok(applied) => {
                let in_block = mode != config::Mode::default();
                if let Ok(session) = self.socket.session(request.client) {
                    session.configured(line, in_block);
                }
                self.put_in_force(config, now);
                let warnings = applied.diagnostics.iter();
                Answer::Text(warnings.map(|it| format!("WARNING: {}\n", it.message)).collect())
            }
        }
    }

    fn configure_help(&mut self, request: &Request, line: &str) -> Answer {
        let _ = request;
        match config::help(line.trim_end_matches('?'), &config::Mode::default()) {
            Ok(lines) => Answer::Text(
                lines.iter().map(|it| format!("  {:<20} {}\n", it.word, it.help)).collect(),
            ),
            Err(error) => Answer::Error(error.report(0)),
        }
    }

    fn write_memory(&mut self) -> Answer {
        let text = zeroize::Zeroizing::new(config::render(
            &self.config,
            Audience::Stored,
            Defaults::Hidden,
            None,
        ));
        match std::fs::write(&self.config_path, text.as_bytes()) {
            Ok(()) => Answer::Text("Building configuration...\n[OK]\n".to_owned()),
            Err(error) => Answer::Error(format!("ERROR: {error}\n")),
        }
    }

    fn running_config(&self, all: bool, section: &[String]) -> String {
        let defaults = if all { Defaults::All } else { Defaults::Hidden };
        let section = section.join(" ");
        let section = (!section.is_empty()).then_some(section.as_str());
        config::render(&self.config, Audience::Shown, defaults, section)
    }

    fn startup_config(&self) -> String {
        let Ok(text) = std::fs::read_to_string(&self.config_path) else {
            return "No Configuration\n".to_owned();
        };
        let text = zeroize::Zeroizing::new(text);
        let (config, _) = config::parse(&text);
        config::render(&config, Audience::Shown, Defaults::Hidden, None)
    }

    fn clear_ipsec(&mut self, what: IpsecClear, now: Time) -> Answer {
        match what {
            IpsecClear::All => self.engine.clear_ipsec(now, ClearScope::All),
            IpsecClear::Peer(peer) => self.engine.clear_ipsec(now, ClearScope::Peer(peer)),
            IpsecClear::Counters => self.tunnels.clear_counters(&self.fastpath),
            IpsecClear::Map(name) => {
                let tunnels: Vec<_> = self
                    .tunnels
                    .iter()
                    .filter(|(_, _, spec)| spec.map_name == name)
                    .map(|(id, _, _)| id)
                    .collect();
                for id in tunnels {
                    self.engine.clear_ipsec(now, ClearScope::Tunnel(id));
                }
            }
            IpsecClear::Entry { peer, spi } => self.engine.clear_pair(now, peer, spi),
        }
        done()
    }

    fn test_tunnel(&mut self, peer: Ipv4Addr, now: Time) -> Answer {
        let wanted: Vec<_> = self
            .tunnels
            .iter()
            .filter(|(_, _, spec)| spec.peers.contains(&peer))
            .map(|(id, _, _)| id)
            .collect();
        if wanted.is_empty() {
            return Answer::Error(format!("ERROR: no crypto map names peer {peer}\n"));
        }
        for id in wanted {
            self.engine.initiate(now, &mut SpiPool(&mut self.fastpath), id);
        }
        done()
    }

    fn drop_counts(&self) -> Vec<u64> {
        let total =
            self.fastpath.counters().iter().fold(Snapshot::default(), |sum, set| &sum + set);
        total.drops.to_vec()
    }

    fn asp_drop(&self) -> AspDrop {
        let consumed = [
            DropReason::ArpConsumed,
            DropReason::IkeConsumed,
            DropReason::LocalConsumed,
        ];
        let counts = self.drop_counts();
        let shown: Vec<u64> = DropReason::ALL
            .iter()
            .zip(&counts)
            .enumerate()
            .map(|(at, (reason, count))| {
                let before = self.drops_cleared.get(at).copied().unwrap_or(0);
                if consumed.contains(reason) { 0 } else { count.saturating_sub(before) }
            })
            .collect();
        AspDrop::new(&shown, &self.teardowns)
    }

    fn version(&self, now: Time) -> VersionView {
        let ports = self.fastpath.ports().iter();
        VersionView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: fastpath::dpdk::version(),
            config_file: self.config_path.display().to_string(),
            hostname: self.config.identity.hostname.clone(),
            uptime_s: now.0 / 1000,
            cpu: "x86-64".to_owned(),
            workers: usize::from(self.fastpath.workers()),
            engines: self
                .fastpath
                .engines()
                .report()
                .lines()
                .filter_map(|line| line.split_once(' '))
                .map(|(suite, engine)| (suite.to_owned(), engine.trim().to_owned()))
                .collect(),
            interfaces: ports
                .map(|info| InterfaceLine {
                    hardware: format!("Ethernet0/{}", info.port),
                    mac: info.mac,
                    device: info.device.clone(),
                })
                .collect(),
        }
    }

    fn interfaces(&self) -> InterfaceTable {
        let rows = self.config.interfaces.iter().map(|interface| {
            let named = interface.nameif.as_deref();
            let present = self.net.iter().any(|net| Some(net.nameif.as_str()) == named);
            InterfaceRow {
                hardware: interface.hardware.clone(),
                address: interface.address.map(|(address, _)| address),
                shutdown: interface.shutdown,
                present,
                link: present,
            }
        });
        InterfaceTable { interfaces: rows.collect() }
    }
}

const BUSY: &str = "ERROR: the workers have too many requests, try again\n";

fn wrong(error: &CliError, prompt_columns: usize) -> Answer {
    Answer::Error(error.render(prompt_columns))
}

const fn done() -> Answer {
    Answer::Text(String::new())
}

fn filtered(filter: Option<Filter>, text: String) -> String {
    match filter {
        Some(mut filter) => filter.apply(&text),
        None => text,
    }
}

fn scope(peer: Option<Ipv4Addr>) -> ClearScope {
    peer.map_or(ClearScope::All, ClearScope::Peer)
}

fn conn_filter(filter: ConnFilter) -> ConnFilterRequest {
    ConnFilterRequest {
        address: filter.address.map(Ipv4Addr::to_bits),
        port: filter.port,
        protocol: filter.protocol,
    }
}

/// Lists nothing: the workers' answers carry the counts.
const fn nothing() -> ConnFilterRequest {
    ConnFilterRequest { address: Some(0), port: None, protocol: None }
}
