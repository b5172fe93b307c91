//! The options of the command line.

use std::path::PathBuf;

use ebtrace::host::Feature;
use ebtrace::options::ProbeFilter;

use clap::{ArgAction, Command, CommandFactory as _, Parser, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::completion;

/// The command line as clap knows it.
pub(crate) fn command() -> Command {
    // Saying something twice is no mistake, but for `-kk`, which was something else once.
    Args::command().mut_args(|arg| {
        let is_flag = matches!(arg.get_action(), ArgAction::SetTrue);
        let id = arg.get_id().clone();
        if is_flag && arg.get_short() != Some('k') { arg.overrides_with(id) } else { arg }
    })
}

/// Traces a Linux system with a script in the bpftrace language.
#[derive(Debug, Parser)]
#[command(
    name = "ebtrace",
    version = concat!("v", env!("CARGO_PKG_VERSION")),
    override_usage = "ebtrace [OPTIONS] FILE [PARAM]... [-- --NAME=VALUE...]\n       ebtrace [OPTIONS] -e PROGRAM [PARAM]... [-- --NAME=VALUE...]\n       ebtrace -l [SEARCH|FILE]\n       ebtrace repl\n       ebtrace help [NAME]\n       ebtrace explain CODE\n       ebtrace completions SHELL\n       ebtrace man\n       ebtrace doctor",
    after_help = "The script's $1, $2 ... are the PARAMs, and what follows `--` are its named ones. FILE `-` is standard input.\n\
                  `ebtrace help environment` and `ebtrace help status` tell of variables and exit statuses, and `ebtrace man` is the manual.\n\n\
                  Example: ebtrace -e 'tracepoint:syscalls:sys_enter_openat { @[comm] = count(); }'",
    arg_required_else_help = true
)]
pub(crate) struct Args {
    /// Script in the command line itself
    #[arg(
        short = 'e',
        value_name = "PROGRAM",
        allow_hyphen_values = true,
        overrides_with = "program",
        add = ArgValueCompleter::new(completion::program)
    )]
    pub(crate) program: Option<String>,

    /// List the probes that match SEARCH, or those of a script
    #[arg(short = 'l', long, conflicts_with_all = ["command", "trials", "dry_run", "output", "emit_elf", "emit_llvm", "aot", "info"])]
    pub(crate) list: bool,

    /// Run a command and trace until it ends
    #[arg(short = 'c', long = "cmd", value_name = "COMMAND")]
    pub(crate) command: Option<String>,

    /// Trace this process alone, until it ends
    #[arg(short = 'p', long, value_name = "PID", conflicts_with_all = ["command", "aot"], allow_negative_numbers = true, value_parser = pid)]
    pub(crate) pid: Option<u32>,

    /// Let dw_ustack walk the stacks of this process too; may be repeated
    #[arg(long, value_name = "PID", conflicts_with = "aot", allow_negative_numbers = true, value_parser = pid)]
    pub(crate) dwarf_pid: Vec<u32>,

    #[command(flatten)]
    pub(crate) manner: Manner,

    /// Run the script's tests
    #[arg(long, group = "trials")]
    pub(crate) test: bool,

    /// Run the script's benchmarks
    #[arg(long, group = "trials")]
    pub(crate) bench: bool,

    /// Print the script in one layout, or write it to the file of -o, which may be the script itself
    #[arg(long, group = "trials")]
    pub(crate) fmt: bool,

    /// Run the script's tests or its benchmarks, lay it out, or only compile it
    #[arg(long, value_name = "MODE", group = "trials")]
    pub(crate) mode: Option<Mode>,

    /// Run the begin probes, attach everything, and end without a word: what cannot be attached is an error
    #[arg(long, conflicts_with = "trials")]
    pub(crate) dry_run: bool,

    /// Allow scripts to change what they trace
    #[arg(long = "unsafe")]
    pub(crate) unsafe_mode: bool,

    /// Warn too where memory cannot be read and where a key is not there
    #[arg(short = 'k', long)]
    pub(crate) warnings: bool,

    /// Do not show warnings
    #[arg(long, conflicts_with = "warnings")]
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

    /// Look for separate debug information in these folders first, then in the program's own, in .debug there, and in /usr/lib/debug
    #[arg(long, value_name = "FOLDER[:FOLDER]")]
    pub(crate) debuginfo: Option<String>,

    /// Accepted for old scripts; the kernel itself counts who watches a marked place
    #[arg(long)]
    pub(crate) usdt_file_activation: bool,

    /// Attach without a facility of the kernel: kprobe_multi, kprobe_session, uprobe_multi
    #[arg(long = "no-feature", value_name = "NAME", value_delimiter = ',', value_parser = feature)]
    pub(crate) no_features: Vec<Feature>,

    /// Also write the BPF object to a file
    #[arg(long, value_name = "FILE")]
    pub(crate) emit_elf: Option<PathBuf>,

    /// Also write LLVM's code to FILE.original.ll and FILE.optimized.ll
    #[arg(long, value_name = "FILE")]
    pub(crate) emit_llvm: Option<PathBuf>,

    /// Write a program of its own that runs the script, and load nothing now
    #[arg(long, value_name = "FILE", conflicts_with_all = ["warnings", "command", "trials", "dry_run", "output"])]
    pub(crate) aot: Option<PathBuf>,

    /// Say what this machine can do for tracing, as `ebtrace doctor`
    #[arg(long)]
    pub(crate) info: bool,

    /// Accepted for old scripts; the code is always verified
    #[arg(long = "verify-llvm-ir")]
    pub(crate) verify_llvm_ir: bool,

    /// Accepted for old scripts; types of the kernel are always used
    #[arg(short = 'b', long)]
    pub(crate) btf: bool,

    /// Show stages of the compilation instead of running the script, or what is said while it is loaded; may be repeated
    #[arg(short = 'd', long = "debug", value_name = "STAGE", value_delimiter = ',')]
    pub(crate) stages: Vec<Stage>,

    /// End a session without a terminal, as `ebtrace repl < FILE`, at its first error, with status 1
    #[arg(long)]
    pub(crate) fail_fast: bool,

    /// Script, unless -e is given, and its parameters
    #[arg(
        value_name = "FILE|PARAM",
        action = ArgAction::Append,
        add = ArgValueCompleter::new(completion::word)
    )]
    pub(crate) words: Vec<String>,
}

