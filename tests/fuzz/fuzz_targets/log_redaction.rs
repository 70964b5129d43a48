#![no_main]

tavern_fuzz::fuzz_program!(log_redaction);
