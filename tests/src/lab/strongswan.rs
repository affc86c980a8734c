//! A strongSwan peer: IKE and ESP in user space (UDP-encapsulated), one directory per peer.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Doing, Result, failed};
use super::interrupt::wait_for;
use super::namespace::Namespace;
use super::process::Process;
use super::run::run;
use super::topology::{BRANCH_NET, BRANCH_OUTSIDE, HEAD_NETS, HEAD_OUTSIDE, STRANGER};

const START: Duration = Duration::from_secs(15);
const STOP: Duration = Duration::from_secs(10);

/// Which algorithms the two sides agree on, as strongSwan names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposals {
    /// IKE version, 1 or 2.
    pub version: u8,
    /// Phase 1.
    pub ike: &'static str,
    /// Phase 2.
    pub esp: &'static str,
}

/// The seed's own: 3DES, SHA-1, group 2; ESP with 3DES and MD5.
pub const SEED: Proposals = Proposals {
    version: 1,
    ike: "3des-sha1-modp1024",
    esp: "3des-md5",
};
/// AES-256, SHA-256, group 14.
pub const AES256: Proposals = Proposals {
    version: 1,
    ike: "aes256-sha256-modp2048",
    esp: "aes256-sha256",
};
/// The same, with perfect forward secrecy.
pub const AES256_PFS: Proposals = Proposals {
    version: 1,
    ike: "aes256-sha256-modp2048",
    esp: "aes256-sha256-modp2048",
};

/// One side of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Own outside address.
    pub local: String,
    /// The peer's outside address.
    pub remote: String,
    /// Own protected nets.
    pub local_nets: String,
    /// The peer's protected nets.
    pub remote_nets: String,
    /// Algorithms.
    pub proposals: Proposals,
    /// Pre-shared key.
    pub key: String,
}

impl Settings {
    /// The branch's side: everything behind it to the head office's server net, the mirror of the
    /// head office's first access-list entry.
    pub fn branch(proposals: Proposals, key: &str) -> Self {
        Self {
            local: BRANCH_OUTSIDE.to_owned(),
            remote: HEAD_OUTSIDE.to_owned(),
            local_nets: "0.0.0.0/0".to_owned(),
            remote_nets: HEAD_NETS[0].to_owned(),
            proposals,
            key: key.to_owned(),
        }
    }

    /// The branch's side with selectors for its own net alone.
    pub fn branch_net(proposals: Proposals, key: &str) -> Self {
        Self {
            local_nets: BRANCH_NET.to_owned(),
            ..Self::branch(proposals, key)
        }
    }

    /// A third party's side, which claims the branch's net for itself.
    pub fn stranger(proposals: Proposals, key: &str) -> Self {
        Self {
            local: STRANGER.to_owned(),
            ..Self::branch_net(proposals, key)
        }
    }

    /// The same connection seen from the other end.
    pub fn mirrored(&self) -> Self {
        Self {
            local: self.remote.clone(),
            remote: self.local.clone(),
            local_nets: self.remote_nets.clone(),
            remote_nets: self.local_nets.clone(),
            ..self.clone()
        }
    }
}

/// A strongSwan in a namespace.
#[derive(Debug)]
pub struct StrongSwan {
    space: String,
    home: PathBuf,
    process: Option<Process>,
}

impl StrongSwan {
    /// Writes the configuration, starts charon, loads keys and connections; initiates nothing.
    pub fn start(space: &Namespace, home: &Path, settings: &Settings) -> Result<Self> {
        fs::create_dir_all(home).doing("make strongSwan's directory")?;
        fs::write(home.join("strongswan.conf"), daemon_text(home))
            .doing("write strongswan.conf")?;
        fs::write(home.join("swanctl.conf"), connection_text(settings))
            .doing("write swanctl.conf")?;
        let mut peer = Self {
            space: space.name().to_owned(),
            home: home.to_path_buf(),
            process: None,
        };
        peer.launch()?;
        Ok(peer)
    }

    /// Starts charon again after [`Self::kill`].
    pub fn launch(&mut self) -> Result<()> {
        let socket = self.home.join("vici");
        let _ = fs::remove_file(&socket);
        let mut command = std::process::Command::new("ip");
        command
            .args(["netns", "exec", &self.space, "charon-systemd"])
            .env("STRONGSWAN_CONF", self.home.join("strongswan.conf"));
        let mut process = Process::start("charon", command, &self.home.join("charon.log"))?;
        wait_for("charon's control socket", START, || {
            process.expect_running()?;
            Ok(socket.exists().then_some(()))
        })?;
        self.process = Some(process);
        let file = self.home.join("swanctl.conf");
        let file = file.to_string_lossy();
        self.swanctl(&["--load-creds", "--file", &file])?;
        self.swanctl(&["--load-conns", "--file", &file])?;
        Ok(())
    }

