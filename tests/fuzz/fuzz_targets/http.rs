//! The target `http` as a program.
#![no_main]

tavern_fuzz::fuzz_program!(http);
