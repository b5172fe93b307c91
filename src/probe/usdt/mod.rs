//! The probe type on places that the authors of programs marked: `usdt`.

pub mod argument;

use ebtrace_image::Attach;

use super::pattern::Pattern;
use super::user::files::{self, Files};
use super::{Context, Field, Kind, Part, Point, ProbeError, Search, Target, Targets, nothing_else};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::host::program::{Mark, Program};
use crate::host::{Feature, Host};
use crate::ir::ProgramType;
use crate::probe::list;
use crate::types::{Space, Types};
use argument::Site;

pub(super) const ALL: &[Kind] = &[Kind {
    name: "usdt",
    aliases: &["U"],
    shape: &[
        Field { name: "file", optional: true },
        Field { name: "provider", optional: true },
        Field { name: "name", optional: false },
    ],
    search: Search::Programs,
    list: list::MATCHES,
    context: Context::Mark,
    program: ProgramType::Kprobe,
    space: Space::User,
    needs: Some(Feature::Uprobes),
    instead: nothing_else,
    resolve: usdt,
    summary: "Fires at a place that the authors of a program or library marked.",
    details: "The file is written as for `uprobe`; with `-p` it can be left out, and then all that the process has \
              loaded is searched. Provider and name are those of the mark, and `*` in them stands for any \
              text; all places of the name are probed. `arg0`, `arg1` and so on are the arguments of the mark as \
              unsigned 64-bit numbers, extended by their sign; addresses among them point into the process. A program \
              that computes something for a mark only while somebody watches (a semaphore) is told so: the kernel counts who watches, with and without `--usdt-file-activation`.",
    examples: &["usdt:/usr/bin/python3:python:function__entry { @[str(arg1)] = count(); }"],
}];

fn usdt(point: &Point, host: &dyn Host, _: &mut Types) -> Targets {
    let Parts { file, provider, name } = Parts::of(point, host)?;
    let named = |part: Option<_>, field| part.map(|part| (part, field));
    let wanted = [named(file, "file"), named(provider, "provider"), Some((name, "name"))];
    for (part, field) in wanted.into_iter().flatten() {
        if part.text.is_empty() {
            return Err(ProbeError::Empty { span: point.span, kind: point.kind, field });
        }
    }
    let mut files = match file {
        Some(file) => Files::open(file, host)?,
        None => Files::running(host, true),
    };
    let marks = Marks { provider, name };
    let mut targets = Vec::new();
    for (path, program) in &files.all {
        let found = program.marks().iter().filter(|mark| marks.matches(mark));
        let path = path.display().to_string();
        targets.extend(found.map(|mark| target(point, host, &path, (&**program, mark))));
    }
    let Some(first) = targets.first_mut() else {
        return Err(marks.missing(file.unwrap_or(name), &files));
    };
    first.warnings.extend(files.warning.take());
    Ok(targets)
}

/// What an attach point consists of.
struct Parts<'a> {
    /// None where a process is traced: all that it has loaded.
    file: Option<&'a Part>,
    provider: Option<&'a Part>,
    name: &'a Part,
}

impl Parts<'_> {
    fn of<'a>(point: &'a Point, host: &dyn Host) -> Result<Parts<'a>, ProbeError> {
        let process = host.process().is_some();
        let is_file = |part: &Part| part.text.contains('/') || host.binaries(&part.text).is_ok();
        Ok(match &point.parts[..] {
            [file, provider, name] => Parts { file: Some(file), provider: Some(provider), name },
            [provider, name] if process && !is_file(provider) => {
                Parts { file: None, provider: Some(provider), name }
            }
            [file, name] => Parts { file: Some(file), provider: None, name },
            [name] if process => Parts { file: None, provider: None, name },
            _ => return Err(files::no_file(&point.part(0))),
        })
    }
}

fn target(
    point: &Point,
    host: &dyn Host,
    path: &str,
    (program, mark): (&dyn Program, &Mark),
) -> Target {
    let Mark { provider, name, address, offset, semaphore, arguments } = mark;
    let variable = |name: &str| program.symbol(name).map(|(address, _)| address);
    let site = Site { arch: host.arch(), address: *address, variable: &variable };
    let attach = Attach::Uprobe {
        path: path.to_owned(),
        offset: *offset,
        ret: false,
        semaphore: *semaphore,
        stamp: program.stamp(),
    };
    let label = format!("{}:{path}:{provider}:{name}", point.kind.name);
    Target { arguments: site.arguments(arguments), ..Target::new(point.kind, label, attach) }
}

/// What an attach point says about marks.
struct Marks<'a> {
    provider: Option<&'a Part>,
    name: &'a Part,
}

impl Marks<'_> {
    fn matches(&self, mark: &Mark) -> bool {
        let provider = self.provider.is_none_or(|part| Pattern::of(part).matches(&mark.provider));
        provider && Pattern::of(self.name).matches(&mark.name)
    }

    /// None is what the attach point says.
    fn missing(&self, file: &Part, files: &Files) -> ProbeError {
        let all: Vec<&Mark> = files.all.iter().flat_map(|(_, program)| program.marks()).collect();
        let within = files.name();
        if all.is_empty() {
            return files::said(
                Diagnostic::error(Code::NotFound, format!("{within} has no marked places"))
                    .label(file.span, "its authors marked none, or it was built without them")
                    .help("`uprobe` probes its functions"),
            );
        }
        let here = |mark: &&Mark| {
            self.provider.is_none_or(|part| Pattern::of(part).matches(&mark.provider))
        };
        if let Some(provider) = self.provider.filter(|_| !all.iter().any(&here)) {
            return ProbeError::NotFound {
                span: provider.span,
                what: format!("the provider `{}` in {within}", provider.text),
                near: nearest(&provider.text, all.iter().map(|mark| mark.provider.as_str()))
                    .map(str::to_owned),
                help: Some(format!("its providers are {}", names(&all, |mark| &mark.provider))),
            };
        }
        let near = all.iter().filter(|mark| here(mark)).map(|mark| mark.name.as_str());
        let elsewhere = all.iter().find(|mark| mark.name == self.name.text);
        ProbeError::NotFound {
            span: self.name.span,
            what: format!("the marked place `{}` in {within}", self.name.text),
            near: nearest(&self.name.text, near).map(str::to_owned),
            help: elsewhere
                .map(|mark| format!("the provider `{}` has one of this name", mark.provider)),
        }
    }
}

/// Some names, each once.
fn names(marks: &[&Mark], name: impl Fn(&Mark) -> &str) -> String {
    const MOST: usize = 8;
    let mut names: Vec<String> = marks.iter().map(|mark| format!("`{}`", name(mark))).collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    let shown = names.join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
