//! Pools of packet buffers.

use std::ffi::CString;
use std::ptr::NonNull;

use arrayvec::ArrayVec;
use dpdk_sys as sys;

use super::eal::EalError;
use super::mbuf::Mbuf;
use crate::limits::BURST_MAX;
use crate::packet::{META_LEN, Meta};

/// A pool of buffers of one size. Lives until the process ends, like the EAL that owns it.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    raw: NonNull<sys::rte_mempool>,
    data_room_bytes: u16,
    buffers: u32,
}

// SAFETY: rte_mempool's get and put are safe from any thread; the pool is never freed.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl Pool {
    /// Makes a pool of `count` buffers with `data_bytes` for packets beside the headroom, with
    /// `cache` buffers per lcore. Every pool has the same private size.
    pub fn create(name: &str, count: u32, cache: u32, data_bytes: u16) -> Result<Self, EalError> {
        let c_name = CString::new(name).map_err(|_| EalError::Name(name.to_owned()))?;
        let room = data_bytes + sys::RTE_PKTMBUF_HEADROOM as u16;
        // SAFETY: the name outlives the call; EAL is initialised before any pool is made.
        let raw = unsafe {
            sys::rte_pktmbuf_pool_create(c_name.as_ptr(), count, cache, META_LEN as u16, room, -1)
        };
        NonNull::new(raw)
            .map(|raw| Self {
                raw,
                data_room_bytes: data_bytes,
                buffers: count,
            })
            .ok_or_else(|| EalError::last(format!("packet pool {name}")))
    }

    pub(super) fn as_ptr(&self) -> *mut sys::rte_mempool {
        self.raw.as_ptr()
    }

    /// Bytes for packets beside the headroom.
    pub fn data_room_bytes(&self) -> usize {
        self.data_room_bytes as usize
    }

    /// A fresh empty buffer.
    #[inline]
    pub fn allocate(&self) -> Option<Mbuf> {
        // SAFETY: the pool lives as long as the process.
        let raw = NonNull::new(unsafe { sys::hf_pktmbuf_alloc(self.raw.as_ptr()) })?;
        // SAFETY: a fresh mbuf of this pool is direct, single and not shared.
        let mut mbuf = unsafe { Mbuf::from_raw(raw) };
        *mbuf.meta_mut() = Meta::received(u16::MAX, 0);
        Some(mbuf)
    }

    /// A buffer that holds `bytes`; `None` when the pool is empty or the packet does not fit.
    pub fn allocate_with(&self, bytes: &[u8]) -> Option<Mbuf> {
        let mut mbuf = self.allocate()?;
        if !mbuf.append(bytes.len()) {
            return None;
        }
        mbuf.data_mut()
            .get_mut(..bytes.len())?
            .copy_from_slice(bytes);
        Some(mbuf)
    }

    /// Buffers in all.
    pub const fn buffers(&self) -> u32 {
        self.buffers
    }

    /// Buffers that are not in use, those in lcore caches included; exact while nobody takes or
    /// gives one back.
    pub fn available(&self) -> u32 {
        // SAFETY: the pool lives as long as the process; any thread may ask.
        unsafe { sys::rte_mempool_avail_count(self.raw.as_ptr()) }
    }
}

/// Frees many buffers in one call.
#[inline]
pub fn free_burst(mbufs: &mut ArrayVec<Mbuf, BURST_MAX>) {
    let mut raw: ArrayVec<*mut sys::rte_mbuf, BURST_MAX> = ArrayVec::new();
    for mbuf in mbufs.drain(..) {
        // One place for each.
        let _ = raw.try_push(mbuf.into_raw().as_ptr());
    }
    // SAFETY: each pointer was owned by a handle that gave it up.
    unsafe { sys::hf_pktmbuf_free_bulk(raw.as_mut_ptr(), raw.len() as u32) }
}
