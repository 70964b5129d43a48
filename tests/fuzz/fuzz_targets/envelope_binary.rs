//! The target `envelope_binary` as a program.
#![no_main]

tavern_fuzz::fuzz_program!(envelope_binary);
