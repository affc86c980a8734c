//! libFuzzer over frames.
#![no_main]

use tests::fuzz::frame::TARGET;

libfuzzer_sys::fuzz_target!(init: TARGET.plant(), |input: &[u8]| TARGET.take(input));
