//! Fuzz target `filter`: see `drive::filter`.
#![no_main]

#[path = "../../tests/corpus/drive.rs"]
mod drive;

libfuzzer_sys::fuzz_target!(|input: &[u8]| drive::filter(input));
