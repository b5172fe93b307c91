//! A session: the script runs, and what becomes of it is shown.

use std::io::{IsTerminal, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use anyhow::Context;
use ebtrace::builtin::SIGNALS;
use ebtrace::environment::ATTACHED_LINE;
use ebtrace::ir;
use ebtrace::source::Sources;
use ebtrace_image::Image;
use ebtrace_runtime::binary::DebugFolders;
use ebtrace_runtime::render::{Buffering, Format};
use ebtrace_runtime::{Attached, Child, Error, Mode, Process, Session, Signals, Stopped};
use sd_notify::NotifyState;

use super::args::{self, Args, Manner, Stage};
use super::environment::{path, value};
use super::output::{Begins, Output};
use super::report;
use super::run::put;
use super::stage::Stages;

/// What is wanted of a session.
pub(super) struct Wanted<'a> {
    pub(super) manner: &'a Manner,
    pub(super) stages: &'a Stages,
    pub(super) mode: Mode,
    pub(super) warnings: bool,
    pub(super) command: Option<&'a str>,
    pub(super) pid: Option<u32>,
    pub(super) dwarf_pid: &'a [u32],
    pub(super) debug_folders: DebugFolders,
    /// Values of parameters that are not known before.
    pub(super) arguments: Vec<u8>,
}

/// Runs a script that was compiled just now.
pub(super) fn run(
    args: &Args,
    stages: &Stages,
    (sources, program): (&Sources, &ir::Program),
    image: Image,
) -> anyhow::Result<u8> {
    let mode = match args.mode() {
        _ if args.dry_run => Mode::DryRun,
        Some(args::Mode::Test) => Mode::Test,
        Some(args::Mode::Bench) => Mode::Bench,
        None | Some(args::Mode::Format | args::Mode::Codegen | args::Mode::CompilerBench) => {
            Mode::Trace
        }
    };
    let wanted = Wanted {
        manner: &args.manner,
        stages,
        mode,
        warnings: !args.no_warnings,
        command: args.command.as_deref(),
        pid: args.pid,
        dwarf_pid: &args.dwarf_pid,
        debug_folders: debug_folders(args),
        arguments: Vec::new(),
    };
    if args.manner.verbose {
        report::plans(program);
    }
    carry_out(wanted, image, |error| {
        let span = report::place_of(sources, program, error);
        report::runtime_error(sources, error, span, args.manner.verbose);
    })
}

/// Loads, attaches, and prints what happens until the session ends; the result is the exit status.
pub(super) fn carry_out(
    wanted: Wanted<'_>,
    image: Image,
    complain: impl Fn(&Error),
) -> anyhow::Result<u8> {
    let (quiet, command, mode) = (wanted.manner.quiet, wanted.command, wanted.mode);
    let (options, begins) = session_options(wanted)?;
    let attached = Session::load(image, options).and_then(Session::attach);
    if let (Some(begins), true) = (begins, attached.is_ok()) {
        begins.now().context("cannot write the output")?;
    }
    let outcome = if mode == Mode::DryRun {
        attached.map(|attached| {
            drop(attached);
            0
        })
    } else {
        attached
            .inspect(|_| tell_ready())
            .and_then(Attached::poll)
            .inspect(|stopped| {
                if let (Some(command), false) = (command, quiet) {
                    tell_command(command, stopped);
                }
            })
            .and_then(Stopped::finish)
    };
    match outcome {
        Ok(status) => Ok(status),
        Err(Error::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => {
            complain(&error);
            Ok(1)
        }
    }
}

/// Says how the command ended, if it did.
fn tell_command(command: &str, stopped: &Stopped) {
    if let Some(status) = stopped.command_status() {
        // Nobody is left to tell when the standard error is gone.
        drop(writeln!(std::io::stderr(), "`{}` {}", command.trim(), how_ended(status)));
    }
}

fn how_ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with status {code}"),
        (None, Some(signal)) => {
            let index = usize::try_from(signal).unwrap_or(0).wrapping_sub(1);
            let name = SIGNALS.get(index).map_or(String::new(), |name| format!(" (SIG{name})"));
            format!("was ended by signal {signal}{name}")
        }
        (None, None) => "ended".to_owned(),
    }
}

