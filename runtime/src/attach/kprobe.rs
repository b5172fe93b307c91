//! Kernel functions: many with one link, and those of one name.

use std::collections::{HashMap, HashSet};
use std::ffi::{CString, c_char, c_ulong};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use ebtrace_image::{Attach, Point};
use libbpf_rs::ProgramMut;
use libbpf_rs::libbpf_sys::{
    BPF_F_KPROBE_MULTI_RETURN, BPF_TRACE_KPROBE_MULTI, BPF_TRACE_KPROBE_SESSION, bpf_link_create,
    bpf_link_create_opts,
};

use super::{AttachReason, refusal, refused, source};
use crate::attach::Facility;
use crate::kernel::{Kallsyms, Tracefs};
use crate::perf::{Event, Function, Scope};

/// What functions of the kernel itself begin with where those of modules are not meant.
const KERNEL: &str = "vmlinux:";

/// An offset that no function has: the kernel looks the name up, and then refuses.
const NOWHERE: u64 = 1 << 40;

/// The call of the tracer stands nearer than this to a function's beginning.
const PROLOGUE: c_ulong = 16;

/// When a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// At entry.
    Entry,
    /// At return.
    Return,
    /// At both.
    Both,
}

/// As the kernel's other interfaces call a function.
pub(super) fn symbol(function: &str) -> &str {
    function.strip_prefix(KERNEL).unwrap_or(function)
}

/// One link to kernel functions; where some cannot be told from others by their names, and the kernel does not say where
/// they can be traced, one more for those.
///
/// What is to be known for that is read before anything is attached: once all functions are traced, reading takes long.
pub(super) fn many(
    program: &ProgramMut<'_>,
    points: &[Point],
    edge: Edge,
) -> Result<Vec<OwnedFd>, AttachReason> {
    let explain = |error| refused(error, refusal::kprobe);
    let mut named: HashMap<&str, Named> = HashMap::new();
    for (cookie, point) in points.iter().enumerate() {
        let Attach::Kprobe { function, .. } = &point.attach else { continue };
        let entry = named.entry(function).or_insert(Named { cookie: cookie as u64, count: 0 });
        entry.count += 1;
    }
    let is_shared = |function: &str, named: &Named| {
        named.count > 1 || (points.len() == 1 && is_ambiguous(function))
    };
    let (shared, plain): (Vec<_>, Vec<_>) =
        named.iter().partition(|(function, named)| is_shared(function, named));
    if shared.is_empty() {
        return by_name(program, &plain, edge).map(|link| vec![link]).map_err(explain);
    }
    let symbols = Kallsyms::read().map_err(explain)?;
    let traceable = traceable_addresses();
    if let Some(traceable) = &traceable {
        let places = traced(addresses(&symbols, &named), traceable);
        // A kernel may show where some functions are, and not others.
        let all: HashSet<u64> = places.iter().map(|place| place.1).collect();
        let all = all.len() == named.len();
        if let Some(link) = all.then(|| by_address(program, &places, edge).ok()).flatten() {
            return Ok(vec![link]);
        }
    }
    let shared = shared.into_iter().map(|(function, named)| (*function, *named)).collect();
    let mut places = addresses(&symbols, &shared);
    if let Some(traceable) = &traceable {
        places = traced(places, traceable);
    }
    let few = by_addresses(program, &places, edge).map_err(explain)?;
    let mut links = Vec::new();
    if !plain.is_empty() {
        links.push(by_name(program, &plain, edge).map_err(explain)?);
    }
    // What is first is let go of first, and the more is traced, the longer the rest takes.
    links.extend(few);
    Ok(links)
}

/// Functions of one name.
#[derive(Debug, Clone, Copy)]
struct Named {
    /// What the program is told.
    cookie: u64,
    /// How many of them there are.
    count: usize,
}

/// The address of a function, and what the program is told there.
type Place = (c_ulong, u64);

fn by_name(program: &ProgramMut<'_>, named: &[(&&str, &Named)], edge: Edge) -> io::Result<OwnedFd> {
    let names: Result<Vec<CString>, _> =
        named.iter().map(|(function, _)| CString::new(symbol(function))).collect();
    let names = names?;
    let mut symbols: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let cookies: Vec<u64> = named.iter().map(|(_, named)| named.cookie).collect();
    link(program, edge, Where::Names(&mut symbols), &cookies)
}

fn by_address(program: &ProgramMut<'_>, places: &[Place], edge: Edge) -> io::Result<OwnedFd> {
    let (addresses, cookies): (Vec<c_ulong>, Vec<u64>) = places.iter().copied().unzip();
    link(program, edge, Where::Addresses(&addresses), &cookies)
}

/// One link to all places, or one each where the kernel refuses some of them and does not say which.
fn by_addresses(
    program: &ProgramMut<'_>,
    places: &[Place],
    edge: Edge,
) -> io::Result<Vec<OwnedFd>> {
    if let Ok(link) = by_address(program, places, edge) {
        return Ok(vec![link]);
    }
    let mut links = Vec::new();
    let mut trouble = io::Error::from_raw_os_error(libc::ENOENT);
    for place in places {
        match by_address(program, &[*place], edge) {
            Ok(link) => links.push(link),
            Err(error) => trouble = error,
        }
    }
    if links.is_empty() { Err(trouble) } else { Ok(links) }
}

