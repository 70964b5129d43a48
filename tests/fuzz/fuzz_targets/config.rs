//! The target `config` as a program.
#![no_main]

tavern_fuzz::fuzz_program!(config);
