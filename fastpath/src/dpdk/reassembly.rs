//! Reassembly of IPv4 datagrams by DPDK's library, eight fragments at the most.

use core::ptr::NonNull;

use dpdk_sys as sys;

use super::eal::{EalError, tsc_hz};
use super::mbuf::Mbuf;
use super::pool::Pool;
use crate::limits::{FRAGMENTS_MAX, REASSEMBLY_MAX, REASSEMBLY_TIMEOUT_S};
use crate::packet::Meta;
use crate::wire::Ipv4;

const _: () = assert!(
    FRAGMENTS_MAX == sys::RTE_LIBRTE_IP_FRAG_MAX_FRAG as usize,
    "the limit that we name is the one that the library was compiled with"
);

const FRAME_PREFETCH: u32 = 3;

/// What became of a fragment.
#[derive(Debug)]
pub enum Reassembled {
    /// Kept, or thrown away by the library: the counts of [`Reassembler::take_discarded`] say.
    Kept,
    /// The whole datagram in one buffer.
    Whole {
        /// It.
        packet: Mbuf,
        /// How many fragments it was.
        fragments: u16,
    },
    /// Fragments that came by different ways: none of them is trusted with the others.
    Mixed {
        /// How many are gone.
        fragments: u16,
    },
    /// The datagram was whole but no large buffer was free: `fragments` buffers are gone.
    NoBuffer {
        /// How many.
        fragments: u16,
    },
}

/// A worker's table of incomplete datagrams.
#[derive(Debug)]
pub struct Reassembler {
    table: NonNull<sys::rte_ip_frag_tbl>,
    death_row: Box<sys::rte_ip_frag_death_row>,
    large: Pool,
    held: u32,
    discarded: u32,
}

// SAFETY: the table is used by its owner only; moving the owner to another thread moves both.
unsafe impl Send for Reassembler {}

impl Reassembler {
    /// A table whose whole datagrams go into buffers of `large`.
    pub fn new(large: Pool) -> Result<Self, EalError> {
        let max_cycles = tsc_hz().saturating_mul(REASSEMBLY_TIMEOUT_S);
        let buckets = REASSEMBLY_MAX.next_power_of_two();
        // SAFETY: plain numbers; the EAL has started.
        let table = unsafe { sys::rte_ip_frag_table_create(buckets, 4, buckets, max_cycles, -1) };
        let table = NonNull::new(table).ok_or_else(|| EalError::last("fragment table"))?;
        Ok(Self {
            table,
            death_row: Box::default(),
            large,
            held: 0,
            discarded: 0,
        })
    }

    /// Adds a fragment whose IPv4 header starts at `l3_offset` and takes `header_len` bytes.
    pub fn add(
        &mut self,
        fragment: Mbuf,
        l3_offset: usize,
        header_len: usize,
        now_tsc: u64,
    ) -> Reassembled {
        let raw = fragment.into_raw();
        self.held += 1;
        // SAFETY: the mbuf is owned by this call; l3_offset lies inside of its data (the parser has
        // checked the header); the library reads the lengths from the mbuf's offload word.
        let whole = unsafe {
            let mbuf = &mut *raw.as_ptr();
            let offload = &mut mbuf.__bindgen_anon_3.tx_offload;
            *offload = (l3_offset as u64 & 0x7f) | ((header_len as u64 & 0x1ff) << 7);
            let header = mbuf
                .buf_addr
                .cast::<u8>()
                .add(mbuf.data_off as usize + l3_offset);
            sys::rte_ipv4_frag_reassemble_packet(
                self.table.as_ptr(),
                &raw mut *self.death_row,
                raw.as_ptr(),
                now_tsc,
                header.cast(),
            )
        };
        self.empty_death_row();
        match NonNull::new(whole) {
            None => Reassembled::Kept,
            Some(chain) => self.flatten(chain, l3_offset),
        }
    }

    /// Gives up datagrams that have waited too long.
    pub fn expire(&mut self, now_tsc: u64) {
        // SAFETY: the table is owned; the death row has room because it is emptied after each call
        // and one call retires no more than it holds.
        unsafe {
            sys::rte_ip_frag_table_del_expired_entries(
                self.table.as_ptr(),
                &raw mut *self.death_row,
                now_tsc,
            );
        }
        self.empty_death_row();
    }

