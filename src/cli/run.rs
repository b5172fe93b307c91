//! Compiles a script and runs it.

use std::ffi::OsString;
use std::fs;
use std::io::{IsTerminal, Read, Write};

use anyhow::{Context, bail};
use ebtrace::codegen::{self, Failure, Target};
use ebtrace::diagnostic::{Code, Diagnostic, Diagnostics};
use ebtrace::host::Host;
use ebtrace::options::{self, Options};
use ebtrace::pipeline::{self, Checked};
use ebtrace::source::{FileId, Sources};
use ebtrace::{ir, syntax};
use ebtrace_image::Image;
use ebtrace_runtime::render::{Buffering, Format};
use ebtrace_runtime::{Child, Mode, Process, Session, Signals, kernel};

use super::args::{self, Args, Stage};
use super::live::Live;
use super::{LACKS, list, report};

/// Name of a script that is no file.
const INLINE: &str = "stdin";

/// Runs the script; the result is the exit status.
pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    if args.list {
        return list::run(args);
    }
    let mut sources = Sources::new();
    let (file, params) = read_script(args, &mut sources)?;
    let (options, doubts) = read_all_options(args, params)?;
    // Files are looked for where the process sees them, so it must be there.
    args.pid.map(Process::open).transpose()?;
    if !args.no_warnings {
        report::diagnostics(&sources, &doubts);
    }
    let host = Live::new(args.no_features.clone(), args.traceable_functions.clone());
    let host = host.of_process(args.pid);
    if args.stage == Some(Stage::Ast) {
        return show_tree(&sources, file);
    }
    let Some(checked) = check(args, &mut sources, file, &host, &options)? else { return Ok(1) };
    let mut checked = match checked {
        Verdict::Fine(checked) => *checked,
        Verdict::Lacks => return Ok(LACKS),
    };
    let target = Target {
        version: host.version(),
        possible_cpus: u32::try_from(kernel::possible_cpus()?).unwrap_or(u32::MAX),
    };
    if let Some(stage) = args.stage {
        return show(stage, &checked, &sources, &target);
    }
    if args.trials().is_none()
        && let Some(refused) = pipeline::only_trials(&checked.program)
    {
        report::one(&sources, refused);
        return Ok(1);
    }
    let Some(mut image) = compile(&mut checked, &sources, &target)? else { return Ok(1) };
    if !checked.program.externals.is_empty() {
        let others: Vec<&[u8]> =
            checked.objects.iter().map(|object| object.bytes.as_slice()).collect();
        image.object = ebtrace_runtime::link(&image.object, &others)?;
    }
    if let Some(path) = &args.emit_elf {
        fs::write(path, &image.object)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    trace(args, &sources, &checked.program, image)
}

/// Makes the code; none if the kernel has no room for it, which was said.
fn compile(
    checked: &mut Checked,
    sources: &Sources,
    target: &Target,
) -> anyhow::Result<Option<Image>> {
    let generate =
        |checked: &Checked| codegen::generate(&checked.program, &checked.layout, sources, target);
    let mut object = generate(checked);
    if matches!(object, Err(Failure::OutOfStack(_))) && checked.relieve_stack(sources) {
        object = generate(checked);
    }
    let refused = match object {
        Ok(object) => return Ok(Some(Image { object, ..checked.layout.image.clone() })),
        Err(Failure::TooLong(probe)) => pipeline::too_long(&checked.program, probe),
        Err(Failure::OutOfStack(probe)) => pipeline::out_of_stack(&checked.program, probe),
        Err(Failure::Bug(bug)) => return Err(internal(&bug)),
    };
    report::one(sources, refused);
    Ok(None)
}

/// A script that was checked without errors, or whose only errors are facilities that the kernel lacks.
enum Verdict {
    Fine(Box<Checked>),
    Lacks,
}

