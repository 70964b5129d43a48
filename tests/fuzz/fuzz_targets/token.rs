//! The target `token` as a program.
#![no_main]

tavern_fuzz::fuzz_program!(token);
