//! How much memory an input may cost.
//!
//! A decoder that turns two bytes into a structure of two hundred is fine; one that reserves what a
//! length field promises is not. So the programs count what they allocate and panic when an input
//! holds more than its share at any moment.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What any input may cost, in bytes: stacks of buffers, tables built on first use.
const BASE: usize = 8 << 20;
/// What each byte of input may cost on top. The largest messages of the protocol have about 300
/// bytes, begin with two on the wire, and lie in lists that grow by doubling.
const PER_BYTE: usize = 1024;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counted.
#[derive(Debug)]
pub struct Counted;

fn taken(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Relaxed).wrapping_add(bytes);
    PEAK.fetch_max(live, Relaxed);
}

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait; this one only counts")]
// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both exist for a moment, as far as anybody can know.
        taken(size);
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Runs a target on an input, within its share of memory.
///
/// # Panics
/// When the target does, or when it held more memory than its input may cost.
pub fn within_bounds(data: &[u8], target: fn(&[u8])) {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    target(data);
    let held = PEAK.load(Relaxed).saturating_sub(before);
    let share = BASE + PER_BYTE * data.len();
    assert!(held <= share, "{} bytes of input held {held} bytes of memory", data.len());
}
