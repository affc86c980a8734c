//! What only the CPU can do: read the TSC, prefetch, translate addresses by large pages.
#![expect(unsafe_code, reason = "CPU instructions without a safe wrapper")]
#![expect(clippy::inline_always, reason = "each is one instruction")]

/// Bytes of the pages that the system deals in.
const PAGE_BYTES: usize = 4096;

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

/// Asks for every cache line of `value`.
#[inline(always)]
pub fn prefetch_all<T>(value: &T) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    let first = core::ptr::from_ref(value).cast::<i8>();
    for offset in (0..size_of::<T>()).step_by(64) {
        // SAFETY: a prefetch never faults, and the address lies within the value.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(first.wrapping_add(offset)) };
    }
}

/// `len` times `value`, in 2 MB pages where the kernel has some to give (`transparent_hugepage`
/// `madvise` or `always`). A random access to a large table of small pages misses the TLB too, and
/// its page walk costs as much as the line itself. For tables that are made at start.
pub fn in_huge_pages<T: Copy>(value: T, len: usize) -> Box<[T]> {
    let mut memory = Vec::with_capacity(len);
    advise_huge(memory.spare_capacity_mut());
    memory.resize(len, value);
    memory.into_boxed_slice()
}

/// Tells the kernel about memory that has not been touched yet. Only advice: without large pages
/// everything works as before.
fn advise_huge<T>(memory: &mut [core::mem::MaybeUninit<T>]) {
    let bytes = size_of_val(memory);
    let start = memory.as_mut_ptr().cast::<u8>();
    let skipped = start.align_offset(PAGE_BYTES);
    let len = bytes.saturating_sub(skipped) / PAGE_BYTES * PAGE_BYTES;
    if len > 0 {
        // SAFETY: the range is whole pages inside of memory that is borrowed exclusively, and this
        // advice changes neither what the pages hold nor whether they can be accessed.
        unsafe { libc::madvise(start.wrapping_add(skipped).cast(), len, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kilobytes of this process in large pages.
    fn huge_kb() -> u64 {
        let text = std::fs::read_to_string("/proc/self/smaps_rollup").expect("a report of memory");
        let line = text.lines().find(|line| line.starts_with("AnonHugePages:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.and_then(|kb| kb.parse().ok()).expect("a number")
    }

    #[test]
    fn a_table_has_its_values_wherever_it_lies() {
        for len in [0, 1, 511, 512, 513, 100_000] {
            let table = in_huge_pages(len as u64, len);
            assert_eq!(table.len(), len);
            assert!(table.iter().all(|value| *value == len as u64));
        }
    }

    #[test]
    fn a_large_table_lies_in_large_pages_where_there_are_any() {
        let policy = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
        let before = huge_kb();
        let table = in_huge_pages(7_u64, 4 << 20);
        let gained = huge_kb().saturating_sub(before);
        assert_eq!(table[4321], 7);
        if policy.is_ok_and(|policy| !policy.contains("[never]")) {
            assert!(gained >= 8 << 10, "{gained} kB of 32 MB");
        }
    }
}
