use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use super::*;

/// Nov 23 2026 16:58:42.
const NOW: u64 = 1_795_453_122_000;

fn logger(text: &str) -> Logger {
    let mut logger = Logger::new(Writer::new(Vec::new()));
    logger.configure(&config::parse(&format!("logging enable\n{text}")).0);
    logger
}

fn log(logger: &mut Logger, id: u32, level: u8) {
    logger.log(&Message::new(id, level, "m"), Time(0), NOW);
}

#[test]
fn every_sink_has_its_own_level() {
    let path = std::env::temp_dir().join(format!("holdfast-logger-{}", std::process::id()));
    let file = format!("logging file {} 4\nlogging buffered 6", path.display());
    let mut logger = logger(&file);
    for level in [3, 6, 7] {
        log(&mut logger, 1, level);
    }
    let view = logger.view();
    assert_eq!(view.buffer, ["%ASA-3-000001: m", "%ASA-6-000001: m"]);
    assert_eq!(view.buffered.map(|sink| sink.messages), Some(2));
    logger.finish();
    let text = std::fs::read_to_string(&path).expect("a file");
    assert_eq!(text, "%ASA-3-000001: m\n");
    std::fs::remove_file(path).expect("removed");
}

#[test]
fn every_sink_takes_a_severity_or_a_list() {
    let host = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let port = host.local_addr().expect("an address").port();
    let path = std::env::temp_dir().join(format!("holdfast-sinks-{}", std::process::id()));
    for filter in ["errors", "mine"] {
        let mut logger = logger(&format!(
            "logging list mine level 3\nlogging console {filter}\nlogging buffered {filter}\n\
             logging trap {filter}\nlogging host inside 127.0.0.1 udp/{port}\n\
             logging file {} {filter}",
            path.display()
        ));
        for level in [6, 3, 4] {
            log(&mut logger, 1, level);
        }
        let line = "%ASA-3-000001: m";
        let written = |logger: &Logger| logger.view().console.map(|sink| sink.messages);
        while written(&logger) == Some(0) {
            std::thread::yield_now();
        }
        assert_eq!(written(&logger), Some(1), "{filter}");
        assert_eq!(logger.view().buffer, [line]);
        assert_eq!(logger.stats().trapped, 1);
        let mut datagram = [0; 64];
        let len = host.recv(&mut datagram).expect("a datagram");
        assert_eq!(datagram[..len], *format!("<163>{line}").as_bytes());
        logger.finish();
        let text = std::fs::read_to_string(&path).expect("a file");
        assert_eq!(text, format!("{line}\n"));
        std::fs::remove_file(&path).expect("removed");
    }
}

#[test]
fn a_log_that_is_off_keeps_nothing() {
    let mut logger = logger("logging buffered 6\nno logging enable");
    log(&mut logger, 1, 0);
    assert!(logger.view().buffer.is_empty());
    logger.finish();
}

#[test]
fn time_stamps_and_the_rate_limit_apply() {
    let mut logger = logger("logging buffered 6\nlogging timestamp");
    let replay = Message::new(402_119, 4, "m");
    for now in [0, 1000, 5000] {
        logger.log(&replay, Time(now), NOW);
    }
    assert_eq!(
        logger.view().buffer,
        ["Nov 23 2026 16:58:42: %ASA-4-402119: m"; 2]
    );
    assert_eq!(logger.rate_limited(), 1);
    logger.clear_buffer();
    assert!(logger.view().buffer.is_empty());
    logger.finish();
}

#[test]
fn the_buffer_is_as_large_as_configured() {
    for (size, lines) in [("logging buffer-size 8192", 8), ("", 4)] {
        let mut logger = logger(&format!("logging buffered 6\n{size}"));
        // A line is a kilobyte with its number and its end.
        let long = Message::new(302_014, 6, "x".repeat(1_024 - 16));
        for _ in 0..20 {
            logger.log(&long, Time(0), NOW);
        }
        assert_eq!(logger.view().buffer.len(), lines, "{size}");
        logger.finish();
    }
}

#[test]
fn messages_are_left_out_and_get_other_severities() {
    let mut logger = logger(
        "logging buffered errors\nno logging message 302013\nlogging message 302014 level 2\n\
         logging message 106023 level 7",
    );
    for (id, level) in [(302_013, 3), (302_014, 6), (106_023, 3), (302_015, 3)] {
        log(&mut logger, id, level);
    }
    assert_eq!(
        logger.view().buffer,
        ["%ASA-2-302014: m", "%ASA-3-302015: m"]
    );
    logger.finish();
}

#[test]
fn a_list_chooses_what_goes_to_the_hosts() {
    let host = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let port = host.local_addr().expect("an address").port();
    let mut logger = logger(&format!(
        "hostname head\nlogging list vpn level 5 class vpn\nlogging trap vpn\n\
         logging device-id hostname\nlogging host inside 127.0.0.1 udp/{port}"
    ));
    log(&mut logger, 302_014, 5);
    log(&mut logger, 713_120, 5);
    let mut datagram = [0; 64];
    let len = host.recv(&mut datagram).expect("a datagram");
    assert_eq!(&datagram[..len], b"<165>head : %ASA-5-713120: m");
    let view = logger.view();
    assert_eq!(view.trap.map(|sink| sink.messages), Some(1));
    assert_eq!(logger.stats().trapped, 1);
    logger.finish();
}

#[test]
fn a_queue_that_is_full_drops_and_says_so() {
    let stuck = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = stuck.local_addr().expect("an address").port();
    let mut logger = logger(&format!(
        "logging trap 6\nlogging queue 2\nlogging host inside 127.0.0.1 tcp/{port}"
    ));
    let long = Message::new(302_014, 6, "x".repeat(900));
    while logger.queue().dropped == 0 {
        logger.log(&long, Time(0), NOW);
    }
    let queue = logger.queue();
    assert_eq!((queue.limit, queue.most), (2, 2));
    assert_eq!(logger.stats().queue_dropped, queue.dropped);
    assert_eq!(logger.view().hosts[0].dropped, queue.dropped);
    logger.finish();
}

#[test]
fn a_host_that_does_not_answer_is_told_of_once() {
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = gone.local_addr().expect("an address").port();
    drop(gone);
    let mut logger = logger(&format!(
        "logging trap 6\nlogging host inside 127.0.0.1 tcp/{port}"
    ));
    log(&mut logger, 302_014, 6);
    let messages = loop {
        let messages = logger.poll_hosts();
        if !messages.is_empty() {
            break messages;
        }
        std::thread::yield_now();
    };
    let line = messages[0].line();
    assert!(line.starts_with("%ASA-3-414003: TCP Syslog Server inside:127.0.0.1/"));
    assert!(logger.poll_hosts().is_empty());
    assert_eq!(logger.stats().hosts_down, 1);
    logger.finish();
}

#[test]
fn queue_zero_is_as_long_as_there_is_room() {
    let logger = logger("logging queue 0");
    assert_eq!(logger.queue().limit, QUEUE_MAX);
    logger.finish();
}
