use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use super::*;
use crate::cli::Mode;
use crate::time::Time;

/// A run directory that goes with the test.
struct RunDir(PathBuf);

impl RunDir {
    fn new(name: &str) -> Self {
        let name = format!("holdfast-control-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn bind(&self) -> ControlSocket {
        ControlSocket::bind(&self.0).expect("a socket")
    }

    /// A client that speaks raw messages and does not wait.
    fn raw(&self) -> UnixStream {
        let address = UnixAddr::new(&self.0.join(SOCKET_NAME)).expect("an address");
        let flags = SockFlag::SOCK_CLOEXEC;
        let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).expect("a socket");
        connect(fd.as_raw_fd(), &address).expect("connected");
        let stream = UnixStream::from(fd);
        stream.set_nonblocking(true).expect("set");
        stream
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("removed");
    }
}

fn send(stream: &mut UnixStream, command: &str) {
    let request = serde_json::json!({ "command": command });
    stream
        .write_all(request.to_string().as_bytes())
        .expect("sent");
}

fn receive(stream: &mut UnixStream) -> ReplyMessage {
    let mut bytes = vec![0; MESSAGE_MAX_BYTES];
    let len = stream.read(&mut bytes).expect("a reply");
    serde_json::from_slice(&bytes[..len]).expect("a message")
}

