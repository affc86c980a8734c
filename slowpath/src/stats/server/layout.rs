//! Where tools of DPDK look for a telemetry socket.
//!
//! `dpdk-telemetry.py -f PREFIX` connects to `$RUNTIME_DIRECTORY/dpdk/PREFIX/dpdk_telemetry.v2`.
//! With a run directory as that variable, prefix [`DPDK_PREFIX`] leads to our socket; the EAL's own
//! prefix stays the EAL's.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Name of the socket in the run directory.
pub const SOCKET_NAME: &str = "stats.sock";
/// The prefix under which DPDK's tools find the socket.
pub const DPDK_PREFIX: &str = "holdfast-stats";
/// Name of a telemetry socket.
const DPDK_SOCKET_NAME: &str = "dpdk_telemetry.v2";

/// The links that lead to the socket; removed when this goes.
#[derive(Debug)]
pub struct Layout {
    links: Vec<PathBuf>,
}

impl Layout {
    /// Makes `dpdk_telemetry.v2` and `dpdk/PREFIX/dpdk_telemetry.v2` in the run directory.
    pub fn make(run_dir: &Path) -> io::Result<Self> {
        let prefix = run_dir.join("dpdk").join(DPDK_PREFIX);
        fs::create_dir_all(&prefix)?;
        let mut this = Self { links: Vec::new() };
        this.link(Path::new(SOCKET_NAME), run_dir.join(DPDK_SOCKET_NAME))?;
        let from_prefix = Path::new("../..").join(SOCKET_NAME);
        this.link(&from_prefix, prefix.join(DPDK_SOCKET_NAME))?;
        Ok(this)
    }

    /// Makes a link; one that a former process left goes, anything else stays and is an error.
    fn link(&mut self, target: &Path, link: PathBuf) -> io::Result<()> {
        if fs::symlink_metadata(&link).is_ok_and(|it| it.file_type().is_symlink()) {
            fs::remove_file(&link)?;
        }
        symlink(target, &link)?;
        self.links.push(link);
        Ok(())
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        for link in &self.links {
            // The next start removes what is left.
            let _removed = fs::remove_file(link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_come_again_and_go_and_nothing_else_is_touched() {
        let run_dir = std::env::temp_dir().join(format!("holdfast-layout-{}", std::process::id()));
        fs::create_dir_all(&run_dir).expect("a directory");
        let paths = [
            run_dir.join(DPDK_SOCKET_NAME),
            run_dir
                .join("dpdk")
                .join(DPDK_PREFIX)
                .join(DPDK_SOCKET_NAME),
        ];
        std::mem::forget(Layout::make(&run_dir).expect("links"));
        let layout = Layout::make(&run_dir).expect("links of a former process are replaced");
        fs::write(run_dir.join(SOCKET_NAME), "x").expect("a file");
        for path in &paths {
            assert_eq!(fs::read_to_string(path).expect("the link leads there"), "x");
        }
        drop(layout);
        assert!(paths.iter().all(|path| fs::symlink_metadata(path).is_err()));
        fs::write(&paths[0], "mine").expect("a file");
        assert!(Layout::make(&run_dir).is_err());
        assert_eq!(fs::read_to_string(&paths[0]).expect("untouched"), "mine");
        fs::remove_dir_all(&run_dir).expect("removed");
    }
}
