//! Probe types on the kernel's own functions: `kprobe` and `kretprobe`.

use ebtrace_image::Attach;

use super::list;
use super::pattern::Pattern;
use super::{
    Context, Field, Kind, Part, Point, ProbeError, Search, Target, Targets, parse_number,
    split_offset,
};
use crate::diagnostic::nearest;
use crate::host::{Feature, Host, KernelFunctions};
use crate::ir::ProgramType;
use crate::types::{Space, Types};

const SHAPE: &[Field] =
    &[Field { name: "module", optional: true }, Field { name: "function", optional: false }];

/// What the kernel itself is called among its modules.
pub(super) const KERNEL: &str = "vmlinux";

/// In front of a function that is not meant in modules.
pub(super) const PREFIX: &str = "vmlinux:";

pub(super) const ALL: &[Kind] = &[
    Kind {
        name: "kprobe",
        aliases: &["k"],
        shape: SHAPE,
        search: Search::Kernel,
        list: list::FUNCTIONS,
        context: Context::Entry,
        program: ProgramType::Kprobe,
        space: Space::Kernel,
        needs: Some(Feature::Kprobes),
        instead: syscall_entry,
        resolve: kprobe,
        summary: "Fires when a kernel function is entered.",
        details: "`kprobe:function+offset` fires at an instruction within it, `kprobe:module:function` means the function \
                  of a module; `vmlinux` is the kernel itself. Where several functions have the name, all of them are \
                  probed. With a `kretprobe` of the same functions it is attached by one link, where the kernel can \
                  (Linux 6.10) and both are the only ones of the script. `*` stands for any letters: `kprobe:vfs_*` probes all functions that begin so, with one \
                  program for all. `arg0` to `arg5` are the function's arguments as unsigned 64-bit numbers, `func` is \
                  its name. `kprobe:0xADDRESS` probes an instruction by its address, with `--unsafe`.",
        examples: &[
            "kprobe:do_sys_openat2 { @[comm] = count(); }",
            "kprobe:vfs_read { @size = hist(arg2); }",
            "kprobe:vfs_* { @[func] = count(); }",
        ],
    },
    Kind {
        name: "kretprobe",
        aliases: &["kr"],
        shape: SHAPE,
        search: Search::Named,
        list: list::RETURNS,
        context: Context::Return,
        program: ProgramType::Kprobe,
        space: Space::Kernel,
        needs: Some(Feature::Kprobes),
        instead: syscall_exit,
        resolve: kretprobe,
        summary: "Fires when a kernel function returns.",
        details: "`retval` is what it returned, as an unsigned 64-bit number.",
        examples: &["kretprobe:vfs_read /retval < 0x7fffffff/ { @bytes = sum(retval); }"],
    },
];

fn kprobe(point: &Point, host: &dyn Host, _: &mut Types) -> Targets {
    function_probe(point, host, false)
}

fn kretprobe(point: &Point, host: &dyn Host, _: &mut Types) -> Targets {
    function_probe(point, host, true)
}

fn function_probe(point: &Point, host: &dyn Host, ret: bool) -> Targets {
    let place = Place::of(point)?;
    if ret && place.part.text.contains('+') {
        return Err(ProbeError::ReturnOffset { span: place.part.span, kind: point.kind });
    }
    if let Some(address) = place.address() {
        return at_address(point, &place, (address, ret), host);
    }
    let functions: Vec<(Option<String>, String)> =
        if place.part.is_pattern() || place.module.is_some() {
            matching(&place, host)?
        } else if host.has_function(&place.function) == Ok(false) {
            return Err(missing_function(&place, host));
        } else {
            vec![(None, place.function.clone())]
        };
    if place.offset > 0 {
        place.check_offset(host)?;
    }
    let named = functions.into_iter().map(|(module, function)| {
        let symbol = match &module {
            Some(module) => format!("{module}:{function}"),
            None => function.clone(),
        };
        let suffix = if place.offset == 0 { String::new() } else { format!("+{}", place.offset) };
        let module = module.map(|module| format!("{module}:")).unwrap_or_default();
        let label = format!("{}:{module}{function}{suffix}", point.kind.name);
        let attach = Attach::Kprobe { function: symbol, offset: place.offset, ret };
        Target { function: Some(function), ..Target::new(point.kind, label, attach) }
    });
    Ok(named.collect())
}

/// What an attach point says: `module:function+offset`.
struct Place {
    module: Option<Part>,
    /// The function with its offset.
    part: Part,
    function: String,
    offset: u64,
}

impl Place {
    fn of(point: &Point) -> Result<Place, ProbeError> {
        let (module, part) = match point.parts.len() {
            2 => (Some(point.part(0)), point.part(1)),
            _ => (None, point.part(0)),
        };
        let (function, offset) = split_offset(&part)?;
        for (text, field) in [
            (module.as_ref().map_or("x", |module| &module.text), "module"),
            (function.as_str(), "function"),
        ] {
            if text.is_empty() {
                return Err(ProbeError::Empty { span: point.span, kind: point.kind, field });
            }
        }
        if part.is_pattern() && part.text.contains('+') {
            return Err(ProbeError::PatternOffset { span: part.span });
        }
        Ok(Place { module, part, function, offset })
    }

    /// The offset is within the function, as far as that can be known.
    fn check_offset(&self, host: &dyn Host) -> Result<(), ProbeError> {
        let module = self.module.as_ref().map(|module| format!("{}:", module.text));
        let name = format!("{}{}", module.unwrap_or_default(), self.function);
        match host.function_size(&name) {
            Some(size) if self.offset >= size => Err(ProbeError::OffsetBeyond {
                span: self.part.span,
                function: self.function.clone(),
                offset: self.offset,
                size,
            }),
            _ => Ok(()),
        }
    }

