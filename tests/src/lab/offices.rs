//! The two offices with their boxes, server and watchers: what scenarios and the demo start from.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::config_text::{self, Options};
use super::error::Result;
use super::flow_log::{self, messages};
use super::holdfast_box::HoldfastBox;
use super::http_server::HttpServer;
use super::payload::Payload;
use super::sniffer::Sniffer;
use super::strongswan::{Settings, StrongSwan};
use super::topology::{Edge, HEAD_NETS, Plan, SERVER, Topology};

/// Negotiation, with a Diffie-Hellman exchange on a busy machine.
pub const TUNNEL: Duration = Duration::from_secs(20);

/// How the offices are to be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// What the boxes of both offices are configured with.
    pub options: Options,
    /// Workers of each box.
    pub workers: usize,
    /// Bytes per second of the server, 0 for unpaced.
    pub rate_bytes_s: u64,
    /// Megabytes of the file.
    pub file_megabytes: u64,
}

/// Which office.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Office {
    /// The head office.
    Head,
    /// The branch.
    Branch,
}

/// A Holdfast at each office. Fields drop in order: what talks first, the topology last.
#[derive(Debug)]
pub struct TwoBoxes {
    /// The server, serving [`Self::payload`].
    pub http: HttpServer,
    /// Watches the internet for cleartext of the protected nets.
    pub sniffer: Sniffer,
    /// The head office's box.
    pub head: HoldfastBox,
    /// The branch's box.
    pub branch: HoldfastBox,
    /// The file.
    pub payload: Payload,
    /// The namespaces.
    pub topology: Topology,
}

impl TwoBoxes {
    /// Starts everything; no tunnel is up yet.
    pub fn start(setup: Setup) -> Result<Self> {
        Self::start_with(setup, config_text::of)
    }

    /// As [`TwoBoxes::start`]; `configure` gives the offices' configurations, which log to the file
    /// that it is given.
    pub fn start_with(
        setup: Setup,
        configure: impl Fn(Office, Options, &Path) -> String,
    ) -> Result<Self> {
        let topology = Topology::build(Plan {
            head: Edge::Box,
            branch: Edge::Box,
            impairment: None,
        })?;
        let files = topology.directory();
        let payload = Payload::of(setup.file_megabytes)?;
        let sniffer = watch_internet(&topology)?;
        let start = |office, space, options, name| {
            HoldfastBox::start(space, &files.join(name), setup.workers, |log| {
                configure(office, options, log)
            })
        };
        let head = start(Office::Head, &topology.head, setup.options, "head")?;
        let branch = start(Office::Branch, &topology.branch, setup.options, "branch")?;
        let http = HttpServer::start(&topology.server, files, &payload, setup.rate_bytes_s)?;
        Ok(Self {
            http,
            sniffer,
            head,
            branch,
            payload,
            topology,
        })
    }

    /// What must be true after every scenario: nothing left in clear, no packet and no buffer is
    /// lost in either box, and both stop when they are told.
    pub fn end(mut self) -> Result<()> {
        self.sniffer.expect_clean()?;
        for holdfast in [&mut self.head, &mut self.branch] {
            holdfast.expect_balanced()?;
            holdfast.stop()?;
        }
        Ok(())
    }

    /// One command to both boxes.
    pub fn control_both(&self, command: &str) -> Result<()> {
        self.head.control(command)?;
        self.branch.control(command).map(|_| ())
    }

    /// Ids of the live connections to the server's port, at the head office and at the branch.
    pub fn live_ids(&self, port: u16) -> (BTreeSet<u64>, BTreeSet<u64>) {
        let endpoint = format!("{SERVER}/{port}");
        (
            flow_log::live_ids(&self.head.log(), &endpoint),
            flow_log::live_ids(&self.branch.log(), &endpoint),
        )
    }
}

/// A Holdfast at the head office, strongSwan at the branch.
#[derive(Debug)]
pub struct BoxAndPeer {
    /// The server, serving [`Self::payload`].
    pub http: HttpServer,
    /// Watches the internet for cleartext of the protected nets.
    pub sniffer: Sniffer,
    /// The head office's box.
    pub head: HoldfastBox,
    /// The branch's strongSwan.
    pub peer: StrongSwan,
    /// The file.
    pub payload: Payload,
    /// The namespaces.
    pub topology: Topology,
}

impl BoxAndPeer {
    /// Starts everything; no tunnel is up yet.
    pub fn start(setup: Setup, settings: &Settings) -> Result<Self> {
        let topology = Topology::build(Plan {
            head: Edge::Box,
            branch: Edge::Peer,
            impairment: None,
        })?;
        let files = topology.directory();
        let payload = Payload::of(setup.file_megabytes)?;
        let sniffer = watch_internet(&topology)?;
        let head = start_head(&topology, setup.options, setup.workers)?;
        let peer = StrongSwan::start(&topology.branch, &files.join("peer"), settings)?;
        let http = HttpServer::start(&topology.server, files, &payload, setup.rate_bytes_s)?;
        Ok(Self {
            http,
            sniffer,
            head,
            peer,
            payload,
            topology,
        })
    }

    /// As [`TwoBoxes::end`], for the one box.
    pub fn end(mut self) -> Result<()> {
        self.sniffer.expect_clean()?;
        self.head.expect_balanced()?;
        self.head.stop()
    }
}

/// Waits until `box_` has logged more completed tunnels than `before`.
pub fn wait_tunnel(box_: &HoldfastBox, before: usize) -> Result<()> {
    box_.wait_log("a completed tunnel", TUNNEL, |log| {
        (flow_log::count(log, messages::TUNNEL_UP) > before).then_some(())
    })
}

fn start_head(topology: &Topology, options: Options, workers: usize) -> Result<HoldfastBox> {
    let home = topology.directory().join("head");
    HoldfastBox::start(&topology.head, &home, workers, |log| {
        config_text::head(options, log)
    })
}

fn watch_internet(topology: &Topology) -> Result<Sniffer> {
    let log = topology.directory().join("sniffer.log");
    Sniffer::start(&topology.internet, &["head", "branch"], &HEAD_NETS, &log)
}
