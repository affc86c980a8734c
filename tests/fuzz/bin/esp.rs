//! libFuzzer over ESP packets.
#![no_main]

use tests::fuzz::esp::TARGET;

libfuzzer_sys::fuzz_target!(init: TARGET.plant(), |input: &[u8]| TARGET.take(input));
