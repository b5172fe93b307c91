//! Compiles a script and runs it.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ebtrace::codegen::{self, Failure, Target};
use ebtrace::diagnostic::{Code, Diagnostic};
use ebtrace::environment::{self, LACKS};
use ebtrace::host::Host;
use ebtrace::ir;
use ebtrace::options::Options;
use ebtrace::pipeline::{self, Checked};
use ebtrace::source::{FileId, Sources};
use ebtrace_image::Image;
use ebtrace_runtime::{Process, kernel};

use super::args::{self, Args};
use super::environment::{read_all_options, value};
use super::live::Live;
use super::session::{self, debug_folders};
use super::stage::Stages;
use super::{about, aot, doctor, layout, list, measure, repl, report};

/// Name of a script that is no file.
const INLINE: &str = "stdin";

/// Runs the script; the result is the exit status.
pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    if args.list {
        check_paths(args)?;
        return list::run(args);
    }
    if args.info {
        if let Some(word) = args.words.first().or(args.program.as_ref()) {
            bail!("--info looks at the machine and runs no script: leave out `{word}`");
        }
        // Whatever it says, it was said.
        return doctor::run().map(|_| 0);
    }
    if args.program.is_none()
        && let Some(answered) = about::answer(&args.words)
    {
        return answered;
    }
    if about::asks_for_session(&args.words) {
        check_paths(args)?;
        return repl::run(args);
    }
    if args.mode() == Some(args::Mode::Format) {
        return layout::run(args);
    }
    check_paths(args)?;
    let mut sources = Sources::new();
    let (file, params) = read_script(args, &mut sources)?;
    let (options, doubts) = read_all_options(args, params)?;
    // Files are looked for where the process sees them, so it must be there.
    for pid in args.pid.iter().chain(&args.dwarf_pid) {
        Process::open(*pid)?;
    }
    if !args.no_warnings {
        report::diagnostics(&sources, &doubts);
    }
    let host = || {
        let host = Live::new(args.no_features.clone(), args.traceable_functions.clone());
        host.of_process(args.pid).with_debug_folders(debug_folders(args))
    };
    let possible_cpus = u32::try_from(kernel::possible_cpus()?).unwrap_or(u32::MAX);
    if args.mode() == Some(args::Mode::CompilerBench) {
        let warnings = !args.no_warnings;
        return measure::run(&sources, file, &options, (host, possible_cpus), warnings);
    }
    let host = host();
    let stages = Stages::new(&args.stages);
    if let Some(status) = stages.show_trees(&mut sources, file, &host, &options)? {
        return Ok(status);
    }
    let is_compiled_only = args.aot.is_some() || args.mode() == Some(args::Mode::Codegen);
    let runs = stages.lets_run() && !is_compiled_only;
    let Some(checked) = check(args, &mut sources, file, &host, &options, runs)? else {
        return Ok(1);
    };
    let mut checked = match checked {
        Verdict::Fine(checked) => *checked,
        Verdict::Lacks => return Ok(LACKS),
    };
    let target = Target { version: host.version(), possible_cpus };
    stages.show(&checked, &sources, file, &target)?;
    if !stages.lets_run() {
        return Ok(0);
    }
    if args.mode().is_none()
        && let Some(refused) = pipeline::only_trials(&checked.program)
    {
        report::one(&sources, refused);
        return Ok(1);
    }
    let names_process = args.pid.is_some() || args.command.is_some();
    if args.aot.is_some()
        && let Some(refused) = aot::refusal(&checked.program)
    {
        report::one(&sources, refused);
        return Ok(1);
    }
    if runs
        && !names_process
        && args.dwarf_pid.is_empty()
        && let Some(refused) = pipeline::nobody_to_unwind(&checked.program)
    {
        report::one(&sources, refused);
        return Ok(1);
    }
    let Some(image) = compile(&mut checked, &sources, &target)? else { return Ok(1) };
    if let Some(path) = &args.emit_elf {
        fs::write(path, &image.object)
            .with_context(|| format!("cannot write the object to {}", path.display()))?;
    }
    if let Some(path) = &args.emit_llvm {
        emit_llvm(path, &checked, &sources, &target)?;
    }
    if let Some(path) = &args.aot {
        return aot::make(path, image, args.no_warnings);
    }
    if !runs {
        return Ok(0);
    }
    session::run(args, &stages, (&sources, &checked.program), image)
}

/// What a file is to hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Types of the kernel, alone or in a program.
    Types,
    /// A program.
    Program,
}

impl Kind {
    /// Whether a file begins like that.
    fn is_at(self, path: &Path) -> std::io::Result<bool> {
        let mut first = [0; 4];
        let count = fs::File::open(path)?.read(&mut first)?;
        let is_program = count == 4 && first == *b"\x7fELF";
        let is_types = count == 4 && first[..2] == 0xeb9f_u16.to_ne_bytes();
        Ok(is_program || (self == Kind::Types && is_types))
    }

    fn missing(self) -> &'static str {
        match self {
            Kind::Types => "neither BTF nor a program with BTF",
            Kind::Program => "no program",
        }
    }
}

