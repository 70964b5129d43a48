//! The target `rest` as a program.
#![no_main]

tavern_fuzz::fuzz_program!(rest);
