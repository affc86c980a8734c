//! libFuzzer over requests of the control socket.
#![no_main]

use tests::fuzz::control::TARGET;

libfuzzer_sys::fuzz_target!(init: TARGET.plant(), |input: &[u8]| TARGET.take(input));
