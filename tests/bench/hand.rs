//! Programs written in C by hand, in this process.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use anyhow::{Context as _, Result, ensure};
use libbpf_rs::{
    Link, MapCore as _, MapFlags, Object, ObjectBuilder, PrintLevel, RingBuffer, RingBufferBuilder,
};

use crate::Bench;

/// What events are printed through.
const RING: &str = "ring";
/// How many found it full, of each CPU.
const LOST: &str = "lost";

/// An object that is attached.
pub(crate) struct Hand {
    // Links go before the object.
    _links: Vec<Link>,
    ring: Option<RingBuffer<'static>>,
    object: Object,
    lines: Rc<Cell<u64>>,
}

/// What an event of the ring holds, as `programs/printf.bpf.c` has it.
const COMM: std::ops::Range<usize> = 8..24;
const PID: std::ops::Range<usize> = 24..28;

/// The designs of a program that there are, compiled.
pub(crate) fn designs(bench: &Bench, name: &str) -> Result<Vec<PathBuf>> {
    let mut designs = Vec::new();
    for entry in fs::read_dir(Bench::source("programs"))? {
        let source = entry?.path();
        let file = source.file_name().unwrap_or_default().to_string_lossy();
        let Some(stem) = file.strip_suffix(".bpf.c") else { continue };
        if stem.split('-').next() == Some(name) {
            designs.push(compile(bench, &source, stem)?);
        }
    }
    designs.sort();
    ensure!(!designs.is_empty(), "there is no program {name}.bpf.c");
    Ok(designs)
}

fn compile(bench: &Bench, source: &Path, stem: &str) -> Result<PathBuf> {
    let object = bench.file(&format!("{stem}.bpf.o"));
    let clang = std::env::var_os("CLANG").unwrap_or_else(|| "clang".into());
    // Where Debian has the headers that are not the same on all machines.
    let headers = format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH);
    let status = Command::new(&clang)
        .args(["-O2", "-g", "-Wall", "-target", "bpf", "-mcpu=v3", "-idirafter", &headers, "-c"])
        .arg(source)
        .arg("-o")
        .arg(&object)
        .status()
        .with_context(|| format!("{} cannot be run", clang.display()))?;
    ensure!(status.success(), "{} cannot be compiled", source.display());
    Ok(object)
}

impl Hand {
    /// Loads an object and attaches its programs: where their sections say, or all to one tracepoint of system calls.
    pub(crate) fn attach(
        path: &Path,
        wanted_pid: Option<u32>,
        at: Option<&str>,
        out: Option<File>,
    ) -> Result<Self> {
        libbpf_rs::set_print(Some((PrintLevel::Warn, |_, text| eprint!("{text}"))));
        let mut open = ObjectBuilder::default().open_file(path)?;
        if let Some(pid) = wanted_pid {
            let mut constants =
                open.maps_mut().filter(|map| map.name().to_string_lossy().ends_with(".rodata"));
            let mut map = constants.next().context("the program has no constants")?;
            let value = map.initial_value_mut().context("its constants cannot be set")?;
            value[..4].copy_from_slice(&pid.to_ne_bytes());
        }
        let object = open.load()?;
        let links: libbpf_rs::Result<Vec<Link>> = object
            .progs_mut()
            .map(|program| match at {
                Some(name) => {
                    program.attach_tracepoint(libbpf_rs::TracepointCategory::Syscalls, name)
                }
                None => program.attach(),
            })
            .collect();
        let links = links?;
        let lines = Rc::new(Cell::new(0));
        let ring = ring(&object, out, &lines)?;
        Ok(Self { _links: links, ring, object, lines })
    }

    /// Writes what has come; how many lines there are by now.
    pub(crate) fn drain(&self) -> u64 {
        if let Some(ring) = &self.ring {
            // Its callback never fails.
            let _ = ring.consume();
        }
        self.lines.get()
    }

    /// How many events found no room.
    pub(crate) fn lost(&self) -> u64 {
        let map = self.object.maps().find(|map| map.name() == OsStr::new(LOST));
        let values = map.and_then(|map| map.lookup_percpu(&[0; 4], MapFlags::ANY).ok().flatten());
        let number = |bytes: Vec<u8>| bytes.try_into().map_or(0, u64::from_ne_bytes);
        values.unwrap_or_default().into_iter().map(number).sum()
    }
}

/// The ring buffer, if there is one, whose events become lines.
fn ring(
    object: &Object,
    out: Option<File>,
    lines: &Rc<Cell<u64>>,
) -> Result<Option<RingBuffer<'static>>> {
    let Some(map) = object.maps().find(|map| map.name() == OsStr::new(RING)) else {
        return Ok(None);
    };
    let out = match out {
        Some(out) => out,
        None => File::create("/dev/null")?,
    };
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let lines = Rc::clone(lines);
    let mut builder = RingBufferBuilder::new();
    builder.add(&map, move |bytes| {
        let comm = &bytes[COMM];
        let end = comm.iter().position(|byte| *byte == 0).unwrap_or(comm.len());
        let mut pid = [0; 4];
        pid.copy_from_slice(&bytes[PID]);
        let _ = out.write_all(&comm[..end]);
        let _ = writeln!(out, " {}", u32::from_ne_bytes(pid));
        lines.set(lines.get() + 1);
        0
    })?;
    Ok(Some(builder.build()?))
}
