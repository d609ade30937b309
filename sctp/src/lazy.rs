//! Room that is taken when it is first written to.

use std::ops::{Deref, DerefMut};

/// What there is before anything has happened.
pub(crate) trait Blank: Sized + 'static {
    fn blank() -> &'static Self;
    fn new() -> Self;
}

/// Reads as blank, and takes room from the first `&mut` on until [`Lazy::rest`].
#[derive(Debug)]
pub(crate) struct Lazy<T>(Option<Box<T>>);

impl<T> Default for Lazy<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Lazy<T> {
    /// Gives the room back; what was in it is forgotten.
    pub(crate) fn rest(&mut self) {
        self.0 = None;
    }
}

impl<T: Blank> Deref for Lazy<T> {
    type Target = T;
    fn deref(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => T::blank(),
        }
    }
}

impl<T: Blank> DerefMut for Lazy<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_with(|| Box::new(T::new()))
    }
}

/// Makes a type lazy: it begins as this constant.
macro_rules! blank {
    ($type:ty, $empty:expr) => {
        impl $crate::lazy::Blank for $type {
            fn blank() -> &'static Self {
                static BLANK: $type = $empty;
                &BLANK
            }
            fn new() -> Self {
                $empty
            }
        }
    };
}
pub(crate) use blank;
