//! What only the CPU can do: read the TSC, prefetch.
#![expect(unsafe_code, reason = "CPU instructions without a safe wrapper")]
#![expect(clippy::inline_always, reason = "each is one instruction")]

/// Reads the time stamp counter.
#[inline(always)]
pub fn tsc() -> u64 {
    // SAFETY: RDTSC has no preconditions; every x86-64 CPU has it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Asks for the cache line of `value` for reading soon.
#[inline(always)]
pub fn prefetch<T>(value: &T) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch never faults, and the reference is valid.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(value).cast()) }
}