/// Where functions are, each place once.
fn addresses(symbols: &Kallsyms, named: &HashMap<&str, Named>) -> Vec<Place> {
    let known: HashMap<&[u8], (bool, u64)> = named
        .iter()
        .map(|(function, named)| {
            (symbol(function).as_bytes(), (function.starts_with(KERNEL), named.cookie))
        })
        .collect();
    let mut places = symbols.places(|name, module| {
        let (only_kernel, cookie) = known.get(name)?;
        (!only_kernel || module == b"vmlinux").then_some(*cookie)
    });
    places.sort_unstable();
    places.dedup_by_key(|(address, _)| *address);
    places.into_iter().map(|(address, cookie)| (address as c_ulong, cookie)).collect()
}

/// Of these places those that can be traced.
fn traced(mut places: Vec<Place>, traceable: &[c_ulong]) -> Vec<Place> {
    places.retain(|(address, _)| {
        let next = traceable.partition_point(|known| known < address);
        traceable.get(next).is_some_and(|known| known - address < PROLOGUE)
    });
    places
}

/// Where functions can be traced, in order; `None` where the kernel does not say (before Linux 6.5).
fn traceable_addresses() -> Option<Vec<c_ulong>> {
    let text = Tracefs::open().ok()?.traceable_addresses().ok()?;
    let addresses = text.lines().filter_map(|line| {
        let (address, _) = line.split_once(' ')?;
        c_ulong::from_str_radix(address, 16).ok()
    });
    let mut addresses: Vec<c_ulong> = addresses.collect();
    addresses.sort_unstable();
    Some(addresses).filter(|addresses| !addresses.is_empty())
}

enum Where<'a> {
    Names(&'a mut [*const c_char]),
    Addresses(&'a [c_ulong]),
}

fn link(
    program: &ProgramMut<'_>,
    edge: Edge,
    places: Where<'_>,
    cookies: &[u64],
) -> io::Result<OwnedFd> {
    let mut options = bpf_link_create_opts {
        sz: size_of::<bpf_link_create_opts>() as _,
        ..bpf_link_create_opts::default()
    };
    let mut functions = libbpf_rs::libbpf_sys::bpf_link_create_opts__bindgen_ty_1__bindgen_ty_2 {
        flags: if edge == Edge::Return { BPF_F_KPROBE_MULTI_RETURN } else { 0 },
        cnt: cookies.len() as u32,
        cookies: cookies.as_ptr(),
        ..Default::default()
    };
    match places {
        Where::Names(names) => functions.syms = names.as_mut_ptr(),
        Where::Addresses(addresses) => functions.addrs = addresses.as_ptr(),
    }
    options.__bindgen_anon_1.kprobe_multi = functions;
    let kind = match edge {
        Edge::Both => BPF_TRACE_KPROBE_SESSION,
        Edge::Entry | Edge::Return => BPF_TRACE_KPROBE_MULTI,
    };
    // SAFETY: the options are as large as they say, and what they point to outlives the call and has so many elements.
    let fd = unsafe { bpf_link_create(program.as_fd().as_raw_fd(), 0, kind, &raw const options) };
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(-fd));
    }
    // SAFETY: the kernel has just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether the kernel says that several functions have this name; asking costs next to nothing.
fn is_ambiguous(function: &str) -> bool {
    one(function, NOWHERE, false).is_err_and(|reason| is_one_of_many(&reason))
}

/// The functions that are there more than once.
pub(super) fn repeated(points: &[Point]) -> HashMap<&str, bool> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for point in points {
        if let Attach::Kprobe { function, .. } = &point.attach
            && !function.is_empty()
        {
            *counts.entry(function).or_default() += 1;
        }
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| (name, true)).collect()
}

/// Whether a point is one of several with its name, and then whether it is the first of them.
pub(super) fn shared(attach: &Attach, names: &mut HashMap<&str, bool>) -> Option<bool> {
    let Attach::Kprobe { function, .. } = attach else { return None };
    names.get_mut(function.as_str()).map(|first| std::mem::replace(first, false))
}

/// The event of a function, or of an instruction in it.
pub(super) fn one(function: &str, offset: u64, ret: bool) -> Result<Event, AttachReason> {
    let source = source(Facility::Kprobes, "kprobe", ret)?;
    let name = CString::new(symbol(function)).map_err(|_| AttachReason::Name)?;
    let event = Event::function(Function { source, name: &name, offset }, Scope::Cpu(0));
    event.map_err(|error| refused(error, refusal::kprobe))
}

/// The events of all functions of one name; at least one.
pub(super) fn all(function: &str, offset: u64, ret: bool) -> Result<Vec<Event>, AttachReason> {
    let symbols = Kallsyms::read().map_err(|error| refused(error, refusal::kprobe))?;
    let mut events = Vec::new();
    let unseen = io::Error::from_raw_os_error(libc::EADDRNOTAVAIL);
    let mut trouble = refused(unseen, refusal::kprobe);
    for address in symbols.addresses(function) {
        match one("", address.wrapping_add(offset), ret) {
            Ok(event) => events.push(event),
            Err(error) => trouble = error,
        }
    }
    if events.is_empty() { Err(trouble) } else { Ok(events) }
}

/// Whether a function of this name could not be told from others.
pub(super) fn is_one_of_many(reason: &AttachReason) -> bool {
    matches!(reason, AttachReason::Refused { error, .. }
        if error.raw_os_error() == Some(libc::EADDRNOTAVAIL))
}
