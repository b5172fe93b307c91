//! Probe types on functions whose types the kernel describes: `fentry` and `fexit`.

mod program;

use std::collections::HashSet;

use ebtrace_image::Attach;

use super::kernel::{is_kept_off, syscall_tracepoint};
use super::list;
use super::pattern::{Glob, Pattern};
use super::tracing::{module_and_name, typed};
use super::{Context, Field, Kind, Part, Point, ProbeError, Search, Target, Targets};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::host::{Feature, Host};
use crate::ir::ProgramType;
use crate::types::traced::{self, Candidate, Function};
use crate::types::{Space, TypeId, Types};

const SHAPE: &[Field] = &[
    Field { name: "module", optional: true },
    Field { name: "id", optional: true },
    Field { name: "function", optional: false },
];

/// Stands where a module does, and means the BPF programs that are loaded.
pub(super) const PROGRAMS: &str = "bpf";

/// The kernel proper, which has functions as modules have.
const KERNEL: &str = "vmlinux";

/// Functions that nearly every program comes to itself.
const DANGEROUS: [&str; 4] = [
    "_raw_spin_lock",
    "_raw_spin_lock_irqsave",
    "_raw_spin_unlock_irqrestore",
    "queued_spin_lock_slowpath",
];

/// Functions that end a task.
const NEVER_RETURN: [&str; 9] = [
    "do_exit",
    "do_group_exit",
    "kthread_exit",
    "kthread_complete_and_exit",
    "make_task_dead",
    "__x64_sys_exit",
    "__x64_sys_exit_group",
    "__ia32_sys_exit",
    "__ia32_sys_exit_group",
];

/// Functions that the kernel calls for each program.
const DENIED: [&str; 7] = [
    "migrate_disable",
    "migrate_enable",
    "rcu_read_unlock_strict",
    "preempt_count_add",
    "preempt_count_sub",
    "__rcu_read_lock",
    "__rcu_read_unlock",
];

pub(super) const ALL: &[Kind] = &[
    Kind {
        name: "fentry",
        aliases: &["f", "kfunc"],
        shape: SHAPE,
        search: Search::Kernel,
        list: list::TYPED_FUNCTIONS,
        context: Context::Arguments,
        program: ProgramType::FunctionEntry,
        space: Space::Kernel,
        needs: Some(Feature::Trampolines),
        instead: entry_elsewhere,
        resolve: entry,
        summary: "Fires when a kernel function is entered, and knows the types of its arguments.",
        details: "It costs less than `kprobe`. The arguments are in `args` by the names that they have in the kernel's \
                  source, and what they point to is read with a dot: `args.file.f_flags`; `args` alone is a record of \
                  all. What the kernel does not say is the process's is read from there with `str(uptr(args.filename))`. \
                  Functions of modules are found by their name alone; `fentry:module:function` says of which \
                  module, and the kernel itself is `vmlinux`. The kernel must describe its types (BTF). \
                  `fentry:bpf:name` fires when a BPF program of this name is run, or a function of one that has it, and \
                  `fentry:bpf:id:name` when that of the program with this number is; these have no `args`.",
        examples: &[
            "fentry:vfs_read { @[comm] = hist(args.count); }",
            "fentry:vmlinux:vfs_open { printf(\"%s\\n\", str(args.path.dentry.d_name.name)); }",
        ],
    },
    Kind {
        name: "fexit",
        aliases: &["fr", "kretfunc"],
        shape: SHAPE,
        search: Search::Named,
        list: list::TYPED_RETURNS,
        context: Context::Outcome,
        program: ProgramType::FunctionExit,
        space: Space::Kernel,
        needs: Some(Feature::Trampolines),
        instead: exit_elsewhere,
        resolve: exit,
        summary: "Fires when a kernel function returns, and knows its arguments and its result with their types.",
        details: "Written as `fentry`. `retval` is what the function returned, and `args` is what it was called with, so \
                  there is no need to keep anything from its entry to its return.",
        examples: &[
            "fexit:vfs_read /retval > 0/ { @[args.file.f_flags] = sum(retval); }",
            "fexit:vfs_open { printf(\"%d\\n\", retval); }",
        ],
    },
];

fn entry(point: &Point, host: &dyn Host, types: &mut Types) -> Targets {
    resolve(point, host, types, false)
}

fn exit(point: &Point, host: &dyn Host, types: &mut Types) -> Targets {
    resolve(point, host, types, true)
}

