//! What DPDK tells of a port beside its common counters.

use std::ffi::CStr;

use dpdk_sys as sys;

use super::port::Ports;

/// Extended counters of a port that are read; a driver that has more keeps the rest to itself.
const XSTATS_MAX: usize = 512;

impl Ports {
    /// The extended counters of a port by name; empty for a port that is not there.
    pub fn xstats(port: u16) -> Vec<(String, u64)> {
        let mut names = vec![sys::rte_eth_xstat_name::default(); XSTATS_MAX];
        let mut values = vec![sys::rte_eth_xstat::default(); XSTATS_MAX];
        // SAFETY: the array has room for as many entries as are named; a bad port is an error.
        let named =
            unsafe { sys::rte_eth_xstats_get_names(port, names.as_mut_ptr(), XSTATS_MAX as u32) };
        // SAFETY: as above.
        let read = unsafe { sys::rte_eth_xstats_get(port, values.as_mut_ptr(), XSTATS_MAX as u32) };
        let count = |code: i32| usize::try_from(code).unwrap_or(0);
        // More than there is room for: nothing was written.
        if count(named) > XSTATS_MAX || count(read) > XSTATS_MAX {
            return Vec::new();
        }
        let values = values.iter().take(count(read));
        values
            .filter_map(|value| {
                let name = names.get(..count(named))?.get(value.id as usize)?;
                // SAFETY: DPDK ends every name with a zero within the array.
                let name = unsafe { CStr::from_ptr(name.name.as_ptr()) };
                Some((name.to_string_lossy().into_owned(), value.value))
            })
            .collect()
    }
}
