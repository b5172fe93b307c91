//! What the kernel's types say of the things that programs are attached to by their type: what they pass.

use super::kernel::{self, Blob, Reader};
use super::{Access, Field, Origin, Struct, TypeId, Types};
use crate::host::Host;
use crate::host::btf::Named;

/// Begins the name of the type of an event's callbacks.
const EVENT: &str = "btf_trace_";
/// Begin the names of an event's own functions, which know what the arguments are called. Not every kernel has all.
const CALLERS: [&str; 3] = ["__traceiter_", "__probestub_", "__bpf_trace_"];
/// Bytes of an argument in the context of a program.
const SLOT: u32 = 8;

/// What is passed to a program, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// `vmlinux`, or the module that has it.
    pub module: String,
    /// Names and types.
    pub params: Vec<(String, TypeId)>,
}

/// What an event of the kernel passes; of one module (or `vmlinux`) where one is named, else of the first that has it.
pub fn event(
    types: &mut Types,
    host: &dyn Host,
    module: Option<&str>,
    name: &str,
) -> Option<Passed> {
    let wanted = format!("{EVENT}{name}");
    let mut blobs =
        kernel::blobs(host).filter(|blob| module.is_none_or(|module| module == blob.btf.name()));
    let (blob, id) =
        blobs.find_map(|blob| blob.btf.find(Named::Plain, &wanted).map(|id| (blob, id)))?;
    let module = blob.btf.name().to_owned();
    let callers = CALLERS
        .iter()
        .filter_map(|caller| blob.btf.find(Named::Function, &format!("{caller}{name}")));
    let candidates: Vec<u32> = callers.chain([id]).collect();
    let mut reader = Reader::new(types, blob.clone());
    let (mut params, _) = candidates.into_iter().find_map(|id| reader.prototype(id))?;
    // The first is what the kernel keeps for the callback.
    params.drain(..params.len().min(1));
    Some(Passed { module, params })
}

/// The modules and names of all events of the kernel.
pub fn events(host: &dyn Host) -> Vec<(String, String)> {
    let of = |blob: Blob| {
        let names = blob.btf.names(Named::Plain).filter_map(|name| name.strip_prefix(EVENT));
        names.map(|name| (blob.btf.name().to_owned(), name.to_owned())).collect::<Vec<_>>()
    };
    kernel::blobs(host).flat_map(of).collect()
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
