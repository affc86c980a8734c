//! The programs at the ends of streams: one loop each, which never blocks but in `poll`.

use std::io::{Read, stdin};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::log::Log;
use super::stream::Stream;
use super::{Load, Way, way};
use crate::lab::error::{Doing, Result};

/// Senders take their turns in so many groups, so that they do not all send at the same time.
const GROUPS: u32 = 50;
const CONNECT: Duration = Duration::from_secs(10);

/// Serves streams until standard input closes.
pub fn serve(port: u16, load: Load) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).doing("bind")?;
    listener.set_nonblocking(true).doing("never block")?;
    let mut log = Log::new();
    log.line(format_args!("ready"));
    drive(Some(&listener), Vec::new(), load, log)
}

/// Opens streams to `target`, and keeps them until standard input closes.
pub fn open(target: SocketAddr, load: Load) -> Result<()> {
    let mut streams = Vec::new();
    for id in 0..load.count {
        let socket = TcpStream::connect_timeout(&target, CONNECT).doing("connect")?;
        streams.push(Stream::opened(
            socket,
            id,
            if load.up { Way::Up } else { way(id) },
        )?);
    }
    drive(None, streams, load, Log::new())
}

/// What a turn's poll has found.
struct Ready {
    input: bool,
    listener: bool,
    streams: Vec<bool>,
}

/// Receives, sends in turns, and stops when a line comes.
fn drive(
    listener: Option<&TcpListener>,
    mut streams: Vec<Stream>,
    load: Load,
    mut log: Log,
) -> Result<()> {
    let every = Duration::from_millis(load.every_ms.into());
    let start = Instant::now();
    let mut turns = 0;
    let mut stopping = false;
    loop {
        log.flush();
        let due = start + every * turns / GROUPS;
        let ready = wait(listener, &streams, due)?;
        if ready.input {
            let mut line = [0; 64];
            if stdin().read(&mut line).doing("read a line")? == 0 {
                return Ok(());
            }
            stopping = true;
        }
        for (stream, ready) in streams.iter_mut().zip(ready.streams) {
            if ready {
                stream.receive(&mut log);
            }
        }
        if stopping {
            for stream in &mut streams {
                stream.stop(&mut log);
            }
        }
        if ready.listener
            && let Some(listener) = listener
        {
            while let Ok((socket, _)) = listener.accept() {
                streams.push(Stream::accepted(socket)?);
            }
        }
        while Instant::now() >= start + every * turns / GROUPS {
            let group = streams.iter_mut().skip((turns % GROUPS) as usize);
            for stream in group.step_by(GROUPS as usize) {
                stream.send(load.chunk_bytes, &mut log);
            }
            turns += 1;
        }
        // What is over is closed once its end is in the log.
        if streams.iter().any(Stream::is_over) {
            log.flush();
            streams.retain(|stream| !stream.is_over());
        }
    }
}

fn wait(listener: Option<&TcpListener>, streams: &[Stream], due: Instant) -> Result<Ready> {
    let input = stdin();
    let mut watched = vec![PollFd::new(input.as_fd(), PollFlags::POLLIN)];
    let sockets = streams.iter().map(|stream| stream.socket.as_fd());
    let all = sockets.chain(listener.map(AsFd::as_fd));
    watched.extend(all.map(|socket| PollFd::new(socket, PollFlags::POLLIN)));
    let left = due.saturating_duration_since(Instant::now());
    match ppoll(&mut watched, Some(TimeSpec::from_duration(left)), None) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(error) => return Err(error).doing("poll"),
    }
    let mut ready = watched.iter().map(|it| it.any().unwrap_or(false));
    Ok(Ready {
        input: ready.next().unwrap_or(false),
        streams: ready.by_ref().take(streams.len()).collect(),
        listener: ready.next().unwrap_or(false),
    })
}
