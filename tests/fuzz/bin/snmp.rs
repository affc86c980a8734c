//! libFuzzer over datagrams to the port of SNMP.
#![no_main]

use tests::fuzz::snmp::TARGET;

libfuzzer_sys::fuzz_target!(init: TARGET.plant(), |input: &[u8]| TARGET.take(input));
