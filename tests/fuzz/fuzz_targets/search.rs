#![no_main]

tavern_fuzz::fuzz_program!(search);
