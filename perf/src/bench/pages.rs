//! Large pages for a measurement that needs more than the machine keeps: reserved before, given
//! back after. Our table asks the kernel for large pages by itself; the peer's memory is the EAL's,
//! which would fall back to small ones and lose a comparison for that.

use std::fs;

use crate::eal::{free_huge_megabytes, huge_page_kilobytes};

const COUNT: &str = "/proc/sys/vm/nr_hugepages";
/// Bytes that the EAL does not get out of its pages.
const SPARE_MEGABYTES: u64 = 64;

/// Pages that are given back on drop.
#[derive(Debug)]
pub(super) struct Reserved {
    before: u64,
}

impl Reserved {
    /// Lets this many megabytes be free, where the machine has them and we may.
    pub(super) fn megabytes(wanted: u64) -> Option<Self> {
        let missing = (wanted + SPARE_MEGABYTES).checked_sub(free_huge_megabytes())?;
        let before = fs::read_to_string(COUNT).ok()?.trim().parse().ok()?;
        let more = (missing * 1024).div_ceil(huge_page_kilobytes().max(1));
        let reserved = Self { before };
        fs::write(COUNT, (before + more).to_string()).ok()?;
        Some(reserved)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        // Without the right to take pages there is nothing to give back.
        let _ = fs::write(COUNT, self.before.to_string());
    }
}
