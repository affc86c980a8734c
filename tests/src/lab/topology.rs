//! Two offices and the internet between them, out of network namespaces.
//!
//! ```text
//! server ---- inside router ---- [head] ---- internet ---- [branch] ---- client
//! 10.224.228.10   10.224.9.1   .9.5  209.165.201.2   209.165.200.10 .1  192.168.30.10
//! 10.224.52.10
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{Doing, Result};
use super::link::connect;
use super::namespace::Namespace;
use super::process::Process;
use super::wire::{Impairment, start_wire};
use super::{needs, run, sweep};

/// The server at the head office, behind the inside router.
pub const SERVER: &str = "10.224.228.10";
/// A host of the head office that nobody has invited.
pub const ROGUE: &str = "10.224.228.100";
/// The server's second address, in the net of the second access-list entry.
pub const SECOND_SERVER: &str = "10.224.52.10";
/// The client at the branch.
pub const CLIENT: &str = "192.168.30.10";
/// The head office's outside address.
pub const HEAD_OUTSIDE: &str = "209.165.201.2";
/// The branch's outside address.
pub const BRANCH_OUTSIDE: &str = "209.165.200.10";
/// The internet's address on the head office's side.
pub const INTERNET_HEAD: &str = "209.165.201.1";
/// The internet's address on the branch's side.
pub const INTERNET_BRANCH: &str = "209.165.200.1";
/// The head office's protected nets.
pub const HEAD_NETS: [&str; 2] = ["10.224.228.0/25", "10.224.52.0/25"];
/// The branch's inside net.
pub const BRANCH_NET: &str = "192.168.30.0/24";

/// A third party in the internet.
pub const STRANGER: &str = "198.51.100.10";
const INTERNET_STRANGER: &str = "198.51.100.1";

/// What stands at an office's edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// A Holdfast: the kernel has no address there and forwards nothing.
    Box,
    /// The kernel as a plain router, without any tunnel.
    Router,
    /// A strongSwan: the kernel routes what it decrypts; what no tunnel takes is discarded.
    Peer,
}

/// How a topology is to be built.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// At the head office.
    pub head: Edge,
    /// At the branch.
    pub branch: Edge,
    /// A wire with faults between the head office and the internet.
    pub impairment: Option<Impairment>,
}

/// The built topology. Fields drop in order: programs first, then namespaces, then files.
#[derive(Debug)]
pub struct Topology {
    wire: Option<Process>,
    /// The server's namespace, device `eth0`.
    pub server: Namespace,
    /// The inside router's namespace.
    pub inside_router: Namespace,
    /// The head office's edge, devices `outside` and `inside`.
    pub head: Namespace,
    /// The internet, devices `head` and `branch`.
    pub internet: Namespace,
    /// The branch's edge, devices `outside` and `inside`.
    pub branch: Namespace,
    /// The client's namespace, device `eth0`.
    pub client: Namespace,
    wire_space: Option<Namespace>,
    name: String,
    files: Files,
}

