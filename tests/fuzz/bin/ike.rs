//! libFuzzer over IKE conversations.
#![no_main]

use tests::fuzz::ike::TARGET;

libfuzzer_sys::fuzz_target!(init: TARGET.plant(), |input: &[u8]| TARGET.take(input));
