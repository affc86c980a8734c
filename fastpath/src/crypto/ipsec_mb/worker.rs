//! A worker's lanes, and how a burst goes through them.

use core::ffi::c_void;
use core::fmt;

use arrayvec::ArrayVec;
use config::Hash;
use dpdk_sys::{
    IMB_AUTH_HMAC_SHA_1, IMB_AUTH_HMAC_SHA_256, IMB_AUTH_HMAC_SHA_384, IMB_AUTH_HMAC_SHA_512,
    IMB_AUTH_MD5, IMB_CIPHER_CBC, IMB_CIPHER_DES, IMB_CIPHER_DES3, IMB_DIR_DECRYPT,
    IMB_DIR_ENCRYPT, IMB_HASH_ALG, IMB_JOB, IMB_JOB__bindgen_ty_6__HMAC_specific_fields,
    IMB_KEY_SIZE_BYTES, IMB_ORDER_CIPHER_HASH, IMB_ORDER_HASH_CIPHER, IMB_STATUS_COMPLETED,
    gcm_context_data,
};

use super::super::{CryptoJob, Direction};
use super::key::{BlockCipher, CbcKey, GcmKey, Key};
use super::library::{LaneSet, Library};
use crate::esp::ICV_LEN_MAX;
use crate::limits::BURST_MAX;

/// Longest ICV of GCM (NIST SP 800-38D section 5.2.1.2).
const GCM_ICV_LEN_MAX: usize = 16;

/// Room for what the library writes or reads per packet while it holds it.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
struct Slot {
    icv: [u8; ICV_LEN_MAX],
    iv: [u8; 16],
    des_schedules: [*const u64; 3],
    completed: bool,
}

/// Lanes, results and context of one worker.
pub(in crate::crypto) struct Worker {
    lanes: LaneSet,
    library: Library,
    slots: Box<[Slot; BURST_MAX]>,
    /// Jobs of packets that go through the library together ([`Kind`]).
    together: Box<[IMB_JOB; BURST_MAX]>,
    context: Box<gcm_context_data>,
}