/// The topology's directory under `/tmp` (socket paths are short there); removed on drop.
#[derive(Debug)]
struct Files(PathBuf);

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Topology {
    /// Checks the machine, sweeps leftovers, builds.
    pub fn build(plan: Plan) -> Result<Self> {
        needs::check()?;
        sweep::guard()?;
        let name = run::fresh_name()?;
        let files = Files(std::env::temp_dir().join(&name));
        fs::create_dir_all(&files.0).doing("make the topology's directory")?;
        let space = |part: &str| Namespace::new(format!("{name}-{part}"));
        let mut topology = Self {
            wire: None,
            server: space("server")?,
            inside_router: space("router")?,
            head: space("head")?,
            internet: space("internet")?,
            branch: space("branch")?,
            client: space("client")?,
            wire_space: None,
            name,
            files,
        };
        topology.cable(plan.impairment)?;
        topology.addresses()?;
        topology.edge(&topology.head, plan.head, true)?;
        topology.edge(&topology.branch, plan.branch, false)?;
        Ok(topology)
    }

    /// A directory for this topology's files.
    pub fn directory(&self) -> &Path {
        &self.files.0
    }

    /// Its name: the start of its namespaces' names, also good for a DPDK file prefix.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A third party with the address [`STRANGER`] and one device, `outside`. A strongSwan there
    /// wants an address of its own inside its selectors: `local_address`.
    pub fn stranger(&self, local_address: &str) -> Result<Namespace> {
        let stranger = Namespace::new(format!("{}-stranger", self.name))?;
        connect(&self.internet, "stranger", &stranger, "outside")?;
        self.internet
            .address("stranger", &format!("{INTERNET_STRANGER}/24"))?;
        stranger.address("outside", &format!("{STRANGER}/24"))?;
        stranger.address("lo", &format!("{local_address}/32"))?;
        stranger.route(&format!("default via {INTERNET_STRANGER}"))?;
        Ok(stranger)
    }

    /// One more host at the head office, in the server's net, with the address [`ROGUE`].
    pub fn rogue(&self) -> Result<Namespace> {
        let rogue = Namespace::new(format!("{}-rogue", self.name))?;
        connect(&self.inside_router, "rogue", &rogue, "eth0")?;
        self.inside_router.address("rogue", "10.224.228.97/28")?;
        rogue.address("eth0", &format!("{ROGUE}/28"))?;
        rogue.route("default via 10.224.228.97")?;
        Ok(rogue)
    }

    fn cable(&mut self, impairment: Option<Impairment>) -> Result<()> {
        connect(&self.server, "eth0", &self.inside_router, "lan")?;
        connect(&self.inside_router, "wan", &self.head, "inside")?;
        match impairment {
            None => connect(&self.head, "outside", &self.internet, "head")?,
            Some(impairment) => {
                let between = Namespace::new(format!("{}-wire", self.name))?;
                connect(&self.head, "outside", &between, "left")?;
                connect(&between, "right", &self.internet, "head")?;
                let log = self.directory().join("wire.log");
                self.wire = Some(start_wire(&between, ["left", "right"], impairment, &log)?);
                self.wire_space = Some(between);
            }
        }
        connect(&self.internet, "branch", &self.branch, "outside")?;
        connect(&self.branch, "inside", &self.client, "eth0")
    }

    fn addresses(&self) -> Result<()> {
        self.server.address("eth0", &format!("{SERVER}/25"))?;
        self.server
            .address("eth0", &format!("{SECOND_SERVER}/25"))?;
        self.server.route("default via 10.224.228.1")?;
        self.inside_router.address("lan", "10.224.228.1/25")?;
        self.inside_router.address("lan", "10.224.52.1/25")?;
        self.inside_router.address("wan", "10.224.9.1/24")?;
        self.inside_router.route("default via 10.224.9.5")?;
        self.inside_router.forward()?;
        self.internet
            .address("head", &format!("{INTERNET_HEAD}/29"))?;
        self.internet
            .address("branch", &format!("{INTERNET_BRANCH}/24"))?;
        self.internet.forward()?;
        self.client.address("eth0", &format!("{CLIENT}/24"))?;
        self.client.route("default via 192.168.30.1")
    }

    fn edge(&self, space: &Namespace, edge: Edge, head: bool) -> Result<()> {
        if edge == Edge::Box {
            return Ok(());
        }
        if head {
            space.address("outside", &format!("{HEAD_OUTSIDE}/29"))?;
            space.address("inside", "10.224.9.5/24")?;
            space.route(&format!("default via {INTERNET_HEAD}"))?;
            space.route("10.0.0.0/8 via 10.224.9.1")?;
        } else {
            space.address("outside", &format!("{BRANCH_OUTSIDE}/24"))?;
            space.address("inside", "192.168.30.1/24")?;
            space.route(&format!("default via {INTERNET_BRANCH}"))?;
        }
        space.forward()?;
        match (edge, head) {
            (Edge::Router, true) => self
                .internet
                .route(&format!("10.224.0.0/16 via {HEAD_OUTSIDE}")),
            (Edge::Router, false) => self
                .internet
                .route(&format!("{BRANCH_NET} via {BRANCH_OUTSIDE}")),
            (Edge::Peer, true) => {
                // strongSwan's user-space ESP wants an address of its own inside its selectors.
                space.address("lo", "10.224.228.126/32")?;
                // Where the peer's selectors are "any", the inside stays inside.
                space.ip("rule add pref 100 to 10.0.0.0/8 lookup main")?;
                space.route(&format!("blackhole {BRANCH_NET}"))
            }
            (Edge::Peer, false) => HEAD_NETS
                .iter()
                .try_for_each(|net| space.route(&format!("blackhole {net}"))),
            (Edge::Box, _) => Ok(()),
        }
    }
}
