//! The launcher as it is installed: which program runs, with which arguments, and what it says when
//! there is none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One tree at a time: a process that another test is about to start would keep a program that is
/// being written open, and such a program cannot be run.
static ONE_TREE: Mutex<()> = Mutex::new(());

/// A tree as a release installs it, removed at the end.
struct Tree {
    root: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Tree {
    /// With the launcher as `bin/holdfast`, and these builds of it.
    fn new(name: &str, builds: &[&str]) -> Self {
        let tree = Self {
            root: Path::new(env!("CARGO_TARGET_TMPDIR")).join(name),
            _alone: ONE_TREE.lock().unwrap_or_else(PoisonError::into_inner),
        };
        let _ = fs::remove_dir_all(&tree.root);
        let bin = tree.root.join("bin");
        fs::create_dir_all(&bin).expect("a directory for programs");
        let launcher = env!("CARGO_BIN_EXE_holdfast-launcher");
        fs::copy(launcher, bin.join("holdfast")).expect("the launcher is built");
        for build in builds {
            let directory = tree.root.join("lib/holdfast").join(build);
            fs::create_dir_all(&directory).expect("a directory for a build");
            let program = directory.join("holdfast");
            let text = format!("#!/bin/sh\necho \"{build} $$ $*\"\nexit 7\n");
            fs::write(&program, text).expect("a program");
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
        }
        tree
    }

    fn run(&self, build: Option<&str>) -> (u32, Output) {
        let mut command = Command::new(self.root.join("bin/holdfast"));
        command
            .env_remove("HOLDFAST_BUILD")
            .args(["-l", "0-1", "--", "a b"]);
        command.envs(build.map(|build| ("HOLDFAST_BUILD", build)));
        command.stdout(Stdio::piped());
        command.stderr(Stdio::piped());
        let child = command.spawn().expect("the launcher starts");
        (child.id(), child.wait_with_output().expect("it ends"))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_process_becomes_the_program_with_its_arguments() {
    let tree = Tree::new("launcher-becomes", &["x86-64-v3"]);
    let (id, output) = tree.run(None);
    let shown = format!("x86-64-v3 {id} -l 0-1 -- a b\n");
    assert_eq!(text(&output.stdout), shown, "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(7), "the program's own exit code");
}

#[test]
fn a_build_can_be_chosen() {
    let tree = Tree::new("launcher-choice", &["x86-64-v3", "x86-64-v4"]);
    let (_, output) = tree.run(Some("x86-64-v3"));
    assert!(text(&output.stdout).starts_with("x86-64-v3 "));
    let (_, output) = tree.run(Some("x86-64-v9"));
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output.stderr);
    assert!(shown.contains("HOLDFAST_BUILD is x86-64-v9"), "{shown}");
}

#[test]
fn a_release_without_its_builds_says_where_they_should_be() {
    let tree = Tree::new("launcher-nothing", &[]);
    let (_, output) = tree.run(None);
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output.stderr);
    assert!(shown.contains("holdfast: not found: "), "{shown}");
    assert!(shown.contains("lib/holdfast/x86-64-v3/holdfast"), "{shown}");
}