fn is_closed(stream: &mut UnixStream) -> bool {
    match stream.read(&mut [0; 16]) {
        Ok(len) => len == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// The requests of two turns: one accepts, one reads.
fn turn(server: &mut ControlSocket, now: Time) -> Vec<Request> {
    let mut requests = server.poll(now);
    requests.extend(server.poll(now));
    requests
}

#[test]
fn a_request_is_answered_in_pieces() {
    let run_dir = RunDir::new("answer");
    let mut server = run_dir.bind();
    let mut client = run_dir.raw();
    send(&mut client, "show conn");
    let requests = turn(&mut server, Time(0));
    let [request] = requests.as_slice() else {
        panic!("one request: {requests:?}");
    };
    assert_eq!(*request.command, "show conn");
    assert_eq!(request.format, Format::Text);
    assert_eq!(request.peer.uid, nix::unistd::getuid().as_raw());
    assert_eq!(request.peer.pid as u32, std::process::id());
    let text = "é\u{1}".repeat(CHUNK_TEXT_BYTES);
    server.reply(request.client, &text, Time(0)).expect("there");
    let outcome = Outcome {
        prompt: "CiscoASA# ".to_owned(),
        ..Outcome::default()
    };
    server
        .finish(request.client, outcome, Time(0))
        .expect("there");
    let mut whole = String::new();
    let last = loop {
        let reply = receive(&mut client);
        whole.push_str(&reply.text);
        if reply.last {
            break reply;
        }
    };
    assert_eq!(whole, text);
    assert_eq!(last.prompt, "CiscoASA# ");
    assert!(!last.error && !last.closed);
}

#[test]
fn the_blocking_client_speaks_to_the_server() {
    let run_dir = RunDir::new("client");
    let mut server = run_dir.bind();
    let path = run_dir.0.clone();
    let client = std::thread::spawn(move || {
        let mut client = Client::connect(&path).expect("connected");
        let mut text = String::new();
        let request = RequestMessage {
            command: "show version".to_owned(),
            format: Format::Json,
            interactive: true,
        };
        let reply = client.call(&request, |piece| {
            text.push_str(piece);
            Ok(())
        });
        (reply.expect("a reply"), text)
    });
    let request = loop {
        if let Some(request) = server.poll(Time(0)).pop() {
            break request;
        }
        std::thread::yield_now();
    };
    assert!(request.format == Format::Json && request.interactive);
    let outcome = Outcome {
        error: true,
        ..Outcome::default()
    };
    server.reply(request.client, "{}", Time(0)).expect("there");
    server
        .finish(request.client, outcome, Time(0))
        .expect("there");
    let (reply, text) = client.join().expect("no panic");
    assert!(reply.error && reply.last);
    assert_eq!(text, "{}");
}

#[test]
fn a_key_is_not_printed() {
    let run_dir = RunDir::new("key");
    let mut server = run_dir.bind();
    let mut client = run_dir.raw();
    send(&mut client, "pre-shared-key s3cret");
    let text = format!("{:?}", turn(&mut server, Time(0)));
    assert!(
        text.contains("pre-shared-key *") && !text.contains("s3cret"),
        "{text}"
    );
}

#[test]
fn only_owner_and_group_may_connect() {
    let run_dir = RunDir::new("mode");
    let server = run_dir.bind();
    let path = run_dir.0.join(SOCKET_NAME);
    let mode = std::fs::metadata(&path)
        .expect("a socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o660);
    drop(server);
    assert!(!path.exists());
}

#[test]
fn a_stale_socket_is_replaced_and_a_file_is_not() {
    let run_dir = RunDir::new("stale");
    std::mem::forget(run_dir.bind());
    drop(run_dir.bind());
    std::fs::write(run_dir.0.join(SOCKET_NAME), "x").expect("written");
    let error = ControlSocket::bind(&run_dir.0).err().expect("refused");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

#[test]
fn garbage_ends_the_session_and_no_other() {
    let run_dir = RunDir::new("garbage");
    let mut server = run_dir.bind();
    let (mut bad, mut huge, mut good) = (run_dir.raw(), run_dir.raw(), run_dir.raw());
    bad.write_all(b"\xff{not json").expect("sent");
    let blanks = vec![b' '; MESSAGE_MAX_BYTES + 1];
    huge.write_all(&blanks).expect("sent");
    send(&mut good, "show clock");
    let requests = turn(&mut server, Time(0));
    assert_eq!(requests.len(), 1);
    assert_eq!(*requests[0].command, "show clock");
    for stream in [&mut bad, &mut huge] {
        let reply = receive(stream);
        assert_eq!(reply.text, "ERROR: % Malformed request\n");
        assert!(reply.last && reply.error && reply.closed);
        assert!(is_closed(stream));
    }
    assert_eq!(server.sessions(), 1);
}

#[test]
fn sessions_are_bounded() {
    let run_dir = RunDir::new("bounded");
    let mut server = run_dir.bind();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS_MAX {
        clients.push(run_dir.raw());
        server.poll(Time(0));
    }
    let mut late = run_dir.raw();
    server.poll(Time(0));
    assert_eq!(receive(&mut late).text, "ERROR: % Too many sessions\n");
    assert!(is_closed(&mut late));
    assert_eq!(server.sessions(), CLIENTS_MAX);
    drop(clients.pop());
    server.poll(Time(1));
    let mut next = run_dir.raw();
    send(&mut next, "show arp");
    assert_eq!(turn(&mut server, Time(1)).len(), 1);
}

#[test]
fn a_client_that_does_not_read_is_dropped_and_blocks_nobody() {
    let run_dir = RunDir::new("stuck");
    let mut server = run_dir.bind();
    let mut stuck = run_dir.raw();
    send(&mut stuck, "show conn");
    let client = turn(&mut server, Time(0))[0].client;
    let text = "x".repeat(CHUNK_TEXT_BYTES);
    while server.room_bytes(client).expect("there") > CHUNK_TEXT_BYTES {
        server.reply(client, &text, Time(0)).expect("room");
    }
    let mut good = run_dir.raw();
    send(&mut good, "show clock");
    assert_eq!(turn(&mut server, Time(STALL_TIMEOUT_MS - 1)).len(), 1);
    assert_eq!(server.sessions(), 2);
    server.poll(Time(STALL_TIMEOUT_MS));
    assert_eq!(server.sessions(), 1);
    assert_eq!(server.reply(client, "x", Time(STALL_TIMEOUT_MS)), Err(Gone));
}

#[test]
fn output_beyond_the_outbox_ends_the_session() {
    let run_dir = RunDir::new("outbox");
    let mut server = run_dir.bind();
    let mut stuck = run_dir.raw();
    send(&mut stuck, "show conn");
    let client = turn(&mut server, Time(0))[0].client;
    let text = "x".repeat(4 * OUTBOX_MAX_BYTES);
    assert_eq!(server.reply(client, &text, Time(0)), Err(Gone));
    server.poll(Time(0));
    assert_eq!(server.sessions(), 0);
}

#[test]
fn one_request_at_a_time_and_modes_stay_with_the_session() {
    let run_dir = RunDir::new("modes");
    let mut server = run_dir.bind();
    let mut client = run_dir.raw();
    send(&mut client, "configure terminal");
    send(&mut client, "end");
    let requests = turn(&mut server, Time(0));
    assert_eq!(requests.len(), 1, "the second one waits");
    let id = requests[0].client;
    server.session(id).expect("there").configure_terminal();
    server
        .finish(id, Outcome::default(), Time(0))
        .expect("there");
    let requests = server.poll(Time(0));
    assert_eq!(*requests[0].command, "end");
    assert_eq!(server.session(id).expect("there").mode(), &Mode::Config);
}

#[test]
fn idle_sessions_end_and_busy_ones_do_not() {
    let run_dir = RunDir::new("idle");
    let mut server = run_dir.bind();
    let mut idle = run_dir.raw();
    let mut busy = run_dir.raw();
    send(&mut busy, "show conn");
    let requests = turn(&mut server, Time(0));
    assert_eq!((requests.len(), server.sessions()), (1, 2));
    server.poll(Time(IDLE_TIMEOUT_MS));
    assert_eq!(server.sessions(), 1);
    assert!(is_closed(&mut idle));
    let close = Outcome {
        close: true,
        ..Outcome::default()
    };
    server
        .finish(requests[0].client, close, Time(IDLE_TIMEOUT_MS))
        .expect("delivered");
    server.poll(Time(IDLE_TIMEOUT_MS));
    assert!(receive(&mut busy).closed && is_closed(&mut busy));
}

#[test]
fn a_client_that_leaves_while_its_answer_is_made_is_noticed() {
    let run_dir = RunDir::new("leaves");
    let mut server = run_dir.bind();
    let mut client = run_dir.raw();
    send(&mut client, "show conn");
    let id = turn(&mut server, Time(0))[0].client;
    drop(client);
    server.poll(Time(0));
    assert_eq!(server.room_bytes(id), Err(Gone));
    assert_eq!(server.sessions(), 0);
}