/// How a session behaves towards the one who started it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Manner {
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

    /// Say how probes are attached, what the loader says, and all that the kernel says of a program that it refuses; with -l, show what probes pass to programs
    #[arg(short = 'v', long)]
    pub(crate) verbose: bool,
}

/// What is done in place of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// As `--test`
    Test,
    /// As `--bench`
    Bench,
    /// As `--fmt`
    Format,
    /// Compile the script and load nothing
    Codegen,
    /// Compile the script again and again, and say how long each stage takes
    CompilerBench,
}

impl Args {
    /// What is done in place of a trace, if anything.
    pub(crate) fn mode(&self) -> Option<Mode> {
        let flags = [(self.test, Mode::Test), (self.bench, Mode::Bench), (self.fmt, Mode::Format)];
        flags.into_iter().find_map(|(given, mode)| given.then_some(mode)).or(self.mode)
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

/// What can be shown on the way to a session, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Stage {
    /// The script as it was read
    Parse,
    /// The script with its imports, and with the code of macros where they are used
    Ast,
    /// The script with the types of its expressions
    Types,
    /// The typed intermediate representation
    Ir,
    /// What the runtime gets, without the object
    Image,
    /// LLVM's intermediate representation as it was made
    Codegen,
    /// LLVM's intermediate representation, optimised; also codegen-opt
    #[value(alias = "codegen-opt")]
    Llvm,
    /// BPF instructions below the lines of the script; also dis
    #[value(alias = "dis")]
    Asm,
    /// What the loader says; the script is run
    Libbpf,
    /// What the kernel's verifier says of each program; the script is run
    Verifier,
    /// All of these
    All,
}
