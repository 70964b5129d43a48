//! The target `json_text` as a program.
#![no_main]

tavern_fuzz::fuzz_program!(json_text);
