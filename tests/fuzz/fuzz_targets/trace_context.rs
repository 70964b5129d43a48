//! The target `trace_context` as a program.
#![no_main]

tavern_fuzz::fuzz_program!(trace_context);
