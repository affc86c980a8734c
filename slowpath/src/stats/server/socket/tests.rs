use std::os::fd::{AsFd, OwnedFd};

use nix::sys::socket::{connect, setsockopt, sockopt};
use proptest::prelude::*;

use super::*;

/// A directory with a socket in it.
struct Place {
    directory: PathBuf,
    socket: StatsSocket,
}

impl Place {
    fn new(name: &str) -> Self {
        let name = format!("holdfast-stats-{name}-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).expect("a directory");
        let socket = StatsSocket::bind(&directory).expect("a socket");
        Self { directory, socket }
    }

    fn connect(&self) -> OwnedFd {
        let fd = socket(
            AddressFamily::Unix,
            SockType::SeqPacket,
            SockFlag::empty(),
            None,
        )
        .expect("a socket");
        let address = UnixAddr::new(&self.directory.join(SOCKET_NAME)).expect("a path");
        connect(fd.as_raw_fd(), &address).expect("somebody listens");
        fd
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(&self.directory);
    }
}

fn say(fd: &OwnedFd, bytes: &[u8]) {
    send(fd.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL).expect("sent");
}

fn hear(fd: &OwnedFd) -> Option<String> {
    let mut buffer = vec![0; 64 * 1024];
    match recv(fd.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
        Ok(0) => None,
        Ok(len) => Some(String::from_utf8(buffer[..len].to_vec()).expect("text")),
        Err(error) => Some(error.to_string()),
    }
}

#[test]
fn a_client_is_greeted_asks_and_is_answered() {
    let mut place = Place::new("greeted");
    let client = place.connect();
    assert!(place.socket.poll(Time(0)).is_empty());
    let greeting = hear(&client).expect("a greeting");
    assert!(greeting.contains("\"max_output_len\":16384"), "{greeting}");
    assert!(greeting.contains("\"pid\":"));
    say(&client, b"/info,x\0\n");
    let requests = place.socket.poll(Time(1));
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].line, "/info,x");
    // No second command is read before the first one is answered.
    say(&client, b"/second");
    assert!(place.socket.poll(Time(2)).is_empty());
    place
        .socket
        .reply(requests[0].client, "{}".to_owned(), Time(2));
    assert_eq!(hear(&client).as_deref(), Some("{}"));
    assert_eq!(place.socket.poll(Time(3))[0].line, "/second");
    drop(client);
    place.socket.poll(Time(4));
    let gone = requests[0].client;
    place.socket.reply(gone, "{}".to_owned(), Time(5));
    assert!(place.socket.poll(Time(6)).is_empty());
    assert_eq!(place.socket.clients(), 0);
    assert!(place.socket.baselines(gone).is_none());
}

#[test]
fn who_does_not_take_answers_goes_and_harms_nobody() {
    let mut place = Place::new("stuck");
    let (stuck, other) = (place.connect(), place.connect());
    setsockopt(&stuck.as_fd(), sockopt::RcvBuf, &1024).expect("a small buffer");
    let answer = "x".repeat(16 * 1024);
    let mut asked = 0;
    for turn in 0..200 {
        // A full queue refuses commands too.
        let _full = send(stuck.as_raw_fd(), b"/x", MsgFlags::MSG_DONTWAIT);
        for request in place.socket.poll(Time(turn)) {
            asked += 1;
            place
                .socket
                .reply(request.client, answer.clone(), Time(turn));
        }
    }
    assert!((1..200).contains(&asked), "{asked}");
    say(&other, b"/y");
    assert_eq!(place.socket.poll(Time(4_000)).len(), 1);
    place.socket.poll(Time(200 + STALL_MS));
    assert_eq!(place.socket.clients(), 1);
    place.socket.poll(Time(IDLE_MS * 2));
    assert_eq!(
        place.socket.clients(),
        1,
        "the one that waits for its answer stays"
    );
}

#[test]
fn one_client_too_many_is_let_go() {
    let mut place = Place::new("many");
    let mut clients: Vec<OwnedFd> = (0..CLIENTS_MAX).map(|_| place.connect()).collect();
    place.socket.poll(Time(0));
    clients.push(place.connect());
    place.socket.poll(Time(1));
    assert_eq!(place.socket.clients(), CLIENTS_MAX);
    assert_eq!(hear(&clients[CLIENTS_MAX]), None);
    drop(clients.remove(0));
    place.socket.poll(Time(2));
    clients.push(place.connect());
    place.socket.poll(Time(3));
    assert_eq!(place.socket.clients(), CLIENTS_MAX);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_panic_the_socket(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..2000), 1..8),
    ) {
        let mut place = Place::new("garbage");
        let client = place.connect();
        for (turn, message) in messages.iter().enumerate() {
            say(&client, message);
            for request in place.socket.poll(Time(turn as u64)) {
                prop_assert!(request.line.len() <= 3 * COMMAND_MAX_BYTES);
                place.socket.reply(request.client, "{}".to_owned(), Time(turn as u64));
            }
        }
        prop_assert_eq!(place.socket.clients(), 1);
    }
}
