//! A whole box on ports that carry nothing: its program, its signals, its operator.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const CONFIG: &str = "\
hostname Box
interface Ethernet0/0
 nameif outside
 security-level 0
 ip address 192.0.2.1 255.255.255.0
interface Ethernet0/1
 device net_null1
 nameif inside
 security-level 100
 ip address 10.0.0.1 255.255.255.0
interface Ethernet0/2
 nameif dmz
 ip address 10.0.1.1 255.255.255.0
route outside 0.0.0.0 0.0.0.0 192.0.2.254 1
access-list vpn extended permit ip 10.0.0.0 255.255.255.0 10.9.0.0 255.255.255.0
crypto ipsec transform-set set1 esp-aes esp-sha-hmac
crypto map map1 5 match address vpn
crypto map map1 5 set peer 198.51.100.1
crypto map map1 5 set transform-set set1
crypto map map1 interface outside
crypto isakmp enable outside
crypto isakmp policy 5
 encryption aes
 hash sha
 group 2
tunnel-group 198.51.100.1 type ipsec-l2l
tunnel-group 198.51.100.1 ipsec-attributes
 pre-shared-key swordfish
logging enable
logging buffered 7
logging console 7
logging buffer-size 65536
this line is wrong
";

/// EAL, known answers and measurements of the cryptography, on a machine with other work.
const START: Duration = Duration::from_mins(1);
/// The product's promise for SIGTERM.
const STOP: Duration = Duration::from_secs(2);

struct TestBox {
    directory: PathBuf,
    child: Child,
}

fn holdfast(prefix: &str, config: &Path, run_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command
        .args(["--no-pci", "--no-huge", "-m", "128", "--no-telemetry"])
        .args(["--lcores", "0@0,1@0,2@0", "--file-prefix", prefix])
        .args(["--vdev", "net_null0,no-rx=1"])
        .args(["--vdev", "net_null1,no-rx=1", "--"])
        .args(["--idle", "sleep", "--conns", "4096"])
        .arg("--config")
        .arg(config)
        .arg("--run-dir")
        .arg(run_dir)
        .stdin(Stdio::null());
    command
}

impl TestBox {
    fn start(name: &str, config: &str) -> Self {
        let prefix = format!("holdfast-{name}-{}", std::process::id());
        let directory = std::env::temp_dir().join(&prefix);
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join("config"), config).expect("a configuration");
        let errors = fs::File::create(directory.join("errors")).expect("a file");
        let child = holdfast(&prefix, &directory.join("config"), &directory.join("run"))
            .stderr(errors)
            .spawn()
            .expect("a process");
        let mut this = Self { directory, child };
        let begin = Instant::now();
        while this.ask("show clock").status.code() != Some(0) {
            let ended = this.child.try_wait().expect("a state");
            assert!(
                ended.is_none() && begin.elapsed() < START,
                "{}",
                this.errors()
            );
            sleep(Duration::from_millis(50));
        }
        this
    }

    fn errors(&self) -> String {
        fs::read_to_string(self.directory.join("errors")).expect("a file")
    }

    fn ask(&self, command: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_holdfastctl"))
            .arg("--run-dir")
            .arg(self.directory.join("run"))
            .arg(command)
            .output()
            .expect("a client")
    }

    fn shown(&self, command: &str) -> String {
        let output = self.ask(command);
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success(), "{command}: {text}");
        text
    }

    /// What the commands of a script print, all by one client.
    fn script(&self, commands: &str) -> String {
        let path = self.directory.join("script");
        fs::write(&path, commands).expect("written");
        let output = Command::new(env!("CARGO_BIN_EXE_holdfastctl"))
            .arg("--run-dir")
            .arg(self.directory.join("run"))
            .stdin(fs::File::open(path).expect("a file"))
            .output()
            .expect("a client");
        String::from_utf8(output.stdout).expect("text")
    }

    fn signal(&self, name: &str) {
        let number = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &number]).status();
        assert!(status.expect("kill").success());
    }
}

