//! The object into the kernel.

mod line_info;
mod link;
mod printing;
mod verifier;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;

use ebtrace_image::{GLOBALS, Globals, Image, Map, RING_BUFFER};
use libbpf_rs::{
    MapCore, MapHandle, Object, ObjectBuilder, OpenObject, PrintLevel, ProgramAttachType, set_print,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Options;
use crate::attach;
use crate::map::{Handles, io_error};
use crate::unwind;
use line_info::Lines;
pub use link::link;

/// At this level the verifier says what it knows before each instruction.
const WHOLE_LOG: u32 = 2;

/// A place in a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the script, as the object's line information has it.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1; 0 when it is not known.
    pub column: u32,
}

/// A program that the kernel's verifier refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Name of the program in the object.
    pub program: String,
    /// The probe as the user knows it.
    pub probe: String,
    /// The statement that was refused, if the object's line information tells.
    pub place: Option<Place>,
    /// What the verifier said last.
    pub reason: String,
    /// All that it said.
    pub log: String,
}

/// An object that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The verifier refused a program.
    #[error("the kernel refused the program of {}: {}", .0.probe, .0.reason)]
    Rejected(Box<Rejection>),
    /// This process may not load programs.
    #[error(
        "this process may not load BPF programs; run as root, or with CAP_BPF and CAP_PERFMON ({error})"
    )]
    NotPermitted {
        /// What the kernel said.
        error: io::Error,
    },
    /// A map or a program could not be made.
    #[error("the kernel did not take the program: {reason} ({error})")]
    Refused {
        /// What libbpf said about it.
        reason: String,
        /// What the kernel said.
        error: io::Error,
    },
    /// libbpf does not understand the object: compiler and runtime disagree.
    #[error("the object cannot be read: {0}; this is a bug of ebtrace")]
    Object(String),
    /// A part of the object is missing: compiler and runtime disagree.
    #[error("the object has no {0}; this is a bug of ebtrace")]
    Missing(String),
    /// The objects do not fit together.
    #[error("the script and the functions in C that it imports do not fit together: {0}")]
    Unlinked(String),
    /// The number of CPUs is not known.
    #[error("the list of CPUs cannot be read: {0}")]
    Cpus(#[source] io::Error),
}

/// Loads maps and programs of `image`. Returns the object and what libbpf said meanwhile (all of it if `verbose`).
pub(crate) fn load(
    image: &Image,
    globals: Globals,
    options: &Options,
) -> (Result<Object, LoadError>, Vec<String>) {
    raise_open_files();
    listening(options.verbose || options.verifier_log, || {
        let mut open = ObjectBuilder::default()
            .name("ebtrace")
            .and_then(|builder| builder.open_memory(&image.object))
            .map_err(|error| LoadError::Object(format!("{error:#}")))?;
        if let Some(part) = &options.part {
            open.maps_mut().try_for_each(|mut map| part.take_place(&mut map))?;
        }
        let _patterns = prepare(&mut open, image, globals, options)?;
        if options.verifier_log {
            open.progs_mut().for_each(|mut program| program.set_log_level(WHOLE_LOG));
        }
        let _programs = attach::tracing::set_targets(&mut open, image)?;
        let object = open.load().map_err(|error| explain(image, io_error(error)))?;
        printing::await_switched_on(&object);
        Ok(object)
    })
}

/// What there is to show of libbpf's messages: all but what the verifier said, and what it said.
pub(crate) fn shown(
    image: &Image,
    messages: &[String],
    loader: bool,
    verifier: bool,
) -> Vec<String> {
    let shown = messages.iter().filter_map(|message| match verifier::program_log(message) {
        None => loader.then(|| message.clone()),
        Some((program, log)) => verifier.then(|| {
            let label = label_of(image, program);
            format!("The verifier's log of `{label}`:\n{}\n\n", log.trim_end())
        }),
    });
    shown.collect()
}

/// The probe of a program as the user knows it.
fn label_of<'a>(image: &'a Image, program: &'a str) -> &'a str {
    let probe = image.probes.iter().find(|probe| probe.program == program);
    probe.map_or(program, |probe| &probe.label)
}

/// A handle of its own to map `name` of the object.
///
/// # Errors
/// When there is none.
pub(crate) fn map(object: &Object, name: &str) -> Result<MapHandle, LoadError> {
    let map = object.maps().find(|map| map.name() == OsStr::new(name));
    let map = map.ok_or_else(|| LoadError::Missing(format!("map `{name}`")))?;
    MapHandle::try_from(&map)
        .map_err(|error| LoadError::Refused { reason: name.to_owned(), error: io_error(error) })
}

