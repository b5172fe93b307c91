//! `time`: the wall clock.

use std::ffi::CString;
use std::mem::MaybeUninit;

/// Most bytes that a format may become.
const ROOM: usize = 4096;

/// The local time as strftime(3) formats it; nothing where that is impossible.
pub(super) fn now(format: &str) -> Vec<u8> {
    // A NUL would end the format anyway.
    let Ok(format) = CString::new(format.split('\0').next().unwrap_or_default()) else {
        return Vec::new();
    };
    let mut local = MaybeUninit::<libc::tm>::uninit();
    let mut text = vec![0u8; ROOM];
    // SAFETY: `time` takes a null pointer; localtime_r writes one tm, which is read only when it has; strftime writes
    // at most as many bytes as the buffer has.
    let length = unsafe {
        let seconds = libc::time(std::ptr::null_mut());
        if libc::localtime_r(&seconds, local.as_mut_ptr()).is_null() {
            return Vec::new();
        }
        libc::strftime(text.as_mut_ptr().cast(), text.len(), format.as_ptr(), local.as_ptr())
    };
    text.truncate(length);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_has_the_form_asked_for() {
        let now = String::from_utf8(now("%H:%M:%S\n")).unwrap();
        assert_eq!(now.len(), 9);
        assert_eq!(now.matches(':').count(), 2);
        assert_eq!(super::now("fixed"), b"fixed");
        assert_eq!(super::now(""), b"");
    }
}
