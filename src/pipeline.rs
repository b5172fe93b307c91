//! The stages in order.
//!
//! Each stage takes what the one before made; between stages the pipeline stops if there are errors, so that a
//! misspelt name is not followed by complaints about its consequences.

use ebtrace_image::{Action, Attach, Failure};

use crate::config;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::expand::{self, object::Object};
use crate::host::Host;
use crate::ir::layout::{self, Layout, Oversize};
use crate::ir::{self, Program};
use crate::options::Options;
use crate::sema::{self, Known};
use crate::source::{FileId, Sources, Span};
use crate::syntax::{self, ast::Script};
use crate::types::c;

/// A script that can run, before its code is generated.
#[derive(Debug)]
pub struct Checked {
    /// The code.
    pub program: Program,
    /// Where everything is.
    pub layout: Layout,
    /// What the script imports for its programs to call.
    pub objects: Vec<Object>,
    /// As the script set them.
    options: Options,
}

impl Checked {
    /// Moves what stood on the stack into memory of the CPU's own, which is slower. False if nothing can be moved.
    pub fn relieve_stack(&mut self, sources: &Sources) -> bool {
        if self.options.on_stack_limit == 0 {
            return false;
        }
        self.options.on_stack_limit = 0;
        let layout = layout::lay_out(&self.program, sources, &self.options);
        layout.map(|layout| self.layout = layout).is_ok()
    }
}

/// A fault of ebtrace itself.
#[derive(Debug, Clone)]
pub struct Bug(pub String);

/// A script with what it imports, and with the code of its macros where they are used.
#[derive(Debug)]
pub struct Expanded {
    /// The tree.
    pub script: Script,
    /// What it imports for its programs to call.
    objects: Vec<Object>,
    /// As it sets them.
    options: Options,
}

