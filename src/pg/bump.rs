//! Memory for the many small values of a statement or row: a pointer that moves through chunks of the current memory
//! context. It is freed with that context, never piece by piece.

use super::ffi;

pub(super) struct Bump {
    next: *mut u8,
    left: usize,
    chunk: usize,
}

/// What every Postgres type is content with.
const ALIGN: usize = 8;

impl Bump {
    /// Takes memory in chunks of this size.
    pub(super) const fn new(chunk: usize) -> Self {
        Self { next: std::ptr::null_mut(), left: 0, chunk }
    }

    /// Gives every value a piece of its own, for values that others may free.
    pub(super) const fn pieces() -> Self {
        Self::new(0)
    }

    /// `size` bytes, aligned for anything. May report an error: only inside a `pg_try`.
    #[inline]
    pub(super) unsafe fn take(&mut self, size: usize) -> *mut u8 {
        let size = size.next_multiple_of(ALIGN);
        if size > self.left {
            return unsafe { self.refill(size) };
        }
        let place = self.next;
        self.next = unsafe { place.add(size) };
        self.left -= size;
        place
    }

    #[cold]
    unsafe fn refill(&mut self, size: usize) -> *mut u8 {
        unsafe {
            if size * 2 > self.chunk {
                return ffi::palloc(size).cast();
            }
            self.next = ffi::palloc(self.chunk).cast::<u8>().add(size);
            self.left = self.chunk - size;
            self.next.sub(size)
        }
    }
}