/// Tells those that wait for it that everything is attached: the service manager that started the tracer (systemd with
/// `Type=notify`), and test programs that ask for a line on standard output.
fn tell_ready() {
    if let Err(error) = sd_notify::notify(&[NotifyState::Ready]) {
        let what = "cannot tell the service manager of NOTIFY_SOCKET that all is attached";
        report::failure(&anyhow::Error::from(error).context(what));
    }
    if let Some((name, _)) = value(&ATTACHED_LINE) {
        // A reader that went away is noticed by the session.
        drop(put(&format!("{name}\n")));
    }
}

/// Where separate debug information is looked for.
pub(super) fn debug_folders(args: &Args) -> DebugFolders {
    DebugFolders::before(args.debuginfo.as_deref().unwrap_or_default())
}

/// The form of the output.
pub(super) fn format(manner: &args::Manner) -> Format {
    match manner.format {
        args::Format::Text => Format::Text,
        args::Format::Json => Format::Json,
    }
}

/// When it is written.
pub(super) fn buffering(manner: &args::Manner) -> Buffering {
    match manner.buffering {
        args::Buffering::Line => Buffering::Line,
        args::Buffering::Full => Buffering::Full,
        args::Buffering::None => Buffering::None,
    }
}

fn session_options(
    wanted: Wanted<'_>,
) -> anyhow::Result<(ebtrace_runtime::Options, Option<Begins>)> {
    let Wanted { manner, mode, .. } = wanted;
    let signals = Signals::catch().context("cannot catch signals")?;
    let (output, begins): (Box<dyn Write>, _) = match &manner.output {
        _ if mode == Mode::DryRun => (Box::new(std::io::sink()), None),
        Some(path) => {
            let (output, begins) = Output::open(path)
                .with_context(|| format!("cannot write the output to {}", path.display()))?;
            (Box::new(output), Some(begins))
        }
        None => (Box::new(std::io::stdout()), None),
    };
    // Nothing is said, but for what was asked for.
    let loading = wanted.stages.has(Stage::Libbpf) || wanted.stages.has(Stage::Verifier);
    let errors: Box<dyn Write> = match mode {
        Mode::DryRun if !loading => Box::new(std::io::sink()),
        _ => Box::new(std::io::stderr()),
    };
    let mut options = ebtrace_runtime::Options::new(output, errors);
    options.format = format(manner);
    options.buffering = buffering(manner);
    options.terminal = manner.output.is_none() && std::io::stdout().is_terminal();
    options.quiet = manner.quiet;
    options.warnings = wanted.warnings;
    options.verbose = manner.verbose || wanted.stages.has(Stage::Libbpf);
    options.verifier_log = wanted.stages.has(Stage::Verifier);
    options.mode = mode;
    if !manner.quiet && std::io::stderr().is_terminal() {
        options.progress = Some(Box::new(std::io::stderr()));
    }
    options.signals = Some(signals);
    options.arguments = wanted.arguments;
    options.debug_folders = wanted.debug_folders;
    options.unwound = wanted.dwarf_pid.to_vec();
    options.process = wanted.pid.map(Process::open).transpose()?;
    options.child = match wanted.command {
        Some(command) => Some(Child::spawn(command, path().as_deref())?),
        None => None,
    };
    Ok((options, begins))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_by_status_or_signal() {
        assert_eq!(how_ended(ExitStatus::from_raw(2 << 8)), "ended with status 2");
        assert_eq!(how_ended(ExitStatus::from_raw(9)), "was ended by signal 9 (SIGKILL)");
        assert_eq!(how_ended(ExitStatus::from_raw(34)), "was ended by signal 34");
    }
}