    fn address(&self) -> Option<u64> {
        let number = self.function.starts_with(|c: char| c.is_ascii_digit());
        (number && self.module.is_none()).then(|| parse_number(&self.function))?
    }
}

/// What `kprobe:0xffffffff81000000` probes: nobody says whether an instruction begins there.
fn at_address(
    point: &Point,
    place: &Place,
    (address, ret): (u64, bool),
    host: &dyn Host,
) -> Targets {
    if !point.unsafe_mode {
        return Err(ProbeError::AddressIsUnsafe { span: place.part.span });
    }
    let address = address.wrapping_add(place.offset);
    let label = format!("{}:{address:#x}", point.kind.name);
    let attach = Attach::Kprobe { function: String::new(), offset: address, ret };
    let function = host.function_at(address).unwrap_or_default();
    Ok(vec![Target { function: Some(function), ..Target::new(point.kind, label, attach) }])
}

/// The functions that patterns stand for; with their modules if the attach point has one.
fn matching(place: &Place, host: &dyn Host) -> Result<Vec<(Option<String>, String)>, ProbeError> {
    let all = host.functions().map_err(|error| ProbeError::Host {
        span: place.part.span,
        what: "the list of the kernel's functions".to_owned(),
        error,
    })?;
    let name = Part { text: place.function.clone(), ..place.part.clone() };
    let (name, module) = (Pattern::of(&name), place.module.as_ref().map(Pattern::of));
    let glob = name.is_glob();
    // A name that is there twice stands for two functions.
    let mut chosen = Vec::new();
    for function in all.iter().filter(|function| name.matches(function.name)) {
        let own = function.module.unwrap_or(KERNEL);
        let is_own = module.as_ref().is_none_or(|module| module.matches(own));
        if is_own && !(glob && is_kept_off(function.name)) {
            chosen.push((module.is_some().then(|| own.to_owned()), function.name.to_owned()));
        }
    }
    if chosen.is_empty() {
        return Err(missing_function(place, host));
    }
    Ok(chosen)
}

/// Functions that patterns pass over: probes on them recurse, or stand in the way of the kernel's own work.
pub(super) fn is_kept_off(name: &str) -> bool {
    const NAMES: [&str; 3] = ["arch_cpu_idle", "default_idle", "bpf_dispatcher_xdp_func"];
    const STARTS: [&str; 2] = ["rcu_", "__ftrace_invalid_address__"];
    NAMES.contains(&name)
        || STARTS.iter().any(|start| name.starts_with(start))
        || (memchr::memchr(b'.', name.as_bytes()).is_some() && name.contains(".part."))
}

fn missing_function(place: &Place, host: &dyn Host) -> ProbeError {
    let functions = || host.functions().into_iter().flat_map(KernelFunctions::iter);
    if let Some(module) = &place.module {
        let pattern = Pattern::of(module);
        let modules = || functions().map(|known| known.module.unwrap_or(KERNEL));
        if !modules().any(|known| pattern.matches(known)) {
            return ProbeError::NotFound {
                span: module.span,
                what: format!("a module `{}` with functions to probe", module.text),
                near: nearest(&module.text, modules()).map(str::to_owned),
                help: Some(
                    "`lsmod` lists the modules that are loaded; the kernel itself is `vmlinux`"
                        .to_owned(),
                ),
            };
        }
    }
    let within = place.module.as_ref().map(|module| format!(" in `{}`", module.text));
    let within = within.unwrap_or_default();
    if place.part.is_pattern() {
        return ProbeError::NotFound {
            span: place.part.span,
            what: format!("a kernel function like `{}`{within}", place.function),
            near: None,
            help: Some("`*` stands for any letters: `kprobe:vfs_*`".to_owned()),
        };
    }
    let near = nearest(&place.function, functions().map(|known| known.name));
    ProbeError::NotFound {
        span: place.part.span,
        what: format!("the kernel function `{}`{within}", place.function),
        near: near.map(|near| place.part.text.replacen(&place.function, near, 1)),
        help: Some(
            "a function that the compiler inlined cannot be probed; probe one that calls it"
                .to_owned(),
        ),
    }
}

fn syscall_entry(target: &Target, host: &dyn Host) -> Option<String> {
    syscall_tracepoint(target.function.as_deref()?, "sys_enter_", host)
}

fn syscall_exit(target: &Target, host: &dyn Host) -> Option<String> {
    syscall_tracepoint(target.function.as_deref()?, "sys_exit_", host)
}

/// A system call's tracepoint fires where the functions that implement it would.
pub(super) fn syscall_tracepoint(function: &str, edge: &str, host: &dyn Host) -> Option<String> {
    let shared = ["do_sys_", "ksys_"].iter().find_map(|prefix| function.strip_prefix(prefix));
    let own = ["__x64_sys_", "__arm64_sys_", "__se_sys_", "sys_"]
        .iter()
        .find_map(|prefix| function.strip_prefix(prefix));
    // What a shared function such as do_sys_openat2 mostly does is the older call, openat.
    let older = shared.map(|call| call.trim_end_matches(|c: char| c.is_ascii_digit()));
    let exists = |call: &&str| host.tracepoint("syscalls", &format!("{edge}{call}")).is_ok();
    let call = [older, shared, own].into_iter().flatten().find(exists)?;
    Some(format!("tracepoint:syscalls:{edge}{call}"))
}
