//! The stages in order.
//!
//! Each stage takes what the one before made; between stages the pipeline stops if there are errors, so that a
//! misspelt name is not followed by complaints about its consequences.

use ebtrace_image::Attach;

use crate::config;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::expand::{self, object::Object};
use crate::host::Host;
use crate::ir::layout::{self, Layout, Oversize};
use crate::ir::{self, Program};
use crate::options::Options;
use crate::sema;
use crate::source::{FileId, Sources};
use crate::syntax;
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
    let (script, mut diagnostics) = syntax::parse(sources, file);
    if diagnostics.has_errors() {
        return Ok((None, diagnostics));
    }
    let mut options = options.clone();
    diagnostics.append(config::apply(&script, &mut options));
    let (script, objects, found) = expand::import(script, file, sources, host, &options);
    diagnostics.append(found);
    if diagnostics.has_errors() {
        return Ok((None, diagnostics));
    }
    let (script, found) = expand::expand(script, sources);
    diagnostics.append(found);
    if diagnostics.has_errors() {
        return Ok((None, diagnostics));
    }
    let (included, found) = c::include(&script, sources, host, &options);
    diagnostics.append(found);
    if diagnostics.has_errors() {
        return Ok((None, diagnostics));
    }
    let (program, mut found) = sema::check(&script, included.as_ref(), &objects, host, &options);
    found.drop_embedded();
    found.drop_repeated(sources);
    diagnostics.append(found);
    if diagnostics.has_errors() {
        return Ok((None, diagnostics));
    }
    let program = ir::fold::fold(program);
    let layout = match layout::lay_out(&program, sources, &options) {
        Ok(layout) => layout,
        Err(oversize) => {
            for large in oversize {
                diagnostics.push(too_large(&program, &large));
            }
            return Ok((None, diagnostics));
        }
    };
    ir::verify::verify(&program).map_err(Bug)?;
    Ok((Some(Checked { program, layout, objects, options }), diagnostics))
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
