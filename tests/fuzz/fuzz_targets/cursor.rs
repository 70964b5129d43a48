//! The target `cursor` as a program.
#![no_main]

tavern_fuzz::fuzz_program!(cursor);
