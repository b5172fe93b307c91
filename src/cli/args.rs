//! The options of the command line.

use std::path::PathBuf;

use ebtrace::host::Feature;
use ebtrace::options::ProbeFilter;

use clap::{ArgAction, Parser, ValueEnum};

/// Traces a Linux system with a script in the bpftrace language.
#[derive(Debug, Parser)]
#[command(
    name = "ebtrace",
    version = concat!("v", env!("CARGO_PKG_VERSION")),
    override_usage = "ebtrace [OPTIONS] FILE [PARAM]...\n       ebtrace [OPTIONS] -e PROGRAM [PARAM]...\n       ebtrace -l [SEARCH|FILE]",
    after_help = "The script's $1, $2 ... are the PARAMs. FILE `-` is standard input.\n\n\
                  Example: ebtrace -e 'tracepoint:syscalls:sys_enter_openat { @[comm] = count(); }'",
    arg_required_else_help = true
)]
pub(crate) struct Args {
    /// Script in the command line itself
    #[arg(
        short = 'e',
        value_name = "PROGRAM",
        allow_hyphen_values = true,
        overrides_with = "program"
    )]
    pub(crate) program: Option<String>,

    /// List the probes that match SEARCH, or those of a script
    #[arg(short = 'l', long)]
    pub(crate) list: bool,

    /// Run a command and trace until it ends
    #[arg(short = 'c', long = "cmd", value_name = "COMMAND")]
    pub(crate) command: Option<String>,

    /// Trace this process alone, until it ends
    #[arg(short = 'p', long, value_name = "PID", conflicts_with = "command", value_parser = pid)]
    pub(crate) pid: Option<u32>,

    /// Form of the output
    #[arg(short = 'f', value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,

    /// Write the output to a file
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// When output is written
    #[arg(short = 'B', value_name = "MODE", default_value = "line")]
    pub(crate) buffering: Buffering,

    /// Do not say how many probes are attached
    #[arg(short = 'q', long)]
    pub(crate) quiet: bool,

    /// With -l, show what probes pass to programs; else what the loader says, and the whole log of a program that the kernel refuses
    #[arg(short = 'v', long)]
    pub(crate) verbose: bool,

    /// Run the script's tests
    #[arg(long, group = "trials")]
    pub(crate) test: bool,

    /// Run the script's benchmarks
    #[arg(long, group = "trials")]
    pub(crate) bench: bool,

    /// Run the script's tests or its benchmarks
    #[arg(long, value_name = "MODE", group = "trials")]
    pub(crate) mode: Option<Trials>,

    /// Allow scripts to change what they trace
    #[arg(long = "unsafe")]
    pub(crate) unsafe_mode: bool,

    /// Do not show warnings
    #[arg(long)]
    pub(crate) no_warnings: bool,

    /// Look for C headers in this folder too; may be repeated
    #[arg(short = 'I', value_name = "FOLDER")]
    pub(crate) header_folders: Vec<PathBuf>,

    /// Include a C header before the script; may be repeated
    #[arg(long = "include", value_name = "FILE")]
    pub(crate) headers: Vec<String>,

    /// Run only the probes whose full names match a regular expression; begin and end are always run
    #[arg(long, value_name = "REGEX", value_parser = ProbeFilter::new)]
    pub(crate) probe_filter: Option<ProbeFilter>,

    /// Take the kernel functions that can be probed from a file, a line each: `vfs_read` or `nf_hook [nf]`
    #[arg(long, value_name = "FILE")]
    pub(crate) traceable_functions: Option<PathBuf>,

    /// Attach without a facility of the kernel: kprobe_multi, uprobe_multi
    #[arg(long = "no-feature", value_name = "NAME", value_delimiter = ',', value_parser = feature)]
    pub(crate) no_features: Vec<Feature>,

    /// Also write the BPF object to a file
    #[arg(long, value_name = "FILE")]
    pub(crate) emit_elf: Option<PathBuf>,

    /// Show a stage of the compilation instead of running the script
    #[arg(short = 'd', value_name = "STAGE")]
    pub(crate) stage: Option<Stage>,

    /// Script, unless -e is given, and its parameters
    #[arg(value_name = "FILE|PARAM", action = ArgAction::Append)]
    pub(crate) words: Vec<String>,
}

/// What is run in place of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Trials {
    /// As `--test`
    Test,
    /// As `--bench`
    Bench,
}

impl Args {
    /// What is run in place of a trace, if anything.
    pub(crate) fn trials(&self) -> Option<Trials> {
        let test = self.test.then_some(Trials::Test);
        test.or(self.bench.then_some(Trials::Bench)).or(self.mode)
    }
}

/// Largest number that the kernel gives a process.
const LARGEST_PID: u32 = 1 << 22;

fn pid(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(pid @ 1..=LARGEST_PID) => Ok(pid),
        Ok(_) => Err(format!("processes have numbers from 1 to {LARGEST_PID}")),
        Err(_) => Err("the number of a process is needed, as `pgrep NAME` prints it".to_owned()),
    }
}

fn feature(name: &str) -> Result<Feature, String> {
    let known = Feature::OPTIONAL.into_iter().find(|feature| feature.name() == name);
    known.ok_or_else(|| {
        let names = Feature::OPTIONAL.map(Feature::name).join(", ");
        format!("what can be left out is {names}")
    })
}

/// Form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// An object a line
    Json,
}

/// When output is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Buffering {
    /// After each batch of events
    Line,
    /// When the buffer is full, and at the end
    Full,
    /// After each event
    None,
}

/// A stage of the compilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// The script as it was understood
    Ast,
    /// The typed intermediate representation
    Ir,
    /// What the runtime gets, without the object
    Image,
    /// LLVM's intermediate representation, optimised
    Llvm,
    /// BPF instructions
    Asm,
}