    /// Fragments that wait in the table.
    pub fn held(&self) -> u32 {
        self.held
    }

    /// Fragments that the library has thrown away since the last call.
    pub fn take_discarded(&mut self) -> u32 {
        core::mem::take(&mut self.discarded)
    }

    fn empty_death_row(&mut self) {
        let count = self.death_row.cnt;
        if count == 0 {
            return;
        }
        // Each element of the row is one fragment or the chain of one datagram.
        let mut fragments = 0;
        for &dead in self.death_row.row.iter().take(count as usize) {
            // SAFETY: the first `cnt` elements of the row are live mbufs.
            fragments += u32::from(unsafe { (*dead).nb_segs });
        }
        // SAFETY: the row was filled by the library and its buffers belong to nobody else.
        unsafe { sys::hf_ip_frag_free_death_row(&raw mut *self.death_row, FRAME_PREFETCH) };
        self.held = self.held.saturating_sub(fragments);
        self.discarded += fragments;
    }

    /// Copies a chain into one large buffer and frees it.
    fn flatten(&mut self, chain: NonNull<sys::rte_mbuf>, l3_offset: usize) -> Reassembled {
        // SAFETY: the library returned a live chain that belongs to the caller.
        let fragments = unsafe { chain.as_ref() }.nb_segs;
        self.held = self.held.saturating_sub(u32::from(fragments));
        let outcome = if !same_way(chain) {
            Reassembled::Mixed { fragments }
        } else if let Some(packet) = self.copy_chain(chain, l3_offset) {
            Reassembled::Whole { packet, fragments }
        } else {
            Reassembled::NoBuffer { fragments }
        };
        // SAFETY: the chain is owned here and not used again.
        unsafe { sys::hf_pktmbuf_free(chain.as_ptr()) };
        outcome
    }

    fn copy_chain(&self, chain: NonNull<sys::rte_mbuf>, l3_offset: usize) -> Option<Mbuf> {
        let mut whole = self.large.allocate()?;
        *whole.meta_mut() = meta_of(chain);
        for segment in segments(chain) {
            // SAFETY: every segment of the chain is live.
            let header = unsafe { segment.as_ref() };
            // SAFETY: a segment's data lies inside of its buffer.
            let bytes = unsafe {
                core::slice::from_raw_parts(
                    header.buf_addr.cast::<u8>().add(header.data_off as usize),
                    header.data_len as usize,
                )
            };
            let filled = whole.len();
            if !whole.append(bytes.len()) {
                return None;
            }
            let room = whole.data_mut().get_mut(filled..)?;
            room.get_mut(..bytes.len())?.copy_from_slice(bytes);
        }
        // The library has written the new length and left the checksum to us. Fragments with
        // options do not come here.
        let header = whole.data_mut().get_mut(l3_offset..)?;
        Ipv4::parse_mut(header)?.fill_checksum();
        Some(whole)
    }
}

/// Whether all fragments came in clear, or all by one slot.
fn same_way(chain: NonNull<sys::rte_mbuf>) -> bool {
    let first = meta_of(chain).arrival();
    segments(chain).all(|segment| meta_of(segment).arrival() == first)
}

fn meta_of(segment: NonNull<sys::rte_mbuf>) -> Meta {
    // SAFETY: the private area behind the header holds the facts that `receive` wrote; `Meta` is
    // plain data.
    unsafe { *segment.add(1).cast::<Meta>().as_ref() }
}

fn segments(chain: NonNull<sys::rte_mbuf>) -> impl Iterator<Item = NonNull<sys::rte_mbuf>> {
    core::iter::successors(Some(chain), |segment| {
        // SAFETY: every segment of a chain that the caller owns is live.
        NonNull::new(unsafe { segment.as_ref() }.next)
    })
}

impl Drop for Reassembler {
    fn drop(&mut self) {
        // SAFETY: the table is owned; destroying it frees the fragments that it holds.
        unsafe { sys::rte_ip_frag_table_destroy(self.table.as_ptr()) };
    }
}