impl Drop for TestBox {
    fn drop(&mut self) {
        // Both have ended already in a test that passed.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[test]
fn a_box_answers_edits_rereads_and_stops() {
    let mut holdfast_box = TestBox::start("answers", CONFIG);
    let errors = holdfast_box.errors();
    assert!(
        errors.contains("this line is wrong") && errors.contains("line 33"),
        "{errors}"
    );
    let shown = holdfast_box.shown("show interface ip brief");
    let rows: Vec<&str> = shown.lines().skip(1).collect();
    assert!(rows[0].ends_with("up                    up  "), "{shown}");
    assert!(rows[1].ends_with("up                    up  "), "{shown}");
    assert!(rows[2].ends_with("down                  down"), "{shown}");
    assert_eq!(holdfast_box.shown("show conn"), "0 in use, 0 most used\n");
    assert_eq!(
        holdfast_box.shown("show conn count"),
        "0 in use, 0 most used\n"
    );
    assert_eq!(
        holdfast_box.shown("clear conn"),
        "0 connection(s) deleted.\n"
    );
    assert_eq!(holdfast_box.shown("show xlate"), "0 in use, 0 most used\n");
    assert!(holdfast_box.shown("show version").contains("2 workers"));

    holdfast_box.shown("sysopt connection preserve-vpn-flows");
    assert!(
        holdfast_box
            .shown("show run sysopt")
            .contains("preserve-vpn-flows")
    );
    holdfast_box.shown("test vpn tunnel 198.51.100.1");
    assert!(
        holdfast_box
            .shown("show crypto isakmp sa")
            .contains("198.51.100.1")
    );
    let refused = holdfast_box.ask("test vpn tunnel 203.0.113.9");
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(holdfast_box.ask("bogus").status.code(), Some(1));

    it_writes_rereads_and_stands_alone(&holdfast_box);
    it_stops_in_time(&mut holdfast_box);
}

fn it_writes_rereads_and_stands_alone(holdfast_box: &TestBox) {
    assert!(holdfast_box.shown("write memory").contains("[OK]"));
    let stored = fs::read_to_string(holdfast_box.directory.join("config")).expect("a file");
    assert!(stored.contains("pre-shared-key swordfish") && !stored.contains("this line"));
    let shown = holdfast_box.shown("show startup-config");
    assert!(shown.contains("pre-shared-key *") && !shown.contains("swordfish"));
    let log = holdfast_box.shown("show logging");
    assert!(
        log.contains("executed 'sysopt connection preserve-vpn-flows'"),
        "{log}"
    );
    let inactive = "%ASA-4-199016: \"interface Ethernet0/2\" is inactive";
    assert!(log.contains(inactive), "{log}");
    let begin = Instant::now();
    while !holdfast_box.errors().contains(inactive) {
        assert!(begin.elapsed() < START, "{}", holdfast_box.errors());
        sleep(Duration::from_millis(20));
    }

    let config = holdfast_box.directory.join("config");
    fs::write(&config, stored.replace("hostname Box", "hostname Other")).expect("written");
    holdfast_box.signal("HUP");
    let begin = Instant::now();
    while holdfast_box.shown("show run hostname") != "hostname Other\n" {
        assert!(begin.elapsed() < START);
        sleep(Duration::from_millis(20));
    }

    it_refuses_a_file_with_a_wrong_line(holdfast_box, &stored);

    let run_dir = holdfast_box.directory.join("run");
    let prefix = format!("holdfast-second-{}", std::process::id());
    let second = holdfast(&prefix, &config, &run_dir)
        .output()
        .expect("a process");
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        text.lines()
            .any(|line| line.contains("another instance runs in")),
        "{text}"
    );
}

/// The running configuration stays as it is, and the log says why.
fn it_refuses_a_file_with_a_wrong_line(holdfast_box: &TestBox, stored: &str) {
    let wrong = stored.replace("hostname Box", "hostname Wrong\nrout outside");
    fs::write(holdfast_box.directory.join("config"), wrong).expect("written");
    let before = holdfast_box.shown("show running-config");
    holdfast_box.signal("HUP");
    let begin = Instant::now();
    let refused = "end configuration: FAILED: wrong lines: 1; the running configuration stays";
    let log = loop {
        let log = holdfast_box.shown("show logging");
        if log.contains(refused) {
            break log;
        }
        assert!(begin.elapsed() < START, "{log}");
        sleep(Duration::from_millis(20));
    };
    assert!(log.contains("%ASA-4-111004: Line "), "{log}");
    assert_eq!(holdfast_box.shown("show running-config"), before);
    assert_eq!(holdfast_box.shown("show run hostname"), "hostname Other\n");
}

fn it_stops_in_time(holdfast_box: &mut TestBox) {
    holdfast_box.signal("TERM");
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = holdfast_box.child.try_wait().expect("a state") {
            break status;
        }
        assert!(begin.elapsed() < STOP, "{}", holdfast_box.errors());
        sleep(Duration::from_millis(10));
    };
    assert!(status.success());
    assert!(!holdfast_box.directory.join("run/control.sock").exists());
}

/// More text than a client's outbox holds goes out piece by piece, while edits are taken.
#[test]
fn a_long_configuration_is_shown_whole() {
    const LINES: usize = 20_000;
    let mut config = CONFIG.to_owned();
    for line in 0..LINES {
        let (high, low) = (line / 250, line % 250);
        let host = format!("10.7.{high}.{low}");
        config.push_str("access-list long extended permit tcp any host ");
        config.push_str(&host);
        config.push_str(" eq 443\n");
    }
    let holdfast_box = TestBox::start("long", &config);
    holdfast_box.shown("access-list long extended deny ip any any");
    // An edit is seen by the next command of the same client and of any other one.
    let script = "hostname First\nshow running-config hostname\nhostname Box\n";
    assert_eq!(holdfast_box.script(script), "hostname First\n");
    let shown = holdfast_box.shown("show running-config");
    assert!(shown.len() > 1_200_000, "{}", shown.len());
    let lines = shown
        .lines()
        .filter(|line| line.starts_with("access-list long "));
    assert_eq!(lines.count(), LINES + 1);
    let last = holdfast_box.shown("show running-config | include 10.7.79.249");
    assert_eq!(last.lines().count(), 1);
    assert!(holdfast_box.shown("show conn").starts_with("0 in use"));
}

#[test]
fn check_config_says_where_and_how() {
    let path = std::env::temp_dir().join(format!("holdfast-check-{}", std::process::id()));
    let check = |text: &str| {
        fs::write(&path, text).expect("written");
        let output = Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .arg("--check-config")
            .arg(&path)
            .output()
            .expect("a process");
        (
            output.status.code(),
            String::from_utf8(output.stdout).expect("text"),
        )
    };
    let (code, text) = check("hostname Box\ninterface Ethernet0/0\n ip adress 1.2.3.4\n");
    assert_eq!(code, Some(1));
    assert!(
        text.contains("line 3, column 5") && text.contains("^^^^^^"),
        "{text}"
    );
    let (code, _) = check("hostname Box\n");
    assert_eq!(code, Some(0));
    fs::remove_file(&path).expect("removed");
}