/// Refuses files and folders of options and variables that are not there.
fn check_paths(args: &Args) -> anyhow::Result<()> {
    if let Some(path) = &args.traceable_functions {
        let opened = fs::File::open(path).and_then(|file| file.metadata());
        let what = || format!("cannot read the functions in {}", path.display());
        if opened.with_context(what)?.is_dir() {
            bail!("{}: this is a folder", what());
        }
    }
    for (variable, kind) in
        [(&environment::BTF, Kind::Types), (&environment::VMLINUX, Kind::Program)]
    {
        if let Some((name, path)) = value(variable) {
            let path = Path::new(&path);
            let is_one = kind.is_at(path);
            let is_one = is_one.with_context(|| {
                format!("{name} names a file that cannot be read, {}", path.display())
            })?;
            if !is_one {
                bail!("{name} names {}, which is {}", path.display(), kind.missing());
            }
        }
    }
    for variable in [&environment::KERNEL_SOURCE, &environment::KERNEL_BUILD] {
        if let Some((name, folder)) = value(variable)
            && !Path::new(&folder).is_dir()
        {
            bail!("{name} names no folder: {}", folder.display());
        }
    }
    let headers = args.header_folders.iter().map(|folder| ("-I", folder.as_path()));
    let debug = args.debuginfo.iter().flat_map(|folders| folders.split(':'));
    let debug = debug.filter(|folder| !folder.is_empty());
    let debug = debug.map(|folder| ("--debuginfo", Path::new(folder)));
    match headers.chain(debug).find(|(_, folder)| !folder.is_dir()) {
        Some((option, folder)) => bail!("`{option}` names no folder: {}", folder.display()),
        None => Ok(()),
    }
}

/// Writes the code before and after LLVM's passes, each to a file beside the path.
fn emit_llvm(
    path: &Path,
    Checked { program, layout, .. }: &Checked,
    sources: &Sources,
    target: &Target,
) -> anyhow::Result<()> {
    let stages = [("original", codegen::Stage::Lowered), ("optimized", codegen::Stage::Optimised)];
    for (name, stage) in stages {
        let text = codegen::llvm_text(program, layout, sources, target, stage)
            .map_err(|bug| internal(&bug))?;
        let path = PathBuf::from(format!("{}.{name}.ll", path.display()));
        fs::write(&path, text)
            .with_context(|| format!("cannot write LLVM's code to {}", path.display()))?;
    }
    Ok(())
}

/// Makes the code, with that of what the script imports; none if the kernel has no room for it, which was said.
pub(super) fn compile(
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
        Ok(object) => {
            let object = link(object, checked)?;
            return Ok(Some(Image { object, ..checked.layout.image.clone() }));
        }
        Err(Failure::TooLong(probe)) => pipeline::too_long(&checked.program, probe),
        Err(Failure::OutOfStack(probe)) => pipeline::out_of_stack(&checked.program, probe),
        Err(Failure::Bug(bug)) => return Err(internal(&bug)),
    };
    report::one(sources, refused);
    Ok(None)
}

fn link(object: Vec<u8>, checked: &Checked) -> anyhow::Result<Vec<u8>> {
    if checked.program.externals.is_empty() {
        return Ok(object);
    }
    let others: Vec<&[u8]> = checked.objects.iter().map(|object| object.bytes.as_slice()).collect();
    Ok(ebtrace_runtime::link(&object, &others)?)
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
    runs: bool,
) -> anyhow::Result<Option<Verdict>> {
    let (checked, mut found) =
        pipeline::check(sources, file, host, options).map_err(|bug| internal(&bug.0))?;
    if let Some(checked) = checked.as_ref().filter(|checked| asks_for_help(checked, options)) {
        let help = ir::help(&ir::places(&checked.program.parameters, 0));
        drop(std::io::stderr().write_all(help.as_bytes()));
        return Ok(None);
    }
    if let (false, Some(barred)) = (found.has_errors() || !runs, barred()) {
        found.push(barred);
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

/// Why nothing can be traced here, if so.
pub(super) fn barred() -> Option<Diagnostic> {
    if !kernel::is_privileged() {
        let rule = "tracing needs privileges that this user does not have";
        let diagnostic = Diagnostic::error(Code::NotRoot, rule)
            .note("loading BPF programs needs root, or the capabilities CAP_BPF and CAP_PERFMON")
            .help("run the same command with `sudo`");
        return Some(diagnostic);
    }
    if kernel::lockdown().as_deref() == Some("confidentiality") {
        let rule = "this kernel is locked down, so that nobody can look into it";
        let diagnostic = Diagnostic::error(Code::NotRoot, rule)
            .note("`/sys/kernel/security/lockdown` says `confidentiality`")
            .help(
                "boot without `lockdown=confidentiality`; with secure boot, `integrity` is enough",
            );
        return Some(diagnostic);
    }
    None
}

/// The script's text and its parameters.
pub(super) fn read_script(
    args: &Args,
    sources: &mut Sources,
) -> anyhow::Result<(FileId, Vec<String>)> {
    if let Some(program) = args.program.as_ref().filter(|program| !program.trim().is_empty()) {
        return Ok((sources.add(INLINE, program.clone()), args.words.clone()));
    }
    let words = args.words.split_first().filter(|(name, _)| !name.is_empty());
    let Some((name, params)) = words else {
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

/// A fault of ebtrace: all that is needed to report it.
pub(super) fn internal(what: &dyn std::fmt::Display) -> anyhow::Error {
    let (major, minor, patch) = kernel::version();
    anyhow::anyhow!(
        "this is a bug of ebtrace {}, please report it with the script (Linux {major}.{minor}.{patch}):\n{what}",
        env!("CARGO_PKG_VERSION")
    )
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