// SAFETY: the raw pointers in `slots` and `together` are used only during a call of `run`, which
// sets them first; everything else is owned memory.
unsafe impl Send for Worker {}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("lanes", &self.lanes)
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// State for one worker; `None` if there is no memory.
    pub(in crate::crypto) fn new() -> Option<Self> {
        let lanes = LaneSet::new()?;
        let library = Library::of(&lanes)?;
        let empty = Slot {
            icv: [0; ICV_LEN_MAX],
            iv: [0; 16],
            des_schedules: [core::ptr::null(); 3],
            completed: false,
        };
        Some(Self {
            lanes,
            library,
            slots: Box::new([empty; BURST_MAX]),
            together: Box::new([IMB_JOB::default(); BURST_MAX]),
            context: Box::default(),
        })
    }

    /// Seals or opens every job.
    pub(super) fn run(&mut self, jobs: &mut [CryptoJob<'_, Key>], direction: Direction) {
        for burst in jobs.chunks_mut(BURST_MAX) {
            let mut together = self.submit(burst, direction);
            self.flush();
            while together != 0 {
                together &= !self.run_together(burst, together, direction);
            }
            self.conclude(burst, direction);
        }
    }

    /// Does GCM and hands to the lanes what goes there by itself; the other packets, a bit each,
    /// are left to [`Self::run_together`], which uses the same lanes.
    fn submit(&mut self, burst: &mut [CryptoJob<'_, Key>], direction: Direction) -> u64 {
        let mut together = 0_u64;
        let slots = self.slots.as_mut_ptr();
        for (index, job) in burst.iter_mut().enumerate().take(BURST_MAX) {
            let slot = slots.wrapping_add(index);
            // SAFETY: `index` is below `BURST_MAX`, the length of `self.slots`, which nobody else
            // refers to; the jobs in flight refer to other slots.
            unsafe {
                (*slot).completed = false;
                (*slot).iv = job.iv;
            }
            match job.key {
                // SAFETY: as above; nothing in flight refers to this slot.
                Key::Gcm(key) if job.icv_len() <= GCM_ICV_LEN_MAX => unsafe {
                    run_gcm(key, job, &mut *slot, &mut self.context, direction);
                },
                Key::Gcm(_) => {}
                Key::Cbc(key) if Kind::of(key).is_some() => together |= 1 << index,
                Key::Cbc(key) => self.submit_cbc(key, job, slot, direction),
            }
        }
        together
    }

    /// Hands a packet to the lanes. Key, packet and slot stay where they are until [`Self::flush`].
    fn submit_cbc(
        &self,
        key: &CbcKey,
        job: &mut CryptoJob<'_, Key>,
        slot: *mut Slot,
        direction: Direction,
    ) {
        // SAFETY: the manager is initialised and used by this worker alone. At most `BURST_MAX`
        // jobs are in flight, fewer than its queue holds, so there is always a next job.
        let entry = unsafe { (self.library.next_job)(self.lanes.as_ptr()) };
        // SAFETY: a non-null result points into the manager's queue, and nobody else refers to it.
        let Some(entry) = (unsafe { entry.as_mut() }) else {
            return;
        };
        fill_cipher(entry, key, job, slot, direction);
        fill_hash(entry, key, job, slot);
        // SAFETY: every field is set that the cipher and the hash look at: ranges within the
        // packet (`CryptoJob::over`), schedule and states of the right shape, room for the ICV.
        // Nothing that they point to is touched or freed before `flush`.
        let completed = unsafe { (self.library.submit_job)(self.lanes.as_ptr()) };
        mark(completed);
    }

    /// Takes the packets of the kind of the first of these through the library, all at each step,
    /// so that every lane has one: a job of its own per packet would leave most lanes empty where
    /// the burst ends. Nothing may be in the lanes. Which packets these were.
    fn run_together(
        &mut self,
        burst: &mut [CryptoJob<'_, Key>],
        these: u64,
        direction: Direction,
    ) -> u64 {
        let kind_of = |job: &CryptoJob<'_, Key>| match job.key {
            Key::Cbc(key) => Kind::of(key),
            Key::Gcm(_) => None,
        };
        let first = burst.get(these.trailing_zeros() as usize).and_then(kind_of);
        let Some(kind) = first else { return these };
        let slots = self.slots.as_mut_ptr();
        let (mut taken, mut places) = (0_u64, ArrayVec::<usize, BURST_MAX>::new());
        for (index, job) in burst.iter_mut().enumerate().take(BURST_MAX) {
            if these >> index & 1 == 0 || kind_of(job) != Some(kind) {
                continue;
            }
            taken |= 1 << index;
            let Key::Cbc(key) = job.key else { continue };
            let is_whole = job.text_len() > 0 && job.text_len().is_multiple_of(AES_BLOCK_LEN);
            let (true, Some(entry)) = (is_whole, self.together.get_mut(places.len())) else {
                continue;
            };
            let slot = slots.wrapping_add(index);
            fill_cipher(entry, key, job, slot, direction);
            fill_hash(entry, key, job, slot);
            places.push(index);
        }
        if self.call_together(kind, places.len() as u32, direction) {
            for at in places {
                if let Some(slot) = self.slots.get_mut(at) {
                    slot.completed = true;
                }
            }
        }
        taken
    }

    /// The library's two calls; whether both have done all.
    fn call_together(&mut self, kind: Kind, packets: u32, direction: Direction) -> bool {
        let (lanes, jobs) = (self.lanes.as_ptr(), self.together.as_mut_ptr());
        let to = match direction {
            Direction::Seal => IMB_DIR_ENCRYPT,
            Direction::Open => IMB_DIR_DECRYPT,
        };
        let hash = hash_algorithm(kind.hash);
        // SAFETY: the manager is initialised and used by this worker alone, and its lanes are
        // empty: `run` flushes them. Of the first `packets` jobs every field is set that the calls
        // look at: ranges within the packet (`CryptoJob::over`), whole blocks of text, schedules
        // and states of the right shape, room for the ICV. Both calls are done with them when they
        // return.
        unsafe {
            let cipher = || {
                (self.library.cipher_burst)(lanes, jobs, packets, IMB_CIPHER_CBC, to, kind.key_len)
            };
            let authenticate = || (self.library.hash_burst)(lanes, jobs, packets, hash);
            let done = match direction {
                Direction::Seal => [cipher(), authenticate()],
                Direction::Open => [authenticate(), cipher()],
            };
            done == [packets; 2]
        }
    }

    /// Completes everything that is in the lanes.
    fn flush(&mut self) {
        loop {
            // SAFETY: the manager is initialised and used by this worker alone.
            let completed = unsafe { (self.library.flush_job)(self.lanes.as_ptr()) };
            if completed.is_null() {
                return;
            }
            mark(completed);
        }
    }

    fn conclude(&self, burst: &mut [CryptoJob<'_, Key>], direction: Direction) {
        for (job, slot) in burst.iter_mut().zip(self.slots.iter()) {
            job.done = slot.completed
                && match direction {
                    Direction::Seal => {
                        job.set_icv(&slot.icv);
                        true
                    }
                    Direction::Open => job.icv_equals(&slot.icv),
                };
        }
    }
}

/// Bytes of a block of AES.
const AES_BLOCK_LEN: usize = 16;

/// What packets have in common that go through the library together: AES with an HMAC that it
/// takes by bursts.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind {
    key_len: IMB_KEY_SIZE_BYTES,
    hash: Hash,
}

impl Kind {
    fn of(key: &CbcKey) -> Option<Self> {
        match (key.cipher, key.hash) {
            (BlockCipher::Aes(key_len), hash) if hash != Hash::Md5 => Some(Self {
                key_len: key_len.into(),
                hash,
            }),
            _ => None,
        }
    }
}

/// Notes in its slot whether a job that the library gave back has succeeded.
fn mark(completed: *mut IMB_JOB) {
    // SAFETY: null or a job that this burst has submitted; `user_data` is its slot, which outlives
    // the burst and to which no reference is alive here.
    unsafe {
        if let Some(job) = completed.as_ref() {
            let slot: *mut Slot = job.user_data.cast();
            (*slot).completed = job.status == IMB_STATUS_COMPLETED;
        }
    }
}

fn fill_cipher(
    entry: &mut IMB_JOB,
    key: &CbcKey,
    job: &mut CryptoJob<'_, Key>,
    slot: *mut Slot,
    direction: Direction,
) {
    let schedule: *const c_void = match key.cipher {
        // SAFETY: `slot` is one of the worker's own, and nothing in flight refers to it.
        BlockCipher::TripleDes => unsafe {
            (*slot).des_schedules = key.des_schedules();
            (&raw const (*slot).des_schedules).cast()
        },
        BlockCipher::Des | BlockCipher::Aes(_) => key.schedule().cast(),
    };
    let (mode, key_len, iv_len) = match key.cipher {
        BlockCipher::Des => (IMB_CIPHER_DES, 8, 8),
        BlockCipher::TripleDes => (IMB_CIPHER_DES3, 24, 8),
        BlockCipher::Aes(len) => (IMB_CIPHER_CBC, u64::from(len), 16),
    };
    let (text_offset, text_len) = (job.text_offset(), job.text_len());
    let packet = job.packet().as_mut_ptr();
    entry.enc_keys = schedule;
    entry.dec_keys = schedule;
    entry.key_len_in_bytes = key_len;
    entry.cipher_mode = mode;
    entry.__bindgen_anon_1.src = packet;
    entry.__bindgen_anon_2.dst = packet.wrapping_add(text_offset);
    entry.__bindgen_anon_3.cipher_start_src_offset_in_bytes = text_offset as u64;
    entry.__bindgen_anon_4.msg_len_to_cipher_in_bytes = text_len as u64;
    // SAFETY: only an address within `slot` is taken.
    entry.iv = unsafe { (&raw const (*slot).iv).cast() };
    entry.iv_len_in_bytes = iv_len;
    (entry.cipher_direction, entry.chain_order) = match direction {
        Direction::Seal => (IMB_DIR_ENCRYPT, IMB_ORDER_CIPHER_HASH),
        Direction::Open => (IMB_DIR_DECRYPT, IMB_ORDER_HASH_CIPHER),
    };
    entry.user_data = slot.cast();
}

fn fill_hash(entry: &mut IMB_JOB, key: &CbcKey, job: &CryptoJob<'_, Key>, slot: *mut Slot) {
    entry.hash_alg = hash_algorithm(key.hash);
    entry.hash_start_src_offset_in_bytes = 0;
    entry.__bindgen_anon_5.msg_len_to_hash_in_bytes = job.authenticated_len() as u64;
    entry.u.HMAC = IMB_JOB__bindgen_ty_6__HMAC_specific_fields {
        _hashed_auth_key_xor_ipad: key.inner(),
        _hashed_auth_key_xor_opad: key.outer(),
    };
    // SAFETY: only an address within `slot` is taken.
    entry.auth_tag_output = unsafe { (&raw mut (*slot).icv).cast() };
    entry.auth_tag_output_len_in_bytes = job.icv_len() as u64;
}

const fn hash_algorithm(hash: Hash) -> IMB_HASH_ALG {
    match hash {
        Hash::Md5 => IMB_AUTH_MD5,
        Hash::Sha1 => IMB_AUTH_HMAC_SHA_1,
        Hash::Sha256 => IMB_AUTH_HMAC_SHA_256,
        Hash::Sha384 => IMB_AUTH_HMAC_SHA_384,
        Hash::Sha512 => IMB_AUTH_HMAC_SHA_512,
    }
}

fn run_gcm(
    key: &GcmKey,
    job: &mut CryptoJob<'_, Key>,
    slot: &mut Slot,
    context: &mut gcm_context_data,
    direction: Direction,
) {
    let call = match direction {
        Direction::Seal => key.calls.seal,
        Direction::Open => key.calls.open,
    };
    let (text_offset, text_len) = (job.text_offset(), job.text_len());
    let text = job.packet().as_mut_ptr().wrapping_add(text_offset);
    // SAFETY: the key was expanded by the function that belongs to `call`; `CryptoJob::over` has
    // checked text and ICV against the packet, and AAD is no longer than its field; the nonce is
    // the leading twelve of sixteen bytes; working in place is allowed.
    unsafe {
        call(
            key.expanded(),
            &raw mut *context,
            text,
            text,
            text_len as u64,
            slot.iv.as_ptr(),
            job.aad.as_ptr(),
            job.aad_len() as u64,
            slot.icv.as_mut_ptr(),
            job.icv_len() as u64,
        );
    }
    slot.completed = true;
}
