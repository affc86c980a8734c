//! Small traffic of the lab: UDP echo and probes, held TCP connections, forged frames.

use std::io::{BufRead, Read, Write, stdin};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, socket,
};

use super::error::{Doing, Result, failed};
use super::frame::ethernet;
use super::interrupt::wait_for;
use super::namespace::Namespace;
use super::packet_socket::PacketSocket;
use super::payload::hex;
use super::process::Process;
use super::run::beside;

/// Port of the TCP and UDP echo servers (RFC 862).
pub const ECHO_PORT: u16 = 7;
/// A held connection answers within this time, or it is dead. Long enough for the retransmission
/// that an outage of half a minute has put off.
pub const ECHO_WAIT: Duration = Duration::from_secs(70);
const PROBE_BYTES: usize = 32;
const START: Duration = Duration::from_secs(10);

/// Echoes UDP datagrams on every address of the namespace until the process ends.
pub fn udp_echo(port: u16) -> Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).doing("bind the UDP echo")?;
    println!("ready");
    let mut buffer = [0; 2048];
    loop {
        let (len_bytes, from) = socket.recv_from(&mut buffer).doing("receive")?;
        // What cannot be sent back is lost, as any datagram may be.
        let _ = socket.send_to(&buffer[..len_bytes], from);
    }
}

/// Sends `count` datagrams and prints how many came back within a second each.
pub fn udp_send(target: SocketAddr, source_port: u16, count: u32) -> Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, source_port)).doing("bind")?;
    socket
        .set_read_timeout(Some(Duration::from_secs(1)))
        .doing("set a timeout")?;
    let mut buffer = [0; 2048];
    let mut returned = 0;
    for number in 0..count {
        let probe = number.to_be_bytes();
        socket.send_to(&probe, target).doing("send")?;
        while let Ok((len_bytes, from)) = socket.recv_from(&mut buffer) {
            if from == target && buffer[..len_bytes] == probe {
                returned += 1;
                break;
            }
        }
    }
    println!("returned {returned} of {count}");
    Ok(())
}

/// Echoes TCP streams until the process ends.
pub fn tcp_echo(port: u16) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).doing("bind the TCP echo")?;
    println!("ready");
    for stream in listener.incoming().flatten() {
        thread::spawn(move || echo(stream));
    }
    Ok(())
}

fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 2048];
    while let Ok(len_bytes) = stream.read(&mut buffer) {
        if len_bytes == 0 || stream.write_all(&buffer[..len_bytes]).is_err() {
            return;
        }
    }
}

/// Opens `count` connections and keeps them; each line on standard input makes every connection
/// send a probe, and the number that came back is printed.
pub fn tcp_hold(target: SocketAddr, count: usize, wait: Duration) -> Result<()> {
    let mut streams = Vec::new();
    for _ in 0..count {
        let stream = TcpStream::connect_timeout(&target, START).doing("connect")?;
        stream.set_nodelay(true).doing("set no delay")?;
        streams.push(stream);
    }
    println!("ready");
    for (round, _) in stdin()
        .lock()
        .lines()
        .map_while(std::result::Result::ok)
        .enumerate()
    {
        let probe = [round as u8; PROBE_BYTES];
        // All are sent before any is awaited: they retransmit at the same time.
        let sent: Vec<bool> = streams
            .iter()
            .map(|mut s| s.write_all(&probe).is_ok())
            .collect();
        let end = Instant::now() + wait;
        let alive = streams
            .iter()
            .zip(sent)
            .filter(|(stream, sent)| *sent && returns(stream, probe, end))
            .count();
        println!("round {round} alive {alive}");
    }
    Ok(())
}

fn returns(mut stream: &TcpStream, probe: [u8; PROBE_BYTES], end: Instant) -> bool {
    let mut back = [0; PROBE_BYTES];
    // A timeout of nothing would mean to wait for ever.
    let left = end
        .saturating_duration_since(Instant::now())
        .max(Duration::from_millis(1));
    if stream.set_read_timeout(Some(left)).is_err() {
        return false;
    }
    stream.read_exact(&mut back).is_ok() && back == probe
}

/// Hardware address that forged frames come from.
const FORGED_SOURCE: [u8; 6] = [0x02, 0, 0, 0, 0, 0x66];

/// Sends frames out of `device`: one in hexadecimal per line of standard input.
pub fn send_frames(device: &str) -> Result<()> {
    let socket = PacketSocket::open(device)?;
    for_each_line(|frame| socket.send(frame))
}

/// Sends IPv4 packets as the namespace routes them: one in hexadecimal per line of standard input.
pub fn send_packets() -> Result<()> {
    let socket = socket(
        AddressFamily::Inet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::Raw,
    )
    .doing("open a raw socket")?;
    for_each_line(|packet| match packet.get(16..20) {
        Some(&[a, b, c, d]) => {
            let to = SockaddrIn::new(a, b, c, d, 0);
            sendto(socket.as_raw_fd(), packet, &to, MsgFlags::empty())
                .map(|_| ())
                .doing("send a packet")
        }
        _ => failed("no IPv4 packet"),
    })
}

