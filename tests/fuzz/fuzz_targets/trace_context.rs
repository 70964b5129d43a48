#![no_main]

tavern_fuzz::fuzz_program!(trace_context);
