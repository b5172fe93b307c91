//! What a list needs to look up again and again.

use std::cell::{Cell, OnceCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::declare;
use crate::host::btf::{Btf, Named};
use crate::host::{FieldKind, Host, TracepointField};
use crate::probe::pattern_with_stars;

/// The functions of a name: the blobs that have them, and their numbers there.
type Functions = HashMap<String, Vec<(Rc<Btf>, u32)>>;

/// The machine, and what was looked up already.
pub struct Catalog<'a> {
    /// The machine.
    pub host: &'a dyn Host,
    functions: OnceCell<Functions>,
    /// How many functions were looked up before there was a table of them.
    looked_up: Cell<usize>,
}

/// Looking up so many functions is faster than making a table of all.
const FEW: usize = 8;

impl<'a> Catalog<'a> {
    /// Nothing is looked up yet.
    pub fn new(host: &'a dyn Host) -> Self {
        Self { host, functions: OnceCell::new(), looked_up: Cell::new(0) }
    }

    /// What the kernel says of its types: itself, then its modules.
    pub fn blobs(&self) -> impl Iterator<Item = Rc<Btf>> {
        (0..self.host.btf_count()).filter_map(|number| self.host.btf(number).ok())
    }

    /// The arguments of a function of the kernel, and what it returns.
    pub fn function(&self, module: Option<&str>, name: &str) -> Option<(Vec<String>, String)> {
        let own = |btf: &Btf| module.is_none_or(|module| module == btf.name());
        if self.looked_up.get() < FEW {
            self.looked_up.update(|count| count + 1);
            let mut found = self.blobs().filter(|btf| own(btf));
            return found
                .find_map(|btf| declare::prototype(&btf, btf.find(Named::Function, name)?));
        }
        let all = self.functions.get_or_init(|| self.all_functions());
        let (btf, id) = all.get(name)?.iter().find(|(btf, _)| own(btf))?;
        declare::prototype(btf, *id)
    }

    fn all_functions(&self) -> Functions {
        let mut all = Functions::new();
        for btf in self.blobs() {
            for (id, name) in btf.all(Named::Function) {
                all.entry(name.to_owned()).or_default().push((btf.clone(), id));
            }
        }
        all
    }

    /// The arguments of an event of the kernel.
    pub fn event(&self, module: &str, name: &str) -> Option<Vec<String>> {
        let caller = self.function(Some(module), &format!("__traceiter_{name}"));
        let btf = || self.blobs().find(|btf| btf.name() == module);
        let (mut params, _) = caller.or_else(|| {
            let btf = btf()?;
            declare::prototype(&btf, btf.find(Named::Plain, &format!("btf_trace_{name}"))?)
        })?;
        // The first is what the kernel keeps for the callback.
        params.drain(..params.len().min(1));
        Some(params)
    }

    /// The objects that an iterator passes.
    pub fn iterator(&self, object: &str) -> Vec<String> {
        let name = format!("bpf_iter__{object}");
        let found = self.blobs().find_map(|btf| Some((btf.find(Named::Struct, &name)?, btf)));
        found.map(|(id, btf)| declare::members(&btf, id, "meta")).unwrap_or_default()
    }

    /// The fields of a tracepoint.
    pub fn tracepoint(&self, category: &str, event: &str) -> Vec<String> {
        let fields = self.host.tracepoint(category, event).unwrap_or_default();
        let own = fields.iter().filter(|field| !field.name.starts_with("common_"));
        own.map(field).collect()
    }

    /// The structs, unions or enums whose names a pattern matches.
    pub(super) fn types(&self, kind: Named, pattern: &str, verbose: bool) -> Vec<String> {
        let matches = pattern_with_stars(pattern);
        let tag = declare::TAGS.iter().find(|(_, other)| *other == kind).map_or("", |(tag, _)| tag);
        let mut found = Vec::new();
        for btf in self.blobs() {
            for (id, name) in btf.all(kind).filter(|(_, name)| matches(name)) {
                let label = match verbose {
                    true => format!("{}: {}", btf.name(), declare::definition(&btf, id)),
                    false => format!("{tag} {name}"),
                };
                found.push((name.to_owned(), label));
            }
        }
        // Those of one name stay in the order of the modules.
        found.sort_by(|one, other| one.0.cmp(&other.0));
        let mut found: Vec<String> = found.into_iter().map(|(_, label)| label).collect();
        found.dedup();
        found
    }
}

/// As the kernel writes it.
fn field(field: &TracepointField) -> String {
    let TracepointField { name, c_type, kind, .. } = field;
    match kind {
        FieldKind::Plain => format!("{c_type} {name}"),
        FieldKind::Array(len) => format!("{c_type} {name}[{len}]"),
        FieldKind::DataLoc => format!("__data_loc {c_type}[] {name}"),
        FieldKind::RelLoc => format!("__rel_loc {c_type}[] {name}"),
    }
}
