//! The probes of each type that there are on a machine.

use std::collections::HashSet;

use super::kernel::is_kept_off;
use super::names::AllNames;
use super::pattern::Pattern;
use super::trampoline::PROGRAMS;
use super::user;
use super::user::arguments::arguments;
use crate::builtin::RESULT;
use crate::host::{Feature, HostError};
use crate::list::Catalog;
use crate::types::catalog::fields;
use crate::types::{Type, Types, traced};

/// How the probes of a type are listed.
#[derive(Debug, Clone, Copy)]
pub struct List {
    /// Which there are.
    pub names: Names,
    /// What one passes to programs, by what its name has after the type's.
    pub about: fn(&str, &Catalog<'_>) -> Vec<String>,
    /// The last part says how often it fires, and is not listed.
    pub counted: bool,
    /// Where the first part is this, names are those that an attach point stands for.
    pub resolved: Option<&'static str>,
}

/// How the probes of a type are found.
#[derive(Debug, Clone, Copy)]
pub enum Names {
    /// Scripts make them.
    Nothing,
    /// All are known.
    All(fn(&Catalog<'_>) -> Result<AllNames, HostError>),
    /// Those that an attach point stands for.
    Matches,
}

/// Whether a name is what a text with `*` in it stands for.
pub fn pattern_with_stars(text: &str) -> impl Fn(&str) -> bool {
    let pattern = Pattern::with_stars(text);
    move |name| pattern.matches(name)
}

pub(super) const NOTHING: List =
    List { names: Names::Nothing, about: |_, _| Vec::new(), counted: false, resolved: None };
pub(super) const MATCHES: List = List { names: Names::Matches, ..NOTHING };
/// Functions of programs, whose arguments their debug information tells.
pub(super) const USER_FUNCTIONS: List = List { about: user_arguments, ..MATCHES };
pub(super) const PERIODS: List = counted(|_| Ok(AllNames::from_iter(["hz:", "us:", "ms:", "s:"])));

/// Probes that pass nothing to programs.
pub(super) const fn all(names: fn(&Catalog<'_>) -> Result<AllNames, HostError>) -> List {
    List { names: Names::All(names), ..NOTHING }
}

/// The same, whose last part says how often they fire.
pub(super) const fn counted(names: fn(&Catalog<'_>) -> Result<AllNames, HostError>) -> List {
    List { counted: true, ..all(names) }
}

pub(super) const FUNCTIONS: List = List {
    names: Names::All(functions),
    about: |name, catalog| signature(name, catalog, false),
    counted: false,
    resolved: None,
};
pub(super) const RETURNS: List = List {
    names: Names::All(functions),
    about: |name, catalog| signature(name, catalog, true),
    counted: false,
    resolved: None,
};
pub(super) const TYPED_FUNCTIONS: List =
    List { names: Names::All(typed_functions), resolved: Some(PROGRAMS), ..FUNCTIONS };
pub(super) const TYPED_RETURNS: List =
    List { names: Names::All(typed_functions), resolved: Some(PROGRAMS), ..RETURNS };
pub(super) const TRACEPOINTS: List = List {
    names: Names::All(tracepoints),
    about: |name, catalog| {
        let (category, event) = name.split_once(':').unwrap_or((name, ""));
        catalog.tracepoint(category, event)
    },
    counted: false,
    resolved: None,
};
pub(super) const EVENTS: List = List {
    names: Names::All(events),
    about: |name, catalog| {
        let (module, event) = name.split_once(':').unwrap_or((KERNEL, name));
        catalog.event(module, event).unwrap_or_default()
    },
    counted: false,
    resolved: None,
};
pub(super) const ITERATORS: List = List {
    names: Names::All(iterators),
    about: |name, catalog| catalog.iterator(name),
    counted: false,
    resolved: None,
};

/// What the kernel itself is called among its modules.
const KERNEL: &str = "vmlinux";

fn functions(catalog: &Catalog<'_>) -> Result<AllNames, HostError> {
    let mut names = AllNames::default();
    for function in catalog.host.functions()?.iter().filter(|known| !is_kept_off(known.name)) {
        match function.module {
            Some(module) => names.add(&[module, ":", function.name]),
            None => names.add_of(KERNEL, function.name),
        }
    }
    Ok(names)
}

/// The functions that the kernel describes, of those that can be probed where it says which they are.
fn typed_functions(catalog: &Catalog<'_>) -> Result<AllNames, HostError> {
    catalog.host.btf(0)?;
    let traceable: HashSet<(&str, &str)> = match catalog.host.functions() {
        Ok(all) => all.iter().map(|known| (known.module.unwrap_or(KERNEL), known.name)).collect(),
        Err(_) => HashSet::new(),
    };
    let mut names = AllNames::default();
    for btf in catalog.blobs() {
        let own = btf.names(crate::host::btf::Named::Function);
        let own = own.filter(|name| {
            !is_kept_off(name) && (traceable.is_empty() || traceable.contains(&(btf.name(), name)))
        });
        own.for_each(|name| names.add_within(btf.name(), name));
    }
    Ok(names)
}

fn signature(name: &str, catalog: &Catalog<'_>, returns: bool) -> Vec<String> {
    let (module, name) = match name.split_once(':') {
        Some((module, name)) => (Some(module), name),
        None => (None, name),
    };
    let Some((mut lines, result)) = catalog.function(module, name) else { return Vec::new() };
    lines.extend((returns && result != format!("void {RESULT}")).then_some(result));
    lines
}

fn tracepoints(catalog: &Catalog<'_>) -> Result<AllNames, HostError> {
    let mut names = AllNames::default();
    for (category, event) in catalog.host.tracepoints()? {
        names.add(&[&category, ":", &event]);
    }
    Ok(names)
}

fn events(catalog: &Catalog<'_>) -> Result<AllNames, HostError> {
    catalog.host.btf(0)?;
    let mut names = AllNames::default();
    for (module, event) in traced::event_names(catalog.host) {
        names.add_within(&module, &event);
    }
    Ok(names)
}

fn iterators(catalog: &Catalog<'_>) -> Result<AllNames, HostError> {
    if !catalog.host.has(Feature::Btf) {
        return Err(HostError::Lacks(Feature::Btf));
    }
    let all = traced::iterators(catalog.host);
    let usable = all.into_iter().filter(|name| !super::tracing::is_of_a_map(name));
    Ok(usable.collect())
}

/// The arguments of a function of a program, with types as scripts write them.
fn user_arguments(name: &str, catalog: &Catalog<'_>) -> Vec<String> {
    let mut types = Types::new();
    let kind = user::ENTRY;
    let targets = crate::list::targets(kind, name, catalog.host, &mut types);
    let found = targets.first().map(|target| arguments(target, catalog.host, &mut types));
    let Some(Ok(found)) = found else { return Vec::new() };
    let Type::Struct(id) = *types.get(found.record) else { return Vec::new() };
    let fields = fields(&mut types, catalog.host, id);
    let shown = fields.iter().map(|field| format!("{} {}", types.name(field.ty), field.name));
    shown.collect()
}
