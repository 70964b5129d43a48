//! The target `envelope_json` as a program.
#![no_main]

tavern_fuzz::fuzz_program!(envelope_json);
