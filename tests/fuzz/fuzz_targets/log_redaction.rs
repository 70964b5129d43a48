//! The target `log_redaction` as a program.
#![no_main]

tavern_fuzz::fuzz_program!(log_redaction);