fn check(
    args: &Args,
    sources: &mut Sources,
    file: FileId,
    host: &Live,
    options: &Options,
) -> anyhow::Result<Option<Verdict>> {
    let (checked, mut found) =
        pipeline::check(sources, file, host, options).map_err(|bug| internal(&bug.0))?;
    if let Some(checked) = checked.as_ref().filter(|checked| asks_for_help(checked, options)) {
        drop(std::io::stderr().write_all(ir::help(&checked.program.parameters).as_bytes()));
        return Ok(None);
    }
    if !found.has_errors() && args.stage.is_none() && !kernel::is_privileged() {
        found.push(not_privileged());
        report::diagnostics(sources, &found);
        return Ok(None);
    }
    if let Some(features) = found.lacking() {
        if !report::lacking(&features) {
            report::diagnostics(sources, &found);
        }
        return Ok(Some(Verdict::Lacks));
    }
    if args.no_warnings {
        found.drop_warnings();
    }
    report::diagnostics(sources, &found);
    Ok(checked.map(|checked| Verdict::Fine(Box::new(checked))))
}

/// Whether the script is asked for its parameters, and does not mean something of its own by `--help`.
fn asks_for_help(checked: &Checked, options: &Options) -> bool {
    let mut parameters = checked.program.parameters.iter();
    options.asks_for_help() && !parameters.any(|parameter| parameter.name == "help")
}

fn not_privileged() -> Diagnostic {
    Diagnostic::error(Code::NotRoot, "tracing needs privileges that this user does not have")
        .note("loading BPF programs needs root, or the capabilities CAP_BPF and CAP_PERFMON")
        .help("run the same command with `sudo`")
}

/// The script's text and its parameters.
pub(super) fn read_script(
    args: &Args,
    sources: &mut Sources,
) -> anyhow::Result<(FileId, Vec<String>)> {
    if let Some(program) = args.program.as_ref().filter(|program| !program.is_empty()) {
        return Ok((sources.add(INLINE, program.clone()), args.words.clone()));
    }
    let Some((name, params)) = args.words.split_first() else {
        bail!("there is no script: name a file, or give the script itself with -e 'PROGRAM'");
    };
    let (name, bytes) = if name == "-" {
        let mut bytes = Vec::new();
        std::io::stdin()
            .read_to_end(&mut bytes)
            .context("cannot read the script from standard input")?;
        (INLINE, bytes)
    } else {
        let hint = if name.contains(['{', ' ']) {
            "; a script in the command line itself needs -e"
        } else {
            ""
        };
        (
            name.as_str(),
            fs::read(name).with_context(|| format!("cannot read the script {name}{hint}"))?,
        )
    };
    // Bytes that are no UTF-8 can only stand in comments and strings; positions are the same either way.
    Ok((sources.add(name, String::from_utf8_lossy(&bytes).into_owned()), params.to_vec()))
}

/// Options from the environment and the command line, and what is doubtful about them.
pub(super) fn read_all_options(
    args: &Args,
    params: Vec<String>,
) -> anyhow::Result<(Options, Diagnostics)> {
    let (mut options, doubts) = read_options(params)?;
    options.unsafe_mode = args.unsafe_mode;
    options.pid = args.pid;
    options.probe_filter = args.probe_filter.clone();
    options.headers = args.headers.clone();
    options.header_folders = args.header_folders.clone();
    Ok((options, doubts))
}

/// Options from the environment, and what is doubtful about them.
fn read_options(params: Vec<String>) -> anyhow::Result<(Options, Diagnostics)> {
    let mut warnings = Diagnostics::new();
    let mut options = Options::default();
    options.take_words(&params);
    for renaming in options::renamed() {
        let variable = options::variable(renaming.was);
        if let Some(value) = environment(&variable)? {
            let (entry, value) = (renaming.entry(), renaming.value(&value));
            fix(&mut options, entry, &variable, value)?;
            warnings.push(
                Diagnostic::warning(
                    Code::OptionRenamed,
                    format!("{variable} has another name now"),
                )
                .help(format!("set {}={value}", entry.variable())),
            );
        }
    }
    for entry in options::ENTRIES {
        if let Some(value) = environment(&entry.variable())? {
            fix(&mut options, entry, &entry.variable(), &value)?;
        }
    }
    Ok((options, warnings))
}

fn environment(variable: &str) -> anyhow::Result<Option<String>> {
    let value = std::env::var_os(variable).map(OsString::into_string).transpose();
    value.map_err(|_| anyhow::anyhow!("{variable} is not UTF-8"))
}