/// Handles of their own to all that a map of the script is made of.
///
/// # Errors
/// When one is missing.
pub(crate) fn handles(object: &Object, info: &Map) -> Result<Handles, LoadError> {
    let names = info.names.as_ref().map(|names| map(object, names)).transpose()?;
    Ok(Handles { handle: map(object, &info.symbol)?, names })
}

/// Every probe takes at least one descriptor.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // Without it a large script fails later, with a message of its own.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

fn prepare(
    open: &mut OpenObject,
    image: &Image,
    globals: Globals,
    options: &Options,
) -> Result<Vec<MapHandle>, LoadError> {
    let mut patterns = Vec::new();
    for mut map in open.maps_mut() {
        if let Some(pattern) = map.name().to_str().and_then(unwind::pattern) {
            let pattern = pattern.map_err(|error| explain(image, error))?;
            map.set_inner_map_fd(pattern.as_fd())
                .map_err(|error| LoadError::Object(format!("{error:#}")))?;
            patterns.push(pattern);
        }
        if map.name() == OsStr::new(RING_BUFFER) {
            let size = image.settings.ring_buffer_bytes.max(4096).next_power_of_two();
            map.set_max_entries(size).map_err(|error| LoadError::Object(format!("{error:#}")))?;
        } else if map.name() == OsStr::new(GLOBALS) {
            let Globals { start_ns, child_pid, tai_offset_ns, utc_offset_ns } = globals;
            let mut bytes =
                [start_ns, child_pid, tai_offset_ns, utc_offset_ns].map(u64::to_ne_bytes).concat();
            bytes.extend_from_slice(&options.arguments);
            let place = map.initial_value_mut().and_then(|value| value.get_mut(..bytes.len()));
            place
                .ok_or_else(|| LoadError::Missing(format!("data in `{GLOBALS}`")))?
                .copy_from_slice(&bytes);
        }
    }
    // Everything is attached by hand, in an order that libbpf does not know. Programs of imported objects are not run.
    let wanted = image
        .probes
        .iter()
        .filter(|probe| probe.points.iter().all(|point| options.mode.runs(&point.attach)));
    let own: HashSet<&str> = wanted.map(|probe| probe.program.as_str()).collect();
    for mut program in open.progs_mut() {
        program.set_autoattach(false);
        if !program.name().to_str().is_some_and(|name| own.contains(name)) {
            program.set_autoload(false);
        }
    }
    let multi = image.probes.iter().filter_map(|probe| {
        Some((OsStr::new(&probe.program), attach::multi::of(probe)?.attach_type()))
    });
    let mut multi: HashMap<&OsStr, ProgramAttachType> = multi.collect();
    for mut program in open.progs_mut() {
        if let Some(attach_type) = multi.remove(program.name()) {
            program.set_attach_type(attach_type);
        }
    }
    Ok(patterns)
}

thread_local! {
    /// libbpf hands its messages to a plain function, so they have to be put where that finds them.
    static MESSAGES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Runs `work` and collects what libbpf says: warnings, or all if `verbose`. Afterwards libbpf is silent.
fn listening<T>(verbose: bool, work: impl FnOnce() -> T) -> (T, Vec<String>) {
    let keep = |_, message: String| MESSAGES.with_borrow_mut(|messages| messages.push(message));
    MESSAGES.take();
    set_print(Some((if verbose { PrintLevel::Debug } else { PrintLevel::Warn }, keep)));
    let result = work();
    set_print(None);
    (result, MESSAGES.take())
}

/// Why loading failed, from what libbpf said.
fn explain(image: &Image, error: io::Error) -> LoadError {
    let messages = MESSAGES.with_borrow(Clone::clone);
    // The last: what was taken before has logs too where they are asked for.
    let mut last = messages.iter().rev();
    if let Some((program, log)) = last.find_map(|message| verifier::program_log(message)) {
        return LoadError::Rejected(Box::new(rejection(image, program, log, &error)));
    }
    if matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES)) {
        return LoadError::NotPermitted { error };
    }
    let reason =
        messages.iter().map(|message| message.trim_start_matches("libbpf: ").trim()).next();
    LoadError::Refused { reason: reason.unwrap_or("no reason given").to_owned(), error }
}

fn rejection(image: &Image, program: &str, log: &str, error: &io::Error) -> Rejection {
    let finding = verifier::read(log, error);
    let lines = Lines::of(&image.object);
    let place =
        finding.instruction.and_then(|index| lines.and_then(|lines| lines.place(program, index)));
    Rejection {
        program: program.to_owned(),
        probe: label_of(image, program).to_owned(),
        place: place.or(finding.place),
        reason: finding.reason,
        log: log.to_owned(),
    }
}
