//! `--aot`: a script as a program of its own.

mod program;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use ebtrace::diagnostic::{Code, Diagnostic, Diagnostics};
use ebtrace::ir::{self, Argument};
use ebtrace::options::Options;
use ebtrace::sema;
use ebtrace::source::{Sources, Span};
use ebtrace_image::{Attach, Image, Parameter, Site};
use ebtrace_runtime::binary::DebugFolders;
use ebtrace_runtime::{Error, LoadError, Mode};

use super::args::{Manner, Stage};
use super::session::{self, Wanted};
use super::stage::Stages;
use super::{mistake, report, run};
use program::Compiled;

/// Runs the script that was compiled into this program.
#[derive(Debug, Parser)]
#[command(
    version = concat!("v", env!("CARGO_PKG_VERSION")),
    about = "A script that ebtrace compiled into a program of its own."
)]
struct Args {
    #[command(flatten)]
    manner: Manner,

    /// Run a command and trace until it ends
    #[arg(short = 'c', long = "cmd", value_name = "COMMAND")]
    command: Option<String>,

    /// Show what is said while the programs are loaded; may be repeated
    #[arg(short = 'd', long = "debug", value_name = "STAGE", value_delimiter = ',')]
    stages: Vec<Loading>,

    /// Named parameters of the script: `--name=value`
    #[arg(last = true, value_name = "--NAME=VALUE")]
    named: Vec<String>,
}

/// What of [`Stage`] is left once a script is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Loading {
    /// What the loader says
    Libbpf,
    /// What the kernel's verifier says of each program
    Verifier,
    /// Both
    All,
}

impl Args {
    fn stages(&self) -> Stages {
        let stages = self.stages.iter().flat_map(|stage| match stage {
            Loading::Libbpf => vec![Stage::Libbpf],
            Loading::Verifier => vec![Stage::Verifier],
            Loading::All => vec![Stage::Libbpf, Stage::Verifier],
        });
        Stages::new(&stages.collect::<Vec<_>>())
    }
}

/// Writes a program that runs the script; the result is the exit status.
pub(super) fn make(path: &Path, image: Image, silent: bool) -> anyhow::Result<u8> {
    program::write(path, &Compiled { silent, image })?;
    Ok(0)
}

/// What of a script is tied to this moment of this machine, if anything.
pub(super) fn refusal(program: &ir::Program) -> Option<Diagnostic> {
    let (probe, why) = program.probes.iter().find_map(|probe| {
        let tied = |point: &ebtrace_image::Point| match &point.attach {
            Attach::Program { .. } => Some("BPF programs have other numbers each time"),
            Attach::Watchpoint(watchpoint) if watchpoint.address >> 63 != 0 => {
                Some("the kernel has other addresses each time it starts")
            }
            _ => None,
        };
        Some((probe, probe.points.iter().find_map(tied)?))
    })?;
    let rule = format!("`{}` cannot be found ahead of time", probe.label);
    let diagnostic = Diagnostic::error(Code::NotHere, rule).label(program.sites[probe.site], why);
    Some(diagnostic.help("run the script by its name instead: `ebtrace SCRIPT`"))
}

/// Runs the script of this program, if it has one.
pub(super) fn main() -> Option<ExitCode> {
    let status = match program::own() {
        Ok(None) => return None,
        Ok(Some(compiled)) => execute(compiled),
        Err(error) => Err(error),
    };
    Some(status.map_or_else(
        |error| {
            report::failure(&error);
            ExitCode::FAILURE
        },
        ExitCode::from,
    ))
}

