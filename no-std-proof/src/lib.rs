//! Links `sdp`, `srtp` and the codecs of `stun` and `rtp` without the standard library.
//!
//! The functions are exported, so that the code behind them is compiled and not just named.

#![no_std]

extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};

/// Refuses every allocation: the proof is that this links, not that it runs.
struct Refusing;

// SAFETY: returning null is always a legal answer to an allocation, and nothing was handed out to be freed.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Refusing = Refusing;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Octets handed over by a caller in another language.
///
/// # Safety
/// `data` points to `len` readable octets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nomagic_is_stun(data: *const u8, len: usize) -> bool {
    // SAFETY: as promised above.
    let bytes = unsafe { core::slice::from_raw_parts(data, len) };
    nomagic_stun::Message::parse(bytes).is_ok()
}