/// Is told the name of each stage when it has ended.
pub type Watch<'a> = &'a mut dyn FnMut(&'static str);

/// Parses a script, and puts in what it imports and its macros.
pub fn expand(
    sources: &mut Sources,
    file: FileId,
    host: &dyn Host,
    options: &Options,
) -> (Option<Expanded>, Diagnostics) {
    expand_watched(sources, file, host, options, &mut |_| {})
}

fn expand_watched(
    sources: &mut Sources,
    file: FileId,
    host: &dyn Host,
    options: &Options,
    watch: Watch<'_>,
) -> (Option<Expanded>, Diagnostics) {
    let (script, mut diagnostics) = syntax::parse(sources, file);
    watch("parse");
    if diagnostics.has_errors() {
        return (None, diagnostics);
    }
    let (expanded, found) = expand_read(script, (sources, file), host, options, watch);
    diagnostics.append(found);
    (expanded, diagnostics)
}

fn expand_read(
    script: Script,
    (sources, file): (&mut Sources, FileId),
    host: &dyn Host,
    options: &Options,
    watch: Watch<'_>,
) -> (Option<Expanded>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let mut options = options.clone();
    diagnostics.append(config::apply(&script, &mut options));
    let (script, objects, found) = expand::import(script, file, sources, host, &options);
    diagnostics.append(found);
    watch("import");
    if diagnostics.has_errors() {
        return (None, diagnostics);
    }
    let (script, found) = expand::expand(script, sources);
    diagnostics.append(found);
    watch("macros");
    let expanded = Expanded { script, objects, options };
    ((!diagnostics.has_errors()).then_some(expanded), diagnostics)
}

/// Parses, checks, folds, lays out and verifies a script. Warnings come with a checked script too.
///
/// # Errors
/// Where ebtrace itself is at fault.
pub fn check(
    sources: &mut Sources,
    file: FileId,
    host: &dyn Host,
    options: &Options,
) -> Result<(Option<Checked>, Diagnostics), Bug> {
    check_watched(sources, file, host, options, &mut |_| {})
}

/// [`check`], with somebody who wants to know how long its stages take.
///
/// # Errors
/// As [`check`].
pub fn check_watched(
    sources: &mut Sources,
    file: FileId,
    host: &dyn Host,
    options: &Options,
    watch: Watch<'_>,
) -> Result<(Option<Checked>, Diagnostics), Bug> {
    let (expanded, mut diagnostics) = expand_watched(sources, file, host, options, watch);
    let Some(expanded) = expanded else { return Ok((None, diagnostics)) };
    let (checked, found) = check_expanded(expanded, None, sources, host, watch)?;
    diagnostics.append(found);
    Ok((checked, diagnostics))
}

/// [`check`] for a script that was read before. All of it says what maps, functions and types are; only the probe whose
/// first attach point stands at `only` is compiled. What the script imports is looked for beside `file`.
///
/// # Errors
/// As [`check`].
pub fn check_probe(
    script: Script,
    (file, only): (FileId, Span),
    sources: &mut Sources,
    host: &dyn Host,
    options: &Options,
) -> Result<(Option<Checked>, Diagnostics), Bug> {
    let watch: Watch<'_> = &mut |_| {};
    let (expanded, mut diagnostics) = expand_read(script, (sources, file), host, options, watch);
    let Some(expanded) = expanded else { return Ok((None, diagnostics)) };
    let (checked, found) = check_expanded(expanded, Some(only), sources, host, watch)?;
    diagnostics.append(found);
    Ok((checked, diagnostics))
}

fn check_expanded(
    Expanded { script, objects, options }: Expanded,
    only: Option<Span>,
    sources: &mut Sources,
    host: &dyn Host,
    watch: Watch<'_>,
) -> Result<(Option<Checked>, Diagnostics), Bug> {
    let mut diagnostics = Diagnostics::new();
    let (included, found) = c::include(&script, sources, host, &options);
    diagnostics.append(found);
    watch("headers");
    if diagnostics.has_errors() {
        return Ok((None, diagnostics));
    }
    let context = (host, &options);
    let (program, mut found) = sema::check(&script, only, included.as_ref(), &objects, context);
    found.drop_embedded();
    found.drop_repeated(sources);
    diagnostics.append(found);
    watch("check");
    if diagnostics.has_errors() {
        return Ok((None, diagnostics));
    }
    let program = ir::reuse::reuse(ir::fold::fold(program));
    watch("fold");
    let layout = match layout::lay_out(&program, sources, &options) {
        Ok(layout) => layout,
        Err(oversize) => {
            for large in oversize {
                diagnostics.push(too_large(&program, &large));
            }
            return Ok((None, diagnostics));
        }
    };
    watch("layout");
    ir::verify::verify(&program).map_err(Bug)?;
    watch("verify");
    Ok((Some(Checked { program, layout, objects, options }), diagnostics))
}

/// Finds out what it can of a script that may be wrong or unfinished, and the type of what stands before a field of this
/// name. `None` where too much is wrong.
pub fn ask(sources: &mut Sources, file: FileId, host: &dyn Host, field: &str) -> Option<Known> {
    let mut options = Options { unsafe_mode: true, ..Options::default() };
    let (script, _) = syntax::parse(sources, file);
    config::apply(&script, &mut options);
    let (script, objects, _) = expand::import(script, file, sources, host, &options);
    let (script, found) = expand::expand(script, sources);
    if found.has_errors() {
        return None;
    }
    let (included, _) = c::include(&script, sources, host, &options);
    Some(sema::ask(&script, included.as_ref(), &objects, (host, &options), field))
}

/// What is said of a program that the kernel has no room for.
pub fn too_long(program: &Program, probe: usize) -> Diagnostic {
    let diagnostic = Diagnostic::error(Code::TooLong, "this probe is too long for the kernel")
        .help("do less in it, or cut it into several probes");
    at_probe(diagnostic, program, probe, "its code")
}

/// What is said of a script that does nothing without an option of the command line.
pub fn only_trials(program: &Program) -> Option<Diagnostic> {
    let mut points = program.probes.iter().flat_map(|probe| &probe.points);
    if !points.all(|point| point.attach.is_trial()) {
        return None;
    }
    let has = |test: fn(&Attach) -> bool| {
        program.probes.iter().flat_map(|probe| &probe.points).any(|point| test(&point.attach))
    };
    let all = [
        (has(|attach| matches!(attach, Attach::Test(_))), "tests", "`--test` runs the tests"),
        (
            has(|attach| matches!(attach, Attach::Bench(_))),
            "benchmarks",
            "`--bench` runs the benchmarks",
        ),
    ];
    let kinds: Vec<&str> = all.iter().filter(|(has, ..)| *has).map(|(_, kind, _)| *kind).collect();
    let headline = format!("the script has only {}, so nothing is traced", kinds.join(" and "));
    let diagnostic = all
        .iter()
        .filter(|(has, ..)| *has)
        .fold(Diagnostic::error(Code::NoProbes, headline), |said, (.., help)| said.help(*help));
    Some(at_probe(diagnostic, program, 0, "the first of them"))
}

/// What is said of a script that walks the stacks of processes although none is named.
pub fn nobody_to_unwind(program: &Program) -> Option<Diagnostic> {
    let site = program.events.iter().find_map(|(_, event)| match event.action {
        Action::Fail { site, failure: Failure::NotUnwound } => Some(site),
        _ => None,
    })?;
    let mut sites = program.sites.iter();
    let (_, span) = sites.find(|(id, _)| ir::build::image_site(*id) == site)?;
    let rule = "stacks without frame pointers are those of processes that the command line names";
    let diagnostic = Diagnostic::error(Code::NotHere, rule)
        .label(*span, "of which process?")
        .help("name it with `-p PID` or `--dwarf-pid PID`, or start it with `-c COMMAND`");
    Some(diagnostic)
}

/// What is said of a program that needs more stack than there is.
pub fn out_of_stack(program: &Program, probe: usize) -> Diagnostic {
    let rule =
        "this probe computes with more values at a time than the kernel's stack of 512 bytes holds";
    let diagnostic = Diagnostic::error(Code::OutOfStack, rule)
        .help("cut its longest expression into several: `$part = …;`, then go on with `$part`");
    at_probe(diagnostic, program, probe, "its code")
}

fn at_probe(diagnostic: Diagnostic, program: &Program, probe: usize, label: &str) -> Diagnostic {
    match program.probes.get(probe) {
        Some(probe) => diagnostic.label(program.sites[probe.site], label),
        None => diagnostic,
    }
}

fn too_large(program: &Program, large: &Oversize) -> Diagnostic {
    let probe = &program.probes[large.probe];
    let kib = |bytes: u32| bytes.div_ceil(1024);
    let (needs, most) = (kib(large.needs), kib(layout::SCRATCH_LIMIT));
    Diagnostic::error(
        Code::TooLarge,
        format!("this probe's values need {needs} KiB, and a CPU has {most} KiB for them"),
    )
    .label(program.sites[probe.site], "its strings, stacks and keys together")
    .help("split it into several probes, or read shorter strings: `str(address, 64)`")
}