fn execute(compiled: Compiled) -> anyhow::Result<u8> {
    let Compiled { silent, mut image } = compiled;
    let parameters = std::mem::take(&mut image.parameters);
    let args = match parse(&parameters) {
        Ok(args) => args,
        Err(error) => return Ok(mistake::tell(&error, &Args::command())),
    };
    report::check_color()?;
    let mut options = Options::default();
    options.take_words(&args.named);
    if options.asks_for_help() && parameters.iter().all(|parameter| parameter.name != "help") {
        run::put(&ir::help(&parameters))?;
        return Ok(0);
    }
    let values = match values(&parameters, &options) {
        Ok(values) => values,
        Err(wrong) => {
            report::diagnostics(&Sources::new(), &wrong);
            return Ok(1);
        }
    };
    if let Some(barred) = run::barred() {
        report::one(&Sources::new(), barred);
        return Ok(1);
    }
    let stages = args.stages();
    let wanted = Wanted {
        manner: &args.manner,
        stages: &stages,
        mode: Mode::Trace,
        warnings: !silent,
        command: args.command.as_deref(),
        pid: None,
        dwarf_pid: &[],
        debug_folders: DebugFolders::default(),
        arguments: values,
    };
    let sites = image.sites.clone();
    session::carry_out(wanted, image, |error| complain(&sites, error, args.manner.verbose))
}

fn parse(parameters: &[Parameter]) -> Result<Args, clap::Error> {
    let name = std::env::args_os().next().unwrap_or_else(|| OsString::from("script"));
    let name = Path::new(&name).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut command = Args::command().display_name(name.clone()).bin_name(name);
    if !parameters.is_empty() {
        command = command.after_help(format!("After `--`, {}", ir::help(parameters)));
    }
    Args::from_arg_matches(&command.try_get_matches()?)
}

/// The values of all parameters, one behind the other.
fn values(parameters: &[Parameter], options: &Options) -> Result<Vec<u8>, Diagnostics> {
    let known: Vec<&str> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let mut wrong = sema::unknown_parameters(&known, options);
    for word in &options.params {
        let rule = format!(
            "the script was compiled with its positional parameters, so `{word}` is one too many"
        );
        wrong.push(
            Diagnostic::error(Code::UnknownParameter, rule)
                .help("named parameters have dashes: `-- --name=value`"),
        );
    }
    let mut values = Vec::new();
    for Parameter { name, default, offset, size, .. } in parameters {
        values.resize(*offset as usize, 0);
        match ir::given(name, default, &options.named) {
            Ok(Argument::Text(text)) if text.len() >= *size as usize => wrong.push(
                Diagnostic::error(
                    Code::BadParameter,
                    format!("the parameter `--{name}` has at most {} bytes", size - 1),
                )
                .note(format!("this one has {}", text.len())),
            ),
            Ok(value) => values.extend(value.bytes(*size)),
            Err(ir::Wrong { headline, help }) => {
                wrong.push(Diagnostic::error(Code::BadParameter, headline).help(help));
            }
        }
    }
    if wrong.has_errors() { Err(wrong) } else { Ok(values) }
}

/// What went wrong, at the place in the script that the program still knows.
fn complain(sites: &[Site], error: &Error, log: bool) {
    let site = match error {
        Error::Attach(error) => error.site.as_deref().cloned(),
        Error::Load(LoadError::Rejected(rejection)) => rejection.place.as_ref().and_then(|place| {
            let mut sites = sites.iter();
            let same = sites.find(|site| (&site.file, site.line) == (&place.file, place.line))?;
            let column = place.column.max(1);
            Some(Site { column, end_line: place.line, end_column: column + 1, ..same.clone() })
        }),
        _ => None,
    };
    let mut sources = Sources::new();
    let span = site.map(|site| span_of(&mut sources, &site));
    report::runtime_error(&sources, error, span, log);
}

/// A site in a text that has nothing but its line.
fn span_of(sources: &mut Sources, site: &Site) -> Span {
    let before = "\n".repeat(site.line.saturating_sub(1) as usize);
    let offset = |column: u32| {
        let line: usize =
            site.source.chars().take(column.saturating_sub(1) as usize).map(char::len_utf8).sum();
        (before.len() + line) as u32
    };
    let start = offset(site.column);
    let one_line = site.end_line == site.line;
    let end = if one_line { offset(site.end_column) } else { offset(u32::MAX) };
    let file = sources.add(site.file.clone(), format!("{before}{}", site.source));
    Span { file, start, end }
}
