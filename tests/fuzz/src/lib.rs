//! Fuzz targets for every decoder and parser that reads what strangers send.
//!
//! # Purpose
//! One function per target in [`targets`], from bytes to a panic when something is wrong, and
//! [`fuzz_program`], which makes a program of each for the fuzzing engine. The programs in
//! `fuzz_targets/` are one line each.
//!
//! # Invariants
//! - A target is deterministic: the same bytes take the same way, in the engine and in the test
//!   that replays the seeds (`tests/tests/fuzz_seeds.rs`).
//! - Besides not panicking, a target says what must hold of what was read: that it can be written
//!   and read again, that a refusal stays one, that no secret comes out.
//! - No input makes the server ask for memory out of proportion, see [`memory`].
//!
//! # Must not know
//! The insides of the crates: targets use what other crates use.
//!
//! # Entry points
//! [`targets::TARGETS`], [`fuzz_program`], `cargo xtask fuzz`.

pub mod memory;
pub mod targets;

#[cfg(feature = "libfuzzer")]
#[doc(hidden)]
pub use libfuzzer_sys;

/// Makes a program of a target, for the engine.
#[cfg(feature = "libfuzzer")]
#[macro_export]
macro_rules! fuzz_program {
    ($target:ident) => {
        #[global_allocator]
        static COUNTED: $crate::memory::Counted = $crate::memory::Counted;

        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| {
            $crate::memory::within_bounds(data, $crate::targets::$target);
        });
    };
}
