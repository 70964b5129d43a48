//! The target `addresses` as a program.
#![no_main]

tavern_fuzz::fuzz_program!(addresses);