fn fix(
    options: &mut Options,
    entry: &options::Entry,
    variable: &str,
    value: &str,
) -> anyhow::Result<()> {
    options
        .fix(entry, value)
        .map_err(|_| anyhow::anyhow!("{variable} wants {}, not `{value}`", entry.wants()))
}

/// A fault of ebtrace: all that is needed to report it.
pub(super) fn internal(what: &dyn std::fmt::Display) -> anyhow::Error {
    let (major, minor, patch) = kernel::version();
    anyhow::anyhow!(
        "this is a bug of ebtrace {}, please report it with the script (Linux {major}.{minor}.{patch}):\n{what}",
        env!("CARGO_PKG_VERSION")
    )
}

fn show_tree(sources: &Sources, file: FileId) -> anyhow::Result<u8> {
    let (script, found) = syntax::parse(sources, file);
    report::diagnostics(sources, &found);
    put(&syntax::print::script(&script))?;
    Ok(u8::from(found.has_errors()))
}

fn show(stage: Stage, checked: &Checked, sources: &Sources, target: &Target) -> anyhow::Result<u8> {
    let Checked { program, layout, .. } = checked;
    let text = match stage {
        Stage::Ast => String::new(),
        Stage::Ir => ir::print::program(program),
        Stage::Image => serde_json::to_string_pretty(&layout.image)? + "\n",
        Stage::Llvm => {
            codegen::llvm_text(program, layout, sources, target, codegen::Stage::Optimised)
                .map_err(|bug| internal(&bug))?
        }
        Stage::Asm => {
            codegen::assembly(program, layout, sources, target).map_err(|bug| internal(&bug))?
        }
    };
    put(&text)?;
    Ok(0)
}

/// Writes to standard output; a reader that went away is no error.
pub(super) fn put(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write output")
        }
        _ => Ok(()),
    }
}

/// Loads, attaches, and prints what happens until the session ends.
fn trace(
    args: &Args,
    sources: &Sources,
    program: &ir::Program,
    image: Image,
) -> anyhow::Result<u8> {
    let session = session_options(args)?;
    if args.verbose {
        report::plans(program);
    }
    let outcome = Session::load(image, session)
        .and_then(Session::attach)
        .and_then(ebtrace_runtime::Attached::poll)
        .and_then(ebtrace_runtime::Stopped::finish);
    match outcome {
        Ok(status) => Ok(status),
        Err(ebtrace_runtime::Error::Output(error))
            if error.kind() == std::io::ErrorKind::BrokenPipe =>
        {
            Ok(0)
        }
        Err(error) => {
            report::runtime_error(sources, program, &error, args.verbose);
            Ok(1)
        }
    }
}

fn session_options(args: &Args) -> anyhow::Result<ebtrace_runtime::Options> {
    let signals = Signals::catch().context("cannot catch signals")?;
    let terminal = args.output.is_none() && std::io::stdout().is_terminal();
    let output: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(
            fs::File::create(path)
                .with_context(|| format!("cannot write the output to {}", path.display()))?,
        ),
        None => Box::new(std::io::stdout()),
    };
    let mut options = ebtrace_runtime::Options::new(output, Box::new(std::io::stderr()));
    options.format = match args.format {
        args::Format::Text => Format::Text,
        args::Format::Json => Format::Json,
    };
    options.buffering = match args.buffering {
        args::Buffering::Line => Buffering::Line,
        args::Buffering::Full => Buffering::Full,
        args::Buffering::None => Buffering::None,
    };
    options.terminal = terminal;
    options.quiet = args.quiet;
    options.warnings = !args.no_warnings;
    options.verbose = args.verbose;
    options.mode = match args.trials() {
        None => Mode::Trace,
        Some(args::Trials::Test) => Mode::Test,
        Some(args::Trials::Bench) => Mode::Bench,
    };
    if !args.quiet && std::io::stderr().is_terminal() {
        options.progress = Some(Box::new(std::io::stderr()));
    }
    options.signals = Some(signals);
    options.process = args.pid.map(Process::open).transpose()?;
    options.child = match &args.command {
        Some(command) => Some(Child::spawn(command, std::env::var_os("PATH").as_deref())?),
        None => None,
    };
    Ok(options)
}