fn resolve(point: &Point, host: &dyn Host, types: &mut Types, ret: bool) -> Targets {
    if point.parts.len() > 1 && point.part(0).text == PROGRAMS {
        return program::resolve(point, host, ret);
    }
    if point.parts.len() > 2 {
        let (kind, number) = (point.kind.name, point.part(1));
        return Err(said(
            Diagnostic::error(
                Code::ProbeArity,
                format!("`{kind}` takes a module and a function of the kernel"),
            )
            .label(number.span, "one part too many")
            .help(format!("a number stands here for BPF programs: `{kind}:bpf:ID:FUNCTION`")),
        ));
    }
    let (module, name) = module_and_name(point, "function")?;
    typed(point, host, elsewhere(&name.text, host, ret))?;
    let modules = module.as_ref().map(Pattern::of);
    let is_module = |name: &str| modules.as_ref().is_none_or(|module| module.matches(name));
    let functions = match Pattern::of(&name) {
        Pattern::Name(function) => one(point, (&is_module, &name), &function, host, types)?,
        Pattern::Glob(glob) => {
            let all = candidates(&glob, &is_module, host, ret);
            let typed = all.iter().filter_map(|function| function.read(types, host));
            typed.take(point.most).collect()
        }
    };
    if functions.is_empty() {
        return Err(missing(module.as_ref(), &name, host));
    }
    Ok(functions.into_iter().map(|function| target(point, function, types, ret)).collect())
}

/// How many functions a pattern stands for, each of which needs a program of its own; `None` if it is none.
pub(super) fn count(point: &Point, host: &dyn Host) -> Option<usize> {
    let ret = point.kind.context == Context::Outcome;
    let (module, name) = module_and_name(point, "function").ok()?;
    let Pattern::Glob(glob) = Pattern::of(&name) else { return None };
    let modules = module.as_ref().map(Pattern::of);
    let is_module = |name: &str| modules.as_ref().is_none_or(|module| module.matches(name));
    let is_program = point.parts.len() > 1 && point.part(0).text == PROGRAMS;
    (!is_program).then(|| candidates(&glob, &is_module, host, ret).len())
}

/// What a pattern stands for: what the kernel lists, as far as it does.
fn candidates(
    glob: &Glob,
    is_module: &dyn Fn(&str) -> bool,
    host: &dyn Host,
    ret: bool,
) -> Vec<Candidate> {
    let wanted = |name: &str| glob.matches(name) && !is_kept_off(name) && own(name, ret).is_none();
    let mut found = traced::candidates(host, (is_module, &wanted));
    if let Ok(all) = host.functions() {
        let known: HashSet<(&str, &str)> =
            all.iter().map(|known| (known.module.unwrap_or(KERNEL), known.name)).collect();
        let mut seen = HashSet::new();
        found.retain(|function| {
            let name = (function.module().to_owned(), function.name.clone());
            known.contains(&(function.module(), function.name.as_str())) && seen.insert(name)
        });
    }
    found
}

/// The function of this name; complains where there are several, or where the kernel makes no programs for it.
fn one(
    point: &Point,
    (module, part): (&dyn Fn(&str) -> bool, &Part),
    name: &str,
    host: &dyn Host,
    types: &mut Types,
) -> Result<Vec<Function>, ProbeError> {
    let found = traced::function(types, host, module, name);
    if let [first, second, ..] = &found[..] {
        let (one, other) = (&first.traced.module, &second.traced.module);
        return Err(said(
            Diagnostic::error(Code::NotFound, format!("several modules have a function `{name}`"))
                .label(part.span, format!("`{one}` has one, and so has `{other}`"))
                .help(format!("say which is meant: `{}:{one}:{name}`", point.kind.name)),
        ));
    }
    let ret = point.kind.context == Context::Outcome;
    match found.first().and_then(|function| trouble(function, ret)) {
        Some(trouble) => Err(said(
            Diagnostic::error(
                Code::NotFound,
                format!("`{}` cannot probe `{name}`", point.kind.name),
            )
            .label(part.span, trouble)
            .help(match NEVER_RETURN.contains(&name) {
                true => format!("probe where it begins: `{}`", untyped(name, false)),
                false => format!("use `{}`", untyped(name, ret)),
            }),
        )),
        None => Ok(found),
    }
}

/// Why the kernel takes no program for a function, if it does not.
fn trouble(function: &Function, ret: bool) -> Option<&'static str> {
    own(&function.traced.name, ret).or(function.trouble)
}

