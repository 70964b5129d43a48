//! The target `request_binary` as a program.
#![no_main]

tavern_fuzz::fuzz_program!(request_binary);
