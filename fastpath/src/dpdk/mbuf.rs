//! A packet buffer that is owned: freed when dropped, neither copied nor shared.

use core::ptr::NonNull;

use dpdk_sys as sys;

use crate::packet::{META_LEN, Meta};

/// One packet in one buffer that nobody else refers to.
///
/// Every `Mbuf` is a direct, single-segment buffer with one reference and a private area of
/// [`META_LEN`] bytes: receive queues without scatter give nothing else, and the reassembler copies
/// chains into one buffer. So the data may be written in place.
#[derive(Debug)]
#[repr(transparent)]
pub struct Mbuf(NonNull<sys::rte_mbuf>);

// SAFETY: the handle is the only reference to the buffer, so it may move between threads.
unsafe impl Send for Mbuf {}

impl Mbuf {
    /// Takes over a buffer.
    ///
    /// # Safety
    ///
    /// `raw` is a direct mbuf of a pool of [`super::Pool`], with one segment and one reference,
    /// and the caller gives up its pointer.
    pub(super) unsafe fn from_raw(raw: NonNull<sys::rte_mbuf>) -> Self {
        Self(raw)
    }

    /// Gives the buffer away without freeing it.
    pub(super) fn into_raw(self) -> NonNull<sys::rte_mbuf> {
        let raw = self.0;
        core::mem::forget(self);
        raw
    }

    fn header(&self) -> &sys::rte_mbuf {
        // SAFETY: the handle owns a live mbuf.
        unsafe { self.0.as_ref() }
    }

    fn header_mut(&mut self) -> &mut sys::rte_mbuf {
        // SAFETY: the handle owns a live mbuf and is borrowed exclusively.
        unsafe { self.0.as_mut() }
    }

    /// The packet.
    #[inline]
    pub fn data(&self) -> &[u8] {
        let header = self.header();
        // SAFETY: data_off + data_len <= buf_len holds for every mbuf, and the buffer is
        // initialised memory of the pool.
        unsafe { core::slice::from_raw_parts(Self::start(header), header.data_len as usize) }
    }

    /// The packet, for rewriting.
    #[inline]
    pub fn data_mut(&mut self) -> &mut [u8] {
        let header = self.header();
        // SAFETY: as in `data`; the handle is the only reference to the buffer.
        unsafe { core::slice::from_raw_parts_mut(Self::start(header), header.data_len as usize) }
    }

    /// Where the packet begins.
    #[inline]
    fn start(header: &sys::rte_mbuf) -> *mut u8 {
        // SAFETY: every mbuf has a buffer, and data_off <= buf_len. That it is not null is said
        // because the compiler would ask for each packet.
        unsafe {
            core::hint::assert_unchecked(!header.buf_addr.is_null());
            header.buf_addr.cast::<u8>().add(header.data_off as usize)
        }
    }

    /// The private line.
    #[inline]
    pub fn meta(&self) -> &Meta {
        // SAFETY: every pool reserves META_LEN bytes behind the mbuf's header, which is a multiple
        // of a cache line, so the area is aligned; `Meta` is plain data for which every bit pattern
        // of the pool's zeroed or once written memory is valid.
        unsafe { self.0.add(1).cast::<Meta>().as_ref() }
    }

    /// The private line, for writing.
    #[inline]
    pub fn meta_mut(&mut self) -> &mut Meta {
        // SAFETY: as in `meta`, borrowed exclusively.
        unsafe { self.0.add(1).cast::<Meta>().as_mut() }
    }

    /// Asks for the header of the packet to be in the cache soon.
    #[inline]
    pub fn prefetch_data(&self) {
        let header = self.header();
        let data = header
            .buf_addr
            .cast::<i8>()
            .wrapping_add(header.data_off as usize);
        // SAFETY: a prefetch never faults.
        unsafe {
            core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(data);
        }
    }

    /// Bytes of the packet.
    #[inline]
    pub fn len(&self) -> usize {
        self.header().data_len as usize
    }

    /// Whether the packet has no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that [`Mbuf::prepend`] can add.
    pub fn headroom(&self) -> usize {
        self.header().data_off as usize
    }

    /// Bytes that [`Mbuf::append`] can add.
    pub fn tailroom(&self) -> usize {
        let header = self.header();
        (header.buf_len - header.data_off - header.data_len) as usize
    }

    /// Makes the packet `len` bytes longer in front. `false` and unchanged when there is no room.
    #[inline]
    #[must_use]
    pub fn prepend(&mut self, len: usize) -> bool {
        let header = self.header_mut();
        if len > header.data_off as usize {
            return false;
        }
        header.data_off -= len as u16;
        header.data_len += len as u16;
        header.pkt_len += len as u32;
        true
    }

    /// Makes the packet `len` bytes longer behind. `false` and unchanged when there is no room.
    #[inline]
    #[must_use]
    pub fn append(&mut self, len: usize) -> bool {
        if len > self.tailroom() {
            return false;
        }
        let header = self.header_mut();
        header.data_len += len as u16;
        header.pkt_len += len as u32;
        true
    }

    /// [`Mbuf::prepend`] and [`Mbuf::append`] in one: `false` and unchanged without room for both.
    #[inline]
    #[must_use]
    pub fn enclose(&mut self, front: usize, behind: usize) -> bool {
        if front > self.headroom() || behind > self.tailroom() {
            return false;
        }
        let header = self.header_mut();
        header.data_off -= front as u16;
        header.data_len += (front + behind) as u16;
        header.pkt_len += (front + behind) as u32;
        true
    }

    /// Cuts up to `len` bytes off in front.
    #[inline]
    pub fn trim_front(&mut self, len: usize) {
        let header = self.header_mut();
        let cut = (len.min(header.data_len as usize)) as u16;
        header.data_off += cut;
        header.data_len -= cut;
        header.pkt_len -= cut as u32;
    }

    /// Cuts the packet down to `len` bytes behind its first `front`; to less where it has less.
    #[inline]
    pub fn narrow(&mut self, front: usize, len: usize) {
        let header = self.header_mut();
        let front = front.min(header.data_len as usize);
        let len = len.min(header.data_len as usize - front) as u16;
        header.data_off += front as u16;
        header.data_len = len;
        header.pkt_len = len as u32;
    }

    /// Cuts the packet to at most `len` bytes.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        let header = self.header_mut();
        let kept = len.min(header.data_len as usize) as u16;
        header.data_len = kept;
        header.pkt_len = kept as u32;
    }
}

impl Drop for Mbuf {
    fn drop(&mut self) {
        // SAFETY: the handle owns the mbuf and is gone after this.
        unsafe { sys::hf_pktmbuf_free(self.0.as_ptr()) }
    }
}

const _: () = assert!(
    size_of::<sys::rte_mbuf>().is_multiple_of(align_of::<Meta>()),
    "the private area behind the header is aligned for the facts"
);
const _: () = assert!(
    META_LEN.is_multiple_of(8),
    "DPDK wants aligned private areas"
);
