//! The library itself: its managers and the functions that this CPU gets.

use core::ffi::{c_int, c_void};
use core::ptr::NonNull;

use config::Hash;
use dpdk_sys::{
    IMB_CIPHER_DIRECTION, IMB_CIPHER_MODE, IMB_FEATURE_SELF_TEST, IMB_FEATURE_SELF_TEST_PASS,
    IMB_HASH_ALG, IMB_JOB, IMB_KEY_SIZE_BYTES, IMB_MGR, alloc_mb_mgr, free_mb_mgr,
    gcm_context_data, gcm_key_data, imb_clear_mem, imb_get_errno, imb_get_mb_mgr_size,
    init_mb_mgr_auto,
};

pub(super) type ExpandAes = unsafe extern "C" fn(*const c_void, *mut c_void, *mut c_void);
pub(super) type ExpandDes = unsafe extern "C" fn(*mut u64, *const c_void) -> c_int;
pub(super) type ExpandGcm = unsafe extern "C" fn(*const c_void, *mut gcm_key_data);
pub(super) type HashOneBlock = unsafe extern "C" fn(*const c_void, *mut c_void);
pub(super) type CipherBurst = unsafe extern "C" fn(
    *mut IMB_MGR,
    *mut IMB_JOB,
    u32,
    IMB_CIPHER_MODE,
    IMB_CIPHER_DIRECTION,
    IMB_KEY_SIZE_BYTES,
) -> u32;
pub(super) type HashBurst =
    unsafe extern "C" fn(*mut IMB_MGR, *mut IMB_JOB, u32, IMB_HASH_ALG) -> u32;
pub(super) type JobCall = unsafe extern "C" fn(*mut IMB_MGR) -> *mut IMB_JOB;
pub(super) type GcmCall = unsafe extern "C" fn(
    *const gcm_key_data,
    *mut gcm_context_data,
    *mut u8,
    *const u8,
    u64,
    *const u8,
    *const u8,
    u64,
    *mut u8,
    u64,
);

/// An initialised `IMB_MGR`: the lanes of one worker.
#[derive(Debug)]
pub(super) struct LaneSet(NonNull<IMB_MGR>);

// SAFETY: the manager is memory of its own without thread-local parts; it is used through
// `&mut` only, so moving it to another thread is sound.
unsafe impl Send for LaneSet {}

impl LaneSet {
    /// Lanes for the best instructions of this CPU.
    pub(super) fn new() -> Option<Self> {
        // SAFETY: no precondition; a null result is looked at.
        let lanes = Self(NonNull::new(unsafe { alloc_mb_mgr(0) })?);
        // SAFETY: the manager was just allocated; the second argument may be null.
        unsafe { init_mb_mgr_auto(lanes.as_ptr(), core::ptr::null_mut()) };
        // SAFETY: the manager is initialised.
        let errno = unsafe { imb_get_errno(lanes.as_ptr()) };
        // SAFETY: as above; `features` is a plain integer.
        let features = unsafe { (*lanes.as_ptr()).features };
        let tested = features & u64::from(IMB_FEATURE_SELF_TEST) != 0;
        let passed = features & u64::from(IMB_FEATURE_SELF_TEST_PASS) != 0;
        (errno == 0 && (passed || !tested)).then_some(lanes)
    }

    pub(super) fn as_ptr(&self) -> *mut IMB_MGR {
        self.0.as_ptr()
    }
}

impl Drop for LaneSet {
    fn drop(&mut self) {
        // SAFETY: the manager came from `alloc_mb_mgr`, which allocates this many bytes as one
        // block; nobody uses it any more. Lanes may still hold expanded keys and packet blocks.
        unsafe {
            imb_clear_mem(self.as_ptr().cast(), imb_get_mb_mgr_size());
            free_mb_mgr(self.as_ptr());
        }
    }
}

/// GCM for one key length.
#[derive(Clone, Copy, Debug)]
pub(super) struct GcmCalls {
    pub(super) expand: ExpandGcm,
    pub(super) seal: GcmCall,
    pub(super) open: GcmCall,
}

/// The library's functions for this CPU. They are the same in every manager and keep no state.
#[derive(Clone, Copy, Debug)]
pub(in crate::crypto) struct Library {
    pub(super) expand_aes: [ExpandAes; 3],
    pub(super) expand_des: ExpandDes,
    hash_one_block: [HashOneBlock; 5],
    pub(super) gcm: [GcmCalls; 3],
    pub(super) next_job: JobCall,
    pub(super) submit_job: JobCall,
    pub(super) flush_job: JobCall,
    pub(super) cipher_burst: CipherBurst,
    pub(super) hash_burst: HashBurst,
}

impl Library {
    /// The functions; `None` if the library does not run on this CPU or fails its own test.
    pub(in crate::crypto) fn load() -> Option<Self> {
        let lanes = LaneSet::new()?;
        Self::of(&lanes)
    }

    pub(super) fn of(lanes: &LaneSet) -> Option<Self> {
        // SAFETY: the manager is initialised and lives as long as `lanes`; only function pointers
        // are copied out of it.
        let manager = unsafe { &*lanes.as_ptr() };
        Some(Self {
            expand_aes: [
                manager.keyexp_128?,
                manager.keyexp_192?,
                manager.keyexp_256?,
            ],
            expand_des: manager.des_key_sched?,
            hash_one_block: [
                manager.md5_one_block?,
                manager.sha1_one_block?,
                manager.sha256_one_block?,
                manager.sha384_one_block?,
                manager.sha512_one_block?,
            ],
            gcm: [
                GcmCalls {
                    expand: manager.gcm128_pre?,
                    seal: manager.gcm128_enc?,
                    open: manager.gcm128_dec?,
                },
                GcmCalls {
                    expand: manager.gcm192_pre?,
                    seal: manager.gcm192_enc?,
                    open: manager.gcm192_dec?,
                },
                GcmCalls {
                    expand: manager.gcm256_pre?,
                    seal: manager.gcm256_enc?,
                    open: manager.gcm256_dec?,
                },
            ],
            next_job: manager.get_next_job?,
            submit_job: manager.submit_job?,
            flush_job: manager.flush_job?,
            cipher_burst: manager.submit_cipher_burst_nocheck?,
            hash_burst: manager.submit_hash_burst_nocheck?,
        })
    }

    /// The compression of one block from the hash's initial state.
    pub(super) fn hash_one_block(&self, hash: Hash) -> HashOneBlock {
        let [md5, sha1, sha256, sha384, sha512] = self.hash_one_block;
        match hash {
            Hash::Md5 => md5,
            Hash::Sha1 => sha1,
            Hash::Sha256 => sha256,
            Hash::Sha384 => sha384,
            Hash::Sha512 => sha512,
        }
    }
}
