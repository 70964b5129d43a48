//! The target `forwarded` as a program.
#![no_main]

tavern_fuzz::fuzz_program!(forwarded);