fn for_each_line(mut send: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    for line in stdin().lock().lines() {
        let line = line.doing("read a line")?;
        match bytes_of(&line) {
            Some(bytes) => send(&bytes)?,
            None => return failed(format!("`{line}` is not hexadecimal")),
        }
    }
    Ok(())
}

fn bytes_of(line: &str) -> Option<Vec<u8>> {
    let digits = line.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// A command for a subcommand of `lab-tool` in `space`.
fn tool(space: &Namespace, args: &[&str]) -> Result<std::process::Command> {
    let mut command = space.command(&beside("lab-tool")?.to_string_lossy());
    command.args(args);
    Ok(command)
}

/// Starts the TCP or UDP echo server (`tcp-echo`, `udp-echo`) in `space`.
pub fn start_echo(space: &Namespace, kind: &str, directory: &Path) -> Result<Process> {
    let command = tool(space, &[kind, &ECHO_PORT.to_string()])?;
    let mut process = Process::start(kind, command, &directory.join(format!("{kind}.log")))?;
    process.wait_output("ready", START)?;
    Ok(process)
}

/// Sends `count` UDP probes from `space` and gives how many came back.
pub fn probe_udp(space: &Namespace, server: &str, source_port: u16, count: u32) -> Result<u32> {
    let target = format!("{server}:{ECHO_PORT}");
    let program = beside("lab-tool")?;
    let (port, count) = (source_port.to_string(), count.to_string());
    let args = [
        "udp-send",
        &target,
        "--source-port",
        &port,
        "--count",
        &count,
    ];
    let text = space.run(&program.to_string_lossy(), &args)?;
    match text
        .split(' ')
        .nth(1)
        .and_then(|number| number.parse().ok())
    {
        Some(returned) => Ok(returned),
        None => failed(format!("udp-send said `{text}`")),
    }
}

/// Sends IPv4 packets from `space` as it routes them, whatever source they name.
pub fn send_from(space: &Namespace, packets: &[Vec<u8>]) -> Result<()> {
    give_lines(space, &["send-packets"], packets)
}

fn give_lines(space: &Namespace, args: &[&str], lines: &[Vec<u8>]) -> Result<()> {
    let mut child = tool(space, args)?
        .stdin(Stdio::piped())
        .spawn()
        .doing("start a sender")?;
    if let Some(mut input) = child.stdin.take() {
        for line in lines {
            writeln!(input, "{}", hex(line)).doing("give a line to a sender")?;
        }
    }
    let status = child.wait().doing("wait for a sender")?;
    if status.success() {
        Ok(())
    } else {
        failed(format!("`{}` ended with {status}", args.join(" ")))
    }
}

/// Sends IPv4 packets that claim to come from elsewhere out of `device` of `space`.
pub fn forge(space: &Namespace, device: &str, to_mac: [u8; 6], packets: &[Vec<u8>]) -> Result<()> {
    let frames: Vec<Vec<u8>> = packets
        .iter()
        .map(|packet| ethernet(FORGED_SOURCE, to_mac, packet))
        .collect();
    give_lines(space, &["send-frames", device], &frames)
}

/// TCP connections that are kept open and can be probed.
#[derive(Debug)]
pub struct HeldConnections {
    process: Process,
    rounds: usize,
    wait: Duration,
}

impl HeldConnections {
    /// Opens `count` connections from `space` to the echo server at `server`; one that does not
    /// answer a probe within `wait` is dead.
    pub fn open(
        space: &Namespace,
        server: &str,
        count: usize,
        wait: Duration,
        log: &Path,
    ) -> Result<Self> {
        let target = format!("{server}:{ECHO_PORT}");
        let (count, wait_s) = (count.to_string(), wait.as_secs().to_string());
        let args = ["tcp-hold", &target, "--count", &count, "--wait-s", &wait_s];
        let mut process = Process::start("the held connections", tool(space, &args)?, log)?;
        process.wait_output("ready", START * 3)?;
        Ok(Self {
            process,
            rounds: 0,
            wait,
        })
    }

    /// Sends a probe on each without waiting for the answers.
    pub fn send_probes(&mut self) -> Result<()> {
        self.process.send_line("probe")?;
        self.rounds += 1;
        Ok(())
    }

    /// How many answered the last probe.
    pub fn alive(&mut self) -> Result<usize> {
        let Some(round) = self.rounds.checked_sub(1) else {
            return failed("no probe was sent");
        };
        let start = format!("round {round} alive ");
        wait_for(
            "the answers of the held connections",
            self.wait + START,
            || {
                self.process.expect_running()?;
                let output = self.process.output();
                let found = output
                    .lines()
                    .find_map(|line| line.strip_prefix(&start)?.parse().ok());
                Ok(found)
            },
        )
    }

    /// Sends a probe on each and gives how many answered.
    pub fn probe(&mut self) -> Result<usize> {
        self.send_probes()?;
        self.alive()
    }
}
