//! What there is to probe on a machine, and its types: `-l`.

mod catalog;
mod declare;
mod padding;

pub use catalog::Catalog;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use indexmap::IndexSet;

use crate::host::btf::Btf;
use crate::host::{Feature, Host, HostError};
use crate::ir::Program;
use crate::probe::{self, AllNames, Kind, Name, Names, Part, Point, Target};
use crate::source::Span;
use crate::syntax::{ast, attach};
use crate::types::{self, Types};

/// What is listed where nothing is searched for.
pub const EVERYTHING: &str = "*:*";

/// How a list is made.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// With the arguments of each probe, and definitions of types.
    pub verbose: bool,
    /// The files of a process, if one is given: probes of programs are also those of all its files.
    pub process: Option<Vec<PathBuf>>,
    /// The folders of programs, which are searched for those whose authors marked places.
    pub folders: Vec<PathBuf>,
}

/// What was found, and why some of it could not be.
#[derive(Debug, Default)]
pub struct Listing {
    /// A line for each probe, as an attach point writes it (`tracepoint:sched:sched_switch`), or type, as C does; below
    /// it, indented, a line for each thing that it passes to programs. There may be tens of thousands.
    pub text: String,
    /// What cannot be listed, and the reason.
    pub troubles: Vec<String>,
}

impl Listing {
    /// The probes, or names of types, without details.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.text.lines().filter(|line| !line.starts_with(INDENT))
    }

    fn add(&mut self, label: &[&str], details: &[String]) {
        self.text.extend(label.iter().copied());
        self.text.push('\n');
        for line in details {
            self.text.extend([INDENT, line, "\n"]);
        }
    }
}

/// What stands before details.
const INDENT: &str = "    ";

/// Lists what some patterns, separated by commas, match: of probes, or of types if they begin with `struct` and the like.
pub fn search(patterns: &str, host: &dyn Host, manner: &Manner) -> Listing {
    let mut listing = Listing::default();
    let catalog = Catalog::new(host);
    for pattern in separate(patterns) {
        match type_pattern(pattern) {
            Some((kind, name)) => {
                let found = catalog.types(kind, name, manner.verbose);
                found.iter().for_each(|label| listing.add(&[label], &[]));
            }
            None => probes(pattern, &catalog, manner, &mut listing),
        }
    }
    listing
}

/// What a probe of this name passes to programs, a line each.
pub(crate) fn details(label: &str, catalog: &Catalog<'_>) -> Vec<String> {
    let (kind, rest) = label.split_once(':').unwrap_or((label, ""));
    probe::find(kind).map(|kind| (kind.list.about)(rest, catalog)).unwrap_or_default()
}

/// The declarations of the fields of a kernel's struct, by name: of the type of a number in the blob of a number.
pub(crate) fn fields(
    types: &Types,
    host: &dyn Host,
    (blob, id): (u32, u32),
) -> HashMap<String, String> {
    let btf = types::blob(types, host, blob);
    btf.map(|btf| declare::fields(&btf, id).into_iter().collect()).unwrap_or_default()
}

/// The names of the kernel's types that have a tag (`struct`) and begin with some letters.
pub(crate) fn type_names(tag: &str, begin: &str, host: &dyn Host) -> Vec<String> {
    let Some((_, kind)) = declare::TAGS.into_iter().find(|(known, _)| *known == tag) else {
        return Vec::new();
    };
    let catalog = Catalog::new(host);
    let named = |btf: std::rc::Rc<Btf>| -> Vec<String> {
        let names = btf.names(kind).filter(|name| name.starts_with(begin));
        names.map(str::to_owned).collect()
    };
    catalog.blobs().flat_map(named).collect()
}

/// Lists the probes of a script.
pub fn script(program: &Program, host: &dyn Host, manner: &Manner) -> Listing {
    let catalog = Catalog::new(host);
    let points = program.probes.iter().flat_map(|probe| &probe.points);
    let labels: IndexSet<String> = points
        .filter(|point| !point.attach.is_run())
        .map(|point| without_count(&point.label))
        .collect();
    let mut listing = Listing::default();
    for label in labels {
        let details = if manner.verbose { details(&label, &catalog) } else { Vec::new() };
        listing.add(&[&label], &details);
    }
    listing
}

/// How often a probe fires is nothing to list: `software:faults:` for `software:faults:10`.
fn without_count(label: &str) -> String {
    let Some((kind, rest)) = label.split_once(':') else { return label.to_owned() };
    match probe::find(kind) {
        Some(kind) if kind.list.counted => {
            format!("{}:{}:", kind.name, rest.split(':').next().unwrap_or_default())
        }
        _ => label.to_owned(),
    }
}

/// Cuts at commas that stand in no quotes.
fn separate(patterns: &str) -> Vec<&str> {
    let mut quoted = false;
    let cut = patterns.split(|letter| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    });
    cut.map(str::trim).filter(|pattern| !pattern.is_empty()).collect()
}

fn type_pattern(pattern: &str) -> Option<(crate::host::btf::Named, &str)> {
    let (tag, name) = pattern.split_once(char::is_whitespace)?;
    let (_, kind) = declare::TAGS.into_iter().find(|(known, _)| *known == tag)?;
    Some((kind, name.trim()))
}

fn probes(pattern: &str, catalog: &Catalog<'_>, manner: &Manner, listing: &mut Listing) {
    let (provider, rest) = pattern.split_once(':').unwrap_or(("*", pattern));
    let (kinds, named) = kinds(provider, rest, catalog, manner);
    for kind in kinds {
        match add_matches((kind, named), rest, (catalog, manner), listing) {
            Ok(()) => {}
            // That a kernel has nothing of a kind needs not be said to who asks for all kinds.
            Err(HostError::Lacks(_)) if !named => {}
            Err(error) => {
                listing.troubles.push(format!("`{}` probes cannot be listed: {error}", kind.name));
            }
        }
        let lacking = kind.needs.filter(|feature| named && !catalog.host.has(*feature));
        listing.troubles.extend(lacking.map(|feature| lacks(kind, feature)));
    }
}

