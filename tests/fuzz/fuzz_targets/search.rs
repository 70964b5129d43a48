//! The target `search` as a program.
#![no_main]

tavern_fuzz::fuzz_program!(search);
