//! What the kernel's types say of the things that programs are attached to by their type: what they pass.

use std::collections::HashMap;

use super::kernel::{self, Blob, Prototype, Reader, Shape};
use super::{Access, Field, Origin, Struct, TypeId, Types};
use crate::host::Host;
use crate::host::btf::Named;

/// Begins the name of the type of an event's callbacks.
const EVENT: &str = "btf_trace_";
/// Begins the name of a function of each event, which knows what the arguments are called.
const CALLER: &str = "__traceiter_";
/// Bytes of an argument in the context of a program.
const SLOT: u32 = 8;

/// Something that is traced, and what it passes to a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traced {
    /// `vmlinux`, or the module that has it.
    pub module: String,
    /// Its name there.
    pub name: String,
    /// Names and types in order.
    pub params: Vec<(String, TypeId)>,
}

/// Which modules and which names are looked for.
pub type Wanted<'a> = (&'a dyn Fn(&str) -> bool, &'a dyn Fn(&str) -> bool);

/// The event of the kernel of this name, in the first of the modules that has it.
pub fn event(
    types: &mut Types,
    host: &dyn Host,
    module: &dyn Fn(&str) -> bool,
    name: &str,
) -> Option<Traced> {
    let wanted = format!("{EVENT}{name}");
    let mut blobs = kernel::blobs(host).filter(|blob| module(blob.btf.name()));
    let found = |blob: Blob| blob.btf.find(Named::Plain, &wanted).map(|id| (blob, id));
    let (blob, callback) = blobs.find_map(found)?;
    let caller = blob.btf.find(Named::Function, &format!("{CALLER}{name}"));
    passed(types, &blob, name, [caller, Some(callback)])
}

/// All events of the kernel that are wanted.
pub fn events(types: &mut Types, host: &dyn Host, (module, name): Wanted<'_>) -> Vec<Traced> {
    let mut found = Vec::new();
    for blob in kernel::blobs(host).filter(|blob| module(blob.btf.name())) {
        let callers = blob.btf.all(Named::Function);
        let callers: HashMap<&str, u32> = callers
            .filter_map(|(id, name)| name.strip_prefix(CALLER).map(|name| (name, id)))
            .collect();
        let callbacks = blob.btf.all(Named::Plain);
        let callbacks = callbacks.filter_map(|(id, name)| Some((id, name.strip_prefix(EVENT)?)));
        for (callback, event) in callbacks.filter(|(_, event)| name(event)) {
            let sources = [callers.get(event).copied(), Some(callback)];
            found.extend(passed(types, &blob, event, sources));
        }
    }
    found
}

/// What an event passes, by the first of these types that says it.
fn passed(types: &mut Types, blob: &Blob, name: &str, sources: [Option<u32>; 2]) -> Option<Traced> {
    let mut reader = Reader::new(types, blob.clone());
    let found = sources.into_iter().flatten().find_map(|id| reader.prototype(id));
    let mut params = found?.params;
    // The first is what the kernel keeps for the callback.
    params.drain(..params.len().min(1));
    Some(Traced { module: blob.btf.name().to_owned(), name: name.to_owned(), params })
}

/// The modules and names of all events of the kernel.
pub fn event_names(host: &dyn Host) -> Vec<(String, String)> {
    let of = |blob: Blob| {
        let names = blob.btf.names(Named::Plain).filter_map(|name| name.strip_prefix(EVENT));
        names.map(|name| (blob.btf.name().to_owned(), name.to_owned())).collect::<Vec<_>>()
    };
    kernel::blobs(host).flat_map(of).collect()
}

/// A function that can be traced by its type, or why it cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Where it is, its name, and its arguments.
    pub traced: Traced,
    /// [`TypeId::VOID`] where it returns nothing.
    pub result: TypeId,
    /// What the kernel does not make programs for.
    pub trouble: Option<&'static str>,
}

/// The functions of this name: that of `vmlinux` if it has one, else those of all modules that are wanted.
pub fn function(
    types: &mut Types,
    host: &dyn Host,
    module: &dyn Fn(&str) -> bool,
    name: &str,
) -> Vec<Function> {
    let mut found = Vec::new();
    for blob in kernel::blobs(host) {
        if !module(blob.btf.name()) {
            continue;
        }
        let id = blob.btf.find(Named::Function, name);
        found.extend(id.and_then(|id| signature(types, host, &blob, (id, name))));
        if blob.number == 0 && !found.is_empty() {
            break;
        }
    }
    found
}

/// A function that the kernel describes and makes programs for, before its types are read.
pub struct Candidate {
    blob: Blob,
    id: u32,
    /// Its name.
    pub name: String,
}

impl Candidate {
    /// `vmlinux`, or the module that has it.
    pub fn module(&self) -> &str {
        self.blob.btf.name()
    }