fn lacks(kind: &Kind, feature: Feature) -> String {
    format!("this kernel has no {}, so `{}` probes cannot be attached", feature.title(), kind.name)
}

/// The probe types that a search means, by name, and whether it names one.
fn kinds(
    provider: &str,
    rest: &str,
    catalog: &Catalog<'_>,
    manner: &Manner,
) -> (Vec<&'static Kind>, bool) {
    if let Some(kind) = probe::find(provider) {
        return (vec![kind], true);
    }
    let part = |text: &str| Part { text: text.to_owned(), quoted: false, span: Span::default() };
    let pattern = part(if provider.is_empty() { "*" } else { provider });
    if !pattern.is_pattern() {
        return (Vec::new(), true);
    }
    let mut found: BTreeMap<&str, &Kind> = BTreeMap::new();
    let mut add = |in_files| {
        found.extend(probe::matching(&pattern, in_files).into_iter().map(|kind| (kind.name, kind)));
    };
    add(false);
    let file = rest.split_once(':').map_or("", |(file, _)| file);
    if manner.process.is_some() || (file.contains('/') && catalog.host.binaries(file).is_ok()) {
        add(true);
    }
    let usable = |kind: &&Kind| kind.needs.is_none_or(|feature| catalog.host.has(feature));
    (found.into_values().filter(usable).collect(), false)
}

/// Adds the probes of a type, which is named by the search or not, that are searched for.
fn add_matches(
    (kind, named): (&'static Kind, bool),
    rest: &str,
    (catalog, manner): (&Catalog<'_>, &Manner),
    listing: &mut Listing,
) -> Result<(), HostError> {
    let (names, pattern) = match kind.list.names {
        Names::Nothing => return Ok(()),
        Names::All(_)
            if kind.list.resolved.is_some_and(|first| rest.split(':').next() == Some(first)) =>
        {
            (AllNames::from_iter(resolved(kind, rest, catalog)), "*")
        }
        Names::All(names) => (names(catalog)?, rest),
        Names::Matches => {
            let rests = rests(kind, rest, manner);
            (rests.iter().flat_map(|rest| resolved(kind, rest, catalog)).collect(), "*")
        }
    };
    let pattern = probe::pattern_with_stars(pattern);
    let mut shown: Vec<Shown<'_>> =
        names.iter().filter_map(|name| Shown::new(name, &pattern, named)).collect();
    shown.sort_unstable();
    shown.dedup_by(|one, other| one.text == other.text);
    for Shown { text, whole, .. } in shown {
        let about = || (kind.list.about)(whole, catalog);
        let details = if manner.verbose { about() } else { Vec::new() };
        listing.add(&[kind.name, ":", text], &details);
    }
    Ok(())
}

/// A name as it is shown. Ordered by that, of which the first letters, as a number, are compared faster than all.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Shown<'a> {
    begin: u64,
    text: &'a str,
    whole: &'a str,
}

impl<'a> Shown<'a> {
    /// Nothing if the name is none of those that are searched for.
    fn new(name: Name<'a>, pattern: impl Fn(&str) -> bool, named: bool) -> Option<Shown<'a>> {
        let text = name.shown(pattern, named)?;
        let mut begin = [0; 8];
        begin.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
        Some(Shown { begin: u64::from_be_bytes(begin), text, whole: name.whole })
    }
}

/// What is searched for, with the files where that says nothing of files.
fn rests(kind: &Kind, rest: &str, manner: &Manner) -> Vec<String> {
    let files = || match &manner.process {
        Some(files) => files.iter().map(|file| format!("\"{}\"", file.display())).collect(),
        // Only what authors marked is few enough to be searched for everywhere.
        None if kind.arity().0 > 1 => Vec::new(),
        None => manner.folders.iter().map(|folder| format!("{}/*", folder.display())).collect(),
    };
    match attach::split(&point(kind, rest), &[]) {
        Ok(parts) if parts.len() == 2 => {
            let files: Vec<String> = files();
            files.iter().map(|file| format!("{file}:{rest}")).collect()
        }
        _ => vec![rest.to_owned()],
    }
}

fn point(kind: &Kind, rest: &str) -> ast::AttachPoint {
    ast::AttachPoint { text: format!("{}:{rest}", kind.name), span: Span::default() }
}

/// The names of what an attach point stands for, without that of the type; none if it is none.
fn resolved(kind: &'static Kind, rest: &str, catalog: &Catalog<'_>) -> Vec<String> {
    let targets = targets(kind, rest, catalog.host, &mut Types::new());
    let own = |label: String| Some(label.split_once(':')?.1.to_owned());
    targets.into_iter().filter_map(|target| own(target.label)).collect()
}

/// What an attach point stands for; nothing if it is none.
pub(crate) fn targets(
    kind: &'static Kind,
    rest: &str,
    host: &dyn Host,
    types: &mut Types,
) -> Vec<Target> {
    let span = Span::default();
    let Ok(parts) = attach::split(&point(kind, rest), &[]) else { return Vec::new() };
    let parts = parts.into_iter().skip(1);
    let parts: Vec<Part> =
        parts.map(|part| Part { text: part.text, quoted: part.quoted, span: part.span }).collect();
    let (least, most) = kind.arity();
    if parts.len() < least || parts.len() > most {
        return Vec::new();
    }
    let point = Point { kind, parts, span, unsafe_mode: false, most: usize::MAX };
    (kind.resolve)(&point, host, types).unwrap_or_default()
}
