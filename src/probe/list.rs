//! The probes of each type that there are on a machine.

use super::kernel::is_kept_off;
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
    All(fn(&Catalog<'_>) -> Result<Vec<Name>, HostError>),
    /// Those that an attach point stands for.
    Matches,
}

/// The name of a probe without its type. There are tens of thousands, so one text holds all forms of it.
#[derive(Debug, Clone)]
pub struct Name {
    /// The longest form, as [`List::about`] wants it, and as it is shown to those who search for it.
    pub whole: String,
    /// Where in it begins what is otherwise shown.
    pub short: usize,
    /// Where in it begins what it is also found by where its type is named.
    pub found_by: Option<usize>,
}

impl Name {
    pub(super) fn new(name: String) -> Name {
        Name { whole: name, short: 0, found_by: None }
    }

    /// Of something in a module, which need not be said.
    fn within(module: &str, name: &str) -> Name {
        let whole = [module, ":", name].concat();
        Name { found_by: Some(module.len() + 1), ..Name::new(whole) }
    }

    /// The name as it is shown to those who search for what a pattern matches; `named` if they name its type. `None` if
    /// they do not mean it.
    pub(crate) fn shown(&self, pattern: impl Fn(&str) -> bool, named: bool) -> Option<usize> {
        let is_found = |begin: usize| self.whole.get(begin..).is_some_and(&pattern);
        if is_found(self.short) || (named && self.found_by.is_some_and(is_found)) {
            return Some(self.short);
        }
        (self.short > 0 && is_found(0)).then_some(0)
    }
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
pub(super) const PERIODS: List =
    counted(|_| Ok(["hz:", "us:", "ms:", "s:"].map(|unit| Name::new(unit.to_owned())).to_vec()));

/// Probes that pass nothing to programs.
pub(super) const fn all(names: fn(&Catalog<'_>) -> Result<Vec<Name>, HostError>) -> List {
    List { names: Names::All(names), ..NOTHING }
}

/// The same, whose last part says how often they fire.
pub(super) const fn counted(names: fn(&Catalog<'_>) -> Result<Vec<Name>, HostError>) -> List {
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

fn functions(catalog: &Catalog<'_>) -> Result<Vec<Name>, HostError> {
    let all = catalog.host.functions()?.iter().filter(|function| !is_kept_off(&function.name));
    let named = all.map(|function| match &function.module {
        Some(module) => Name::new([module, ":", &function.name].concat()),
        None => {
            let whole = [KERNEL, ":", &function.name].concat();
            Name { short: KERNEL.len() + 1, ..Name::new(whole) }
        }
    });
    Ok(named.collect())
}

/// The functions that the kernel describes, of those that can be probed where it says which they are.
fn typed_functions(catalog: &Catalog<'_>) -> Result<Vec<Name>, HostError> {
    catalog.host.btf(0)?;
    let traceable = catalog.host.functions().unwrap_or_default();
    let traceable: std::collections::HashSet<(&str, &str)> = traceable
        .iter()
        .map(|function| (function.module.as_deref().unwrap_or(KERNEL), function.name.as_str()))
        .collect();
    let mut names = Vec::new();
    for btf in catalog.blobs() {
        let own = btf.names(crate::host::btf::Named::Function);
        let own = own.filter(|name| {
            !is_kept_off(name) && (traceable.is_empty() || traceable.contains(&(btf.name(), name)))
        });
        names.extend(own.map(|name| Name::within(btf.name(), name)));
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

fn tracepoints(catalog: &Catalog<'_>) -> Result<Vec<Name>, HostError> {
    let all = catalog.host.tracepoints()?;
    Ok(all
        .into_iter()
        .map(|(category, event)| Name::new([category, ":".to_owned(), event].concat()))
        .collect())
}

fn events(catalog: &Catalog<'_>) -> Result<Vec<Name>, HostError> {
    catalog.host.btf(0)?;
    let all = traced::event_names(catalog.host);
    Ok(all.iter().map(|(module, event)| Name::within(module, event)).collect())
}

fn iterators(catalog: &Catalog<'_>) -> Result<Vec<Name>, HostError> {
    if !catalog.host.has(Feature::Btf) {
        return Err(HostError::Lacks(Feature::Btf));
    }
    let all = traced::iterators(catalog.host);
    let usable = all.into_iter().filter(|name| !super::tracing::is_of_a_map(name));
    Ok(usable.map(Name::new).collect())
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
