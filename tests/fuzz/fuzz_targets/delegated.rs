//! The target `delegated` as a program.
#![no_main]

tavern_fuzz::fuzz_program!(delegated);