    /// `swanctl ARGS` against this charon.
    pub fn swanctl(&self, args: &[&str]) -> Result<String> {
        let uri = format!("unix://{}", self.home.join("vici").display());
        let mut all = vec!["netns", "exec", &self.space, "swanctl"];
        all.extend(args);
        all.extend(["--uri", &uri]);
        run("ip", &all)
    }

    /// Brings the tunnel up from this side.
    pub fn initiate(&self) -> Result<()> {
        self.swanctl(&["--initiate", "--child", "net", "--timeout", "15"])
            .map(|_| ())
    }

    /// Makes a new child SA in the place of the one in use.
    pub fn rekey_child(&self) -> Result<()> {
        self.swanctl(&["--rekey", "--child", "net"]).map(|_| ())
    }

    /// Ends the IKE SA with its children: the peer receives DELETEs.
    pub fn terminate_ike(&self) -> Result<()> {
        self.swanctl(&["--terminate", "--ike", "peer", "--timeout", "5"])
            .map(|_| ())
    }

    /// Ends the child SA alone.
    pub fn terminate_child(&self) -> Result<()> {
        self.swanctl(&["--terminate", "--child", "net", "--timeout", "5"])
            .map(|_| ())
    }

    /// `swanctl --list-sas`.
    pub fn sas(&self) -> Result<String> {
        self.swanctl(&["--list-sas"])
    }

    /// Whether a child SA is installed.
    pub fn tunnel_up(&self) -> Result<bool> {
        Ok(self.sas()?.contains("INSTALLED"))
    }

    /// Waits for a child SA.
    pub fn wait_tunnel(&self, deadline: Duration) -> Result<()> {
        wait_for("a tunnel on strongSwan", deadline, || {
            Ok(self.tunnel_up()?.then_some(()))
        })
    }

    /// SIGKILL: no DELETE is sent, the peer is left with its SAs.
    pub fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => {
                process.kill();
                Ok(())
            }
            None => failed("charon does not run"),
        }
    }

    /// Stops charon in order.
    pub fn stop(mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.terminate(STOP),
            None => Ok(()),
        }
    }

    /// What charon logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.join("charon.log")).unwrap_or_default()
    }
}

/// The mark keeps IKE and encapsulated ESP out of the tunnel's own route where the selectors hold
/// the peer's address.
fn daemon_text(home: &Path) -> String {
    let socket = home.join("vici");
    let pid_file = home.join("charon.pid");
    format!(
        "charon-systemd {{
  load = random nonce aes sha1 sha2 md5 hmac gmp curve25519 openssl kdf gcm pem pkcs1 x509 \
pubkey socket-default kernel-libipsec kernel-netlink updown vici
  pidfile = {}
  filelog {{
    stderr {{
      default = 1
      flush_line = yes
    }}
  }}
  plugins {{
    vici {{
      socket = unix://{}
    }}
    kernel-libipsec {{
      allow_peer_ts = yes
    }}
    kernel-netlink {{
      fwmark = !0x42
    }}
    socket-default {{
      fwmark = 0x42
    }}
  }}
}}
",
        pid_file.display(),
        socket.display()
    )
}

fn connection_text(settings: &Settings) -> String {
    let Settings {
        local,
        remote,
        local_nets,
        remote_nets,
        proposals,
        key,
    } = settings;
    let Proposals { version, ike, esp } = proposals;
    format!(
        "connections {{
  peer {{
    version = {version}
    local_addrs = {local}
    remote_addrs = {remote}
    encap = yes
    dpd_delay = 5s
    dpd_timeout = 20s
    keyingtries = 1
    proposals = {ike}
    local {{
      auth = psk
      id = {local}
    }}
    remote {{
      auth = psk
      id = {remote}
    }}
    children {{
      net {{
        local_ts = {local_nets}
        remote_ts = {remote_nets}
        esp_proposals = {esp}
        dpd_action = clear
      }}
    }}
  }}
}}
secrets {{
  ike-1 {{
    id-1 = {remote}
    id-2 = {local}
    secret = {key}
  }}
}}
"
    )
}
