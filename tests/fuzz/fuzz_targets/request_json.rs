//! The target `request_json` as a program.
#![no_main]

tavern_fuzz::fuzz_program!(request_json);
