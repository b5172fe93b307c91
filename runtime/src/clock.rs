//! The machine's clocks.

use std::ffi::CString;
use std::mem::MaybeUninit;

use ebtrace_image::Clock;
use rustix::time::{ClockId, DynamicClockId, Timespec, clock_gettime, clock_gettime_dynamic};

const SECOND: u64 = 1_000_000_000;
/// Most bytes that a format may become.
const ROOM: usize = 4096;

/// Whose time of day it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    /// That of the machine, or of `TZ`.
    Local,
    /// Greenwich's.
    Utc,
}

/// How far the time of day is ahead of what clocks of programs show, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clocks {
    boot: i128,
    tai: i128,
}

impl Clocks {
    /// As it is now.
    pub(crate) fn now() -> Self {
        let boot = i128::from(utc_offset());
        Self { boot, tai: boot - i128::from(tai_offset()) }
    }

    /// Nanoseconds since 1970, of what a clock showed.
    pub(crate) fn since_1970(&self, clock: Clock, ns: u64) -> i128 {
        i128::from(ns) + if clock == Clock::Tai { self.tai } else { self.boot }
    }
}

/// Nanoseconds since the machine was started, sleep included.
pub(crate) fn boot_time() -> u64 {
    nanoseconds(clock_gettime(ClockId::Boottime))
}

/// How many nanoseconds atomic time is ahead of the time since the start. Without such a clock it is the time of day,
/// which is what the clock shows too where nobody told the kernel how the two differ.
pub(crate) fn tai_offset() -> u64 {
    ahead(|| {
        clock_gettime_dynamic(DynamicClockId::Tai)
            .unwrap_or_else(|_| clock_gettime(ClockId::Realtime))
    })
}

/// How many nanoseconds the time of day, counted from 1970, is ahead of the time since the start.
pub(crate) fn utc_offset() -> u64 {
    ahead(|| clock_gettime(ClockId::Realtime))
}

/// By how much a clock is ahead of the time since the start.
fn ahead(clock: impl FnOnce() -> Timespec) -> u64 {
    let before = boot_time();
    let now = clock();
    let after = boot_time();
    nanoseconds(now).wrapping_sub(before + (after - before) / 2)
}

fn nanoseconds(time: Timespec) -> u64 {
    time.tv_sec.unsigned_abs() * SECOND + time.tv_nsec.unsigned_abs()
}

/// The local time as strftime(3) formats it; nothing where that is impossible.
pub(crate) fn now(format: &str) -> Vec<u8> {
    formatted(format, nanoseconds(clock_gettime(ClockId::Realtime)) / SECOND, Zone::Local)
}

/// So many seconds after 1970 as strftime(3) formats them; nothing where that is impossible.
pub(crate) fn formatted(format: &str, seconds: u64, zone: Zone) -> Vec<u8> {
    // A NUL would end the format anyway.
    let format = CString::new(format.split('\0').next().unwrap_or_default());
    let (Ok(format), Ok(seconds)) = (format, libc::time_t::try_from(seconds)) else {
        return Vec::new();
    };
    let broken_down = match zone {
        Zone::Local => libc::localtime_r,
        Zone::Utc => libc::gmtime_r,
    };
    let mut time = MaybeUninit::<libc::tm>::uninit();
    let mut text = vec![0u8; ROOM];
    // SAFETY: localtime_r and gmtime_r write one tm, which is read only when they have; strftime writes at most as many
    // bytes as the buffer has.
    let length = unsafe {
        if broken_down(&seconds, time.as_mut_ptr()).is_null() {
            return Vec::new();
        }
        libc::strftime(text.as_mut_ptr().cast(), text.len(), format.as_ptr(), time.as_ptr())
    };
    text.truncate(length);
    text
}

/// A time so many nanoseconds after 1970, as strftime(3) formats it; but `%f`, `%l` and `%k` are the micro-, milli- and
/// nanoseconds within its second.
pub(crate) fn shown(format: &str, ns: i128) -> Vec<u8> {
    let second = i128::from(SECOND);
    let within = ns.rem_euclid(second);
    match u64::try_from(ns.div_euclid(second)) {
        Ok(seconds) => formatted(&with_fraction(format, within), seconds, Zone::Local),
        Err(_) => b"(?)".to_vec(),
    }
}

fn with_fraction(format: &str, within: i128) -> String {
    let mut filled = String::with_capacity(format.len() + 16);
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        filled.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let letter = rest.chars().next();
        match letter {
            Some('f') => filled.push_str(&format!("{:06}", within / 1000)),
            Some('l') => filled.push_str(&format!("{:03}", within / 1_000_000)),
            Some('k') => filled.push_str(&format!("{within:09}")),
            Some(letter) => filled.extend(['%', letter]),
            None => filled.push('%'),
        }
        rest = &rest[letter.map_or(0, char::len_utf8)..];
    }
    filled + rest
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
        assert_eq!(formatted("%F %T", 86_399, Zone::Utc), b"1970-01-01 23:59:59");
        assert_eq!(formatted("%F", u64::MAX, Zone::Utc), b"");
    }

    #[test]
    fn times_have_fractions() {
        let shown = |format, ns| String::from_utf8(shown(format, ns)).unwrap();
        assert_eq!(shown("%s.%f %l %k", 5_001_002_003), "5.001002 001 001002003");
        assert_eq!(shown("%%f %", 5_001_002_003), "%f %");
        assert_eq!(shown("%s", -1), "(?)");
        assert_eq!(shown("\u{e9}%s\u{e9}", 0), "\u{e9}0\u{e9}");
    }

    #[test]
    fn clocks_agree_about_now() {
        let clocks = Clocks::now();
        let boot = clocks.since_1970(Clock::Boot, boot_time());
        let tai = clocks.since_1970(Clock::Tai, boot_time().wrapping_add(tai_offset()));
        let now = i128::from(nanoseconds(clock_gettime(ClockId::Realtime)));
        assert!((now - boot).abs() < 1_000_000_000 && (now - tai).abs() < 1_000_000_000);
    }
}