/// The same, where its name is the reason.
fn own(name: &str, ret: bool) -> Option<&'static str> {
    if ret && NEVER_RETURN.contains(&name) {
        return Some("it never returns");
    }
    if DENIED.contains(&name) {
        return Some("the kernel permits no program on it, since it calls it to run one");
    }
    None
}

fn said(diagnostic: Diagnostic) -> ProbeError {
    ProbeError::Said(Box::new(diagnostic))
}

fn target(point: &Point, function: Function, types: &mut Types, ret: bool) -> Target {
    let Function { traced, result, .. } = function;
    let label = format!("{}:{}:{}", point.kind.name, traced.module, traced.name);
    let args = traced::context(types, &traced.name, &traced.params);
    let dangerous = traced.module == KERNEL && DANGEROUS.contains(&traced.name.as_str());
    let warnings = if dangerous { vec![danger(point, &traced.name)] } else { Vec::new() };
    let attach = Attach::Trampoline { module: traced.module, function: traced.name.clone(), ret };
    Target {
        function: Some(traced.name),
        args: Some(args),
        // It stands behind the arguments.
        result: (result != TypeId::VOID).then(|| (Some(types.size(args)), result)),
        dangerous,
        warnings,
        ..Target::new(point.kind, label, attach)
    }
}

fn danger(point: &Point, name: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::DangerousPlace,
        format!("the kernel calls `{name}` for whatever a probe does"),
    )
    .label(point.span, "what it does here is not seen where a probe like this is running already")
    .help("probe what calls it")
}

fn missing(module: Option<&Part>, name: &Part, host: &dyn Host) -> ProbeError {
    if let Some(module) = module {
        let pattern = Pattern::of(module);
        let blobs = (0..host.btf_count()).filter_map(|number| host.btf(number).ok());
        let known: Vec<String> = blobs.map(|blob| blob.name().to_owned()).collect();
        if !known.iter().any(|name| pattern.matches(name)) {
            return ProbeError::NotFound {
                span: module.span,
                what: format!("a module `{}` that describes its types", module.text),
                near: nearest(&module.text, known.iter().map(String::as_str)).map(str::to_owned),
                help: Some(
                    "`lsmod` lists the modules that are loaded; the kernel itself is `vmlinux`"
                        .to_owned(),
                ),
            };
        }
    }
    let within = module.map(|module| format!(" of `{}`", module.text)).unwrap_or_default();
    if Pattern::of(name).is_glob() {
        return ProbeError::NotFound {
            span: name.span,
            what: format!("a kernel function like `{}`{within}", name.text),
            near: None,
            help: None,
        };
    }
    let modules = module.map(Pattern::of);
    let is_module = |name: &str| modules.as_ref().is_none_or(|module| module.matches(name));
    let all = traced::function_names(host, &is_module);
    let untyped_exists = module.is_none() && host.has_function(&name.text) == Ok(true);
    ProbeError::NotFound {
        span: name.span,
        what: match untyped_exists {
            true => format!("a description of the kernel function `{}`", name.text),
            false => format!("the kernel function `{}`{within}", name.text),
        },
        near: match untyped_exists {
            true => None,
            false => nearest(&name.text, all.iter().map(String::as_str)).map(str::to_owned),
        },
        help: Some(match untyped_exists {
            true => format!("`{}` needs none", untyped(&name.text, false)),
            false => {
                "a function that the compiler inlined cannot be probed; probe one that calls it"
                    .to_owned()
            }
        }),
    }
}

/// The probe that does without types.
fn untyped(function: &str, ret: bool) -> String {
    format!("{}:{function}", if ret { "kretprobe" } else { "kprobe" })
}

fn entry_elsewhere(target: &Target, host: &dyn Host) -> Option<String> {
    elsewhere(target.function.as_deref()?, host, false)
}

fn exit_elsewhere(target: &Target, host: &dyn Host) -> Option<String> {
    elsewhere(target.function.as_deref()?, host, true)
}

/// What sees the same function where trampolines, or the types they need, are missing.
fn elsewhere(function: &str, host: &dyn Host, ret: bool) -> Option<String> {
    if host.has(Feature::Kprobes) {
        return Some(untyped(function, ret));
    }
    syscall_tracepoint(function, if ret { "sys_exit_" } else { "sys_enter_" }, host)
}
