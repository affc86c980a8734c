//! DPDK's own hash table and grace periods, for harnesses that compare ours with them.

use std::ffi::{CString, c_void};
use std::ptr::NonNull;

use arrayvec::ArrayVec;
use dpdk_sys as sys;

use super::eal::EalError;
use crate::limits::BURST_MAX;
use crate::packet::FlowKey;

/// `rte_hash` with flow keys, one reader and one writer, defaults otherwise.
#[derive(Debug)]
pub struct PeerHash(NonNull<sys::rte_hash>);

impl PeerHash {
    /// A table for `entries` keys. The EAL must be up and have the memory.
    pub fn new(name: &str, entries: u32) -> Result<Self, EalError> {
        let c_name = CString::new(name).map_err(|_| EalError::Name(name.to_owned()))?;
        let parameters = sys::rte_hash_parameters {
            name: c_name.as_ptr(),
            entries,
            key_len: size_of::<FlowKey>() as u32,
            ..sys::rte_hash_parameters::default()
        };
        // SAFETY: the parameters live through the call, which copies them.
        let raw = unsafe { sys::rte_hash_create(&raw const parameters) };
        NonNull::new(raw)
            .map(Self)
            .ok_or_else(|| EalError::last(format!("rte_hash {name}")))
    }

    /// Adds a key; `false` when there is no room.
    pub fn insert(&mut self, key: &FlowKey) -> bool {
        let key = core::ptr::from_ref(key).cast::<c_void>();
        // SAFETY: the table is live, the key as long as it was told.
        unsafe { sys::rte_hash_add_key(self.0.as_ptr(), key) >= 0 }
    }

    /// Removes a key; `false` when it is not there.
    pub fn remove(&mut self, key: &FlowKey) -> bool {
        let key = core::ptr::from_ref(key).cast::<c_void>();
        // SAFETY: as in `insert`.
        unsafe { sys::rte_hash_del_key(self.0.as_ptr(), key) >= 0 }
    }

    /// Looks up to [`BURST_MAX`] keys up in one call; how many were found.
    pub fn lookup_burst(&self, keys: &[FlowKey]) -> usize {
        let keys = keys.get(..BURST_MAX).unwrap_or(keys);
        let pointers: ArrayVec<*const c_void, BURST_MAX> = keys
            .iter()
            .map(|key| core::ptr::from_ref(key).cast::<c_void>())
            .collect();
        let mut positions = [0_i32; BURST_MAX];
        // SAFETY: the table is live; there are as many keys and places as the count says.
        unsafe {
            sys::rte_hash_lookup_bulk(
                self.0.as_ptr(),
                pointers.as_ptr().cast_mut(),
                pointers.len() as u32,
                positions.as_mut_ptr(),
            );
        }
        let found = positions.iter().take(pointers.len());
        found.filter(|position| **position >= 0).count()
    }
}

impl Drop for PeerHash {
    fn drop(&mut self) {
        // SAFETY: the handle owns the table and is gone after this.
        unsafe { sys::rte_hash_free(self.0.as_ptr()) }
    }
}

/// `rte_rcu_qsbr` with one reader.
#[derive(Debug)]
pub struct PeerQsbr {
    memory: Box<[Line]>,
}

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line {
    _bytes: [u8; 64],
}

impl PeerQsbr {
    /// A variable with its one reader online.
    pub fn new() -> Option<Self> {
        // SAFETY: a pure computation.
        let bytes = unsafe { sys::rte_rcu_qsbr_get_memsize(1) };
        let mut peer = Self {
            memory: vec![Line { _bytes: [0; 64] }; bytes.div_ceil(size_of::<Line>())].into(),
        };
        // SAFETY: the memory is as large and as aligned as asked for.
        unsafe {
            let ready = sys::rte_rcu_qsbr_init(peer.raw(), 1) == 0
                && sys::rte_rcu_qsbr_thread_register(peer.raw(), 0) == 0;
            ready.then(|| {
                sys::hf_qsbr_online(peer.raw());
                peer
            })
        }
    }

    /// Reports `count` quiescent states, as many loops would, inlined in C.
    pub fn quiescent(&mut self, count: u32) {
        // SAFETY: the variable is initialised and its reader online.
        unsafe { sys::hf_qsbr_quiescent(self.raw(), count) }
    }

    fn raw(&mut self) -> *mut sys::rte_rcu_qsbr {
        self.memory.as_mut_ptr().cast()
    }
}
