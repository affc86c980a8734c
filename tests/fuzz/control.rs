//! A message to the control socket, and the command line in it.

use slowpath::cli::{self, Command, Mode, Session};
use slowpath::control_socket::{Format, RequestMessage};
use slowpath::syslog::format::{audit, redact};

use super::Target;

/// Requests of the control socket.
pub const TARGET: Target = Target {
    name: "control",
    run,
    seeds,
    len_max: 1024,
};

const OUTPUT: &str = "TCP outside 192.0.2.1:80 inside 10.0.0.1:40000, idle 0:00:01\n\nlast\n";

fn run(input: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<RequestMessage>(input) {
        let sent = serde_json::to_vec(&request).expect("strings and flags");
        let again = serde_json::from_slice(&sent);
        assert!(again.is_ok_and(|again: RequestMessage| again == request));
        session(&request.command);
    } else {
        session(&String::from_utf8_lossy(input));
    }
}

/// The lines of `text` in one session after each other.
fn session(text: &str) {
    let mut session = Session::default();
    for line in text.split('\n') {
        let _ = (cli::completions(line), redact(line));
        let _ = audit("root", line, true);
        match cli::parse(line, session.mode()) {
            Ok(parsed) => {
                if let Some(mut filter) = parsed.filter {
                    let passed = filter.apply(OUTPUT);
                    assert!(passed.len() <= OUTPUT.len());
                }
                obey(&mut session, &parsed.command);
            }
            Err(error) => assert!(error.render(10).contains("ERROR: % ")),
        }
        assert!(session.prompt("box").starts_with("box"));
    }
}

fn obey(session: &mut Session, command: &Command) {
    match command {
        Command::ConfigureTerminal => session.configure_terminal(),
        Command::Configure(line) => session.configured(line, line.len() % 2 == 0),
        Command::End => session.end(),
        Command::Exit => {
            session.exit();
        }
        Command::Help(text) => assert!(!text.is_empty()),
        _ => {}
    }
    assert!(*session.mode() != Mode::Exec || session.block().is_none());
}

fn seeds() -> Vec<Vec<u8>> {
    let lines = [
        "",
        "?",
        "show ?",
        "show conn detail address 10.0.0.1 port 80",
        "sh conn state vpn_orphan | include TCP",
        "show asp drop | grep -v ^x.*[a-z]+$",
        "show running-config | begin interface",
        "show crypto ipsec sa peer 192.0.2.1",
        "clear crypto ipsec sa entry 192.0.2.1 esp 0x1234",
        "clear conn all",
        "ping 192.0.2.1",
        "configure terminal\ninterface Ethernet0/0\n nameif outside\nexit\nend\nexit",
        "conf t\ntunnel-group 192.0.2.1 ipsec-attributes\npre-shared-key *\nshow ?",
    ];
    let request = |line: &&str| {
        let request = RequestMessage {
            command: (*line).to_owned(),
            format: Format::Json,
            interactive: true,
        };
        serde_json::to_vec(&request).expect("strings and flags")
    };
    let plain = lines.iter().map(|line| line.as_bytes().to_vec());
    plain.chain(lines.iter().map(request)).collect()
}
