//! `holdfastctl` as a program, against a control socket that answers from a fixed list.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use slowpath::control_socket::{ControlSocket, Outcome};
use slowpath::time::Time;

/// A box that knows `show clock` and `exit` and refuses everything else.
struct Box {
    run_dir: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Box {
    fn start(name: &str) -> Self {
        let name = format!("holdfastctl-{name}-{}", std::process::id());
        let run_dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&run_dir).expect("a directory");
        let mut socket = ControlSocket::bind(&run_dir).expect("a socket");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                for request in socket.poll(Time(0)) {
                    let (text, error, close) = match request.command.as_str() {
                        "show clock" => ("16:58:42.123 UTC Mon Nov 23 2026\n", false, false),
                        "exit" => ("", false, true),
                        _ => ("ERROR: % Incomplete command\n", true, false),
                    };
                    let outcome = Outcome {
                        error,
                        close,
                        prompt: String::new(),
                    };
                    // A client that has gone is the client's own affair.
                    let _gone = socket.reply(request.client, text, Time(0));
                    let _gone = socket.finish(request.client, outcome, Time(0));
                }
                std::thread::yield_now();
            }
        });
        Self {
            run_dir,
            stop,
            thread: Some(thread),
        }
    }

    fn client(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdfastctl"));
        command.arg("--run-dir").arg(&self.run_dir);
        command
    }

    fn script(&self, text: &str) -> Output {
        let mut child = self
            .client()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(text.as_bytes()).expect("written");
        drop(input);
        child.wait_with_output().expect("an end")
    }
}

impl Drop for Box {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic");
        }
        std::fs::remove_dir_all(&self.run_dir).expect("removed");
    }
}

#[test]
fn one_command_and_its_exit_code() {
    let host = Box::start("one");
    let output = host.client().args(["show", "clock"]).output().expect("run");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, b"16:58:42.123 UTC Mon Nov 23 2026\n");
    let output = host.client().arg("show").output().expect("run");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"ERROR: % Incomplete command\n");
}

#[test]
fn a_script_goes_on_after_an_error_and_ends_with_the_session() {
    let host = Box::start("script");
    let output = host.script("show\nshow clock\nexit\nshow clock\n");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "ERROR: % Incomplete command\n16:58:42.123 UTC Mon Nov 23 2026\n"
    );
    let output = host.script("show clock\r\nshow clock");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout.len(), 2 * 33);
}

#[test]
fn a_box_that_is_not_there_is_one_line_and_exit_code_two() {
    let output = Command::new(env!("CARGO_BIN_EXE_holdfastctl"))
        .args(["--run-dir", "/nonexistent/holdfast", "show clock"])
        .output()
        .expect("run");
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.starts_with("holdfastctl: the box in /nonexistent/holdfast cannot be reached: ")
            && message.lines().count() == 1,
        "{message}"
    );
}