    /// The function with its types.
    pub fn read(&self, types: &mut Types, host: &dyn Host) -> Option<Function> {
        signature(types, host, &self.blob, (self.id, &self.name))
    }
}

/// All functions that are wanted, and that the kernel makes programs for.
pub fn candidates(host: &dyn Host, (module, name): Wanted<'_>) -> Vec<Candidate> {
    let slots = slots(host);
    let mut found = Vec::new();
    for blob in kernel::blobs(host).filter(|blob| module(blob.btf.name())) {
        let named = blob.btf.all(Named::Function).filter(|(id, function)| {
            let shape = || kernel::shape(&blob.btf, *id);
            name(function) && shape().is_some_and(|shape| trouble(&blob, &shape, slots).is_none())
        });
        found.extend(named.map(|(id, name)| {
            let name = name.to_owned();
            Candidate { blob: blob.clone(), id, name }
        }));
    }
    found
}

/// The names of all functions of the modules that are wanted.
pub fn function_names(host: &dyn Host, module: &dyn Fn(&str) -> bool) -> Vec<String> {
    let blobs = kernel::blobs(host).filter(|blob| module(blob.btf.name()));
    let names = |blob: Blob| blob.btf.names(Named::Function).map(str::to_owned).collect::<Vec<_>>();
    blobs.flat_map(names).collect()
}

/// Words that programs find the arguments in, in the kernels that have fewest.
const FEWEST_SLOTS: u32 = 6;
/// The same since Linux 6.6.
const MOST_SLOTS: u32 = 12;
/// The largest argument that is passed by its value.
const LARGEST_VALUE: u32 = 16;

fn slots(host: &dyn Host) -> u32 {
    if host.version() >= (6, 6, 0) { MOST_SLOTS } else { FEWEST_SLOTS }
}

/// Why the kernel makes no programs for a function.
fn trouble(blob: &Blob, shape: &Shape<'_>, slots: u32) -> Option<&'static str> {
    if shape.open {
        return Some("it takes any number of arguments");
    }
    let sizes = shape.params.iter().map(|(_, ty)| kernel::passed(&blob.btf, *ty, true));
    let sizes: Option<Vec<u32>> = sizes.collect();
    let has_result = kernel::passed(&blob.btf, shape.result, false).is_some();
    let Some(sizes) = sizes.filter(|_| has_result) else {
        return Some("it takes a union by its value, or returns a struct");
    };
    if sizes.iter().any(|size| *size > LARGEST_VALUE) {
        return Some("one of its arguments is a struct of more than 16 bytes, passed by its value");
    }
    let needed: u32 = sizes.iter().map(|size| size.div_ceil(SLOT)).sum();
    (needed > slots).then_some("it has too many arguments")
}

fn signature(
    types: &mut Types,
    host: &dyn Host,
    blob: &Blob,
    (id, name): (u32, &str),
) -> Option<Function> {
    let trouble = trouble(blob, &kernel::shape(&blob.btf, id)?, slots(host));
    let Prototype { params, result } = Reader::new(types, blob.clone()).prototype(id)?;
    let traced = Traced { module: blob.btf.name().to_owned(), name: name.to_owned(), params };
    Some(Function { traced, result, trouble })
}

/// Begins the names of the contexts of iterators.
const ITERATOR: &str = "bpf_iter__";

/// The context of the programs of an iterator, if the kernel has it.
pub fn iterator(types: &mut Types, host: &dyn Host, object: &str) -> Option<TypeId> {
    kernel::find(types, host, Named::Struct, &format!("{ITERATOR}{object}"))
}

/// What the kernel has iterators of.
pub fn iterators(host: &dyn Host) -> Vec<String> {
    let of = |blob: Blob| {
        let names = blob.btf.names(Named::Struct).filter_map(|name| name.strip_prefix(ITERATOR));
        // What has a second `__` is a remark for the kernel's verifier.
        names.filter(|name| !name.contains("__")).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut names: Vec<String> = kernel::blobs(host).flat_map(of).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The context of a program to which these are passed: each begins at a multiple of 8 bytes.
pub fn context(types: &mut Types, name: &str, params: &[(String, TypeId)]) -> TypeId {
    let mut offset = 0;
    let mut fields = Vec::with_capacity(params.len());
    for (index, (param, ty)) in params.iter().enumerate() {
        let name = if param.is_empty() { format!("arg{index}") } else { param.clone() };
        fields.push(Field { name, ty: *ty, offset, access: Access::Plain });
        offset += types.size(*ty).next_multiple_of(SLOT).max(SLOT);
    }
    types.add_struct(Struct {
        name: name.to_owned(),
        size: offset,
        align: SLOT,
        fields: Some(fields),
        origin: Origin::Script,
    })
}
