//! libFuzzer over configuration texts.
#![no_main]

use tests::fuzz::config_text::TARGET;

libfuzzer_sys::fuzz_target!(init: TARGET.plant(), |input: &[u8]| TARGET.take(input));
