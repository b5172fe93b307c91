//! What is around the command: variables of the environment, exit statuses, files. The command line, its manual and the
//! reference all read it here.

/// A variable of the environment that is no option of scripts; those are in [`crate::options::ENTRIES`].
#[derive(Debug)]
pub struct Variable {
    /// Its names; the first that is set counts.
    pub names: &'static [&'static str],
    /// What it holds.
    pub holds: &'static str,
    /// What becomes of it.
    pub summary: &'static str,
}

/// When messages have colours.
pub const COLOR: Variable = Variable {
    names: &["BPFTRACE_COLOR"],
    holds: "`auto`, `always` or `never`",
    summary: "Whether messages have colours. `auto`, as without it: where they go to a terminal, and `NO_COLOR` is not set.",
};

/// Asks for no colours.
pub const NO_COLOR: Variable = Variable {
    names: &["NO_COLOR"],
    holds: "any text but none",
    summary: "No colours, unless `BPFTRACE_COLOR` says otherwise.",
};

/// Names a file with types of the kernel.
pub const BTF: Variable = Variable {
    names: &["BPFTRACE_BTF"],
    holds: "a file",
    summary: "The types of the kernel (BTF) are read from this file, in place of `/sys/kernel/btf/vmlinux`; those of modules are then \
              not known.",
};

/// Names a file with the kernel's symbols.
pub const VMLINUX: Variable = Variable {
    names: &["EBTRACE_VMLINUX", "BPFTRACE_VMLINUX"],
    holds: "a file",
    summary: "The program of the running kernel, with its symbols: it tells how long functions are, so that offsets in them \
              (`kprobe:vfs_read+4`) can be checked.",
};

/// Names the folder of the kernel's sources.
pub const KERNEL_SOURCE: Variable = Variable {
    names: &["BPFTRACE_KERNEL_SOURCE"],
    holds: "a folder",
    summary: "The sources of the kernel, for `#include`; without it `/lib/modules/RELEASE/source`, and where that is not there either, \
              the folder that the kernel was built in.",
};

/// Names the folder that the kernel was built in.
pub const KERNEL_BUILD: Variable = Variable {
    names: &["BPFTRACE_KERNEL_BUILD"],
    holds: "a folder",
    summary: "The folder that the kernel was built in, for `#include`; without it `/lib/modules/RELEASE/build`.",
};

/// Where programs are.
pub const PATH: Variable = Variable {
    names: &["PATH"],
    holds: "folders",
    summary: "Where programs are looked for: the command of `-c`, those of `uprobe` and `usdt` without a folder, and `clang` for functions \
              in C.",
};

/// Asks for a line when everything is attached.
pub const ATTACHED_LINE: Variable = Variable {
    names: &["__BPFTRACE_NOTIFY_PROBES_ATTACHED"],
    holds: "any text",
    summary: "A line with this name is written to standard output once everything is attached. For tests of scripts.",
};

/// The service manager.
pub const NOTIFY_SOCKET: Variable = Variable {
    names: &["NOTIFY_SOCKET"],
    holds: "a socket",
    summary: "The service manager (systemd, with `Type=notify`) is told there once everything is attached.",
};

/// Names a file for facilities that are missing: a wrapper sets it that can run the script elsewhere, and speaks to the
/// user itself.
pub const LACKS_FILE: Variable = Variable {
    names: &["EBTRACE_LACKS"],
    holds: "a file",
    summary: "With exit status 69, the facilities that the kernel lacks are written there, a line each, and not said. For wrappers that can \
              run a script elsewhere.",
};

/// How shells ask for completions.
pub const COMPLETE: Variable = Variable {
    names: &["COMPLETE"],
    holds: "a shell",
    summary: "Set by the completion of a shell, which then gets candidates instead of a session.",
};

/// Where programs keep what they remember.
pub const STATE: Variable = Variable {
    names: &["XDG_STATE_HOME"],
    holds: "a folder",
    summary: "What was entered at the prompt of `ebtrace repl` is remembered there, in `ebtrace/history`; without it in `~/.local/state`.",
};

/// Where programs keep what the machine's next start makes void.
pub const RUN: Variable = Variable {
    names: &["XDG_RUNTIME_DIR"],
    holds: "a folder",
    summary: "Users other than root keep there, in `ebtrace/functions`, which functions of the kernel can be probed; root does in `/run`.",
};

/// The time zone.
pub const TIME_ZONE: Variable = Variable {
    names: &["TZ"],
    holds: "a time zone",
    summary: "The zone of times that `time()` and `strftime()` show.",
};

/// All of them.
pub const VARIABLES: &[Variable] = &[
    BTF,
    COLOR,
    KERNEL_BUILD,
    KERNEL_SOURCE,
    COMPLETE,
    LACKS_FILE,
    VMLINUX,
    NO_COLOR,
    NOTIFY_SOCKET,
    PATH,
    STATE,
    RUN,
    TIME_ZONE,
    ATTACHED_LINE,
];

impl Variable {
    /// The name that it is called by.
    pub fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    /// Whether it is the original's, so that its name could be one of an option.
    fn is_prefixed(&self) -> bool {
        self.names.iter().any(|name| name.starts_with("BPFTRACE_"))
    }
}

/// All of them, by name.
pub fn sorted() -> impl Iterator<Item = &'static Variable> {
    let mut all: Vec<&Variable> = VARIABLES.iter().collect();
    all.sort_by_key(|variable| variable.name().trim_start_matches('_'));
    all.into_iter()
}

/// The variable of a name, in any letters.
pub fn find(name: &str) -> Option<&'static Variable> {
    VARIABLES
        .iter()
        .find(|variable| variable.names.iter().any(|own| own.eq_ignore_ascii_case(name)))
}

/// Whether a name, which looks like an option's, is one that only the environment can set.
pub fn has(option: &str) -> bool {
    find(&crate::options::variable(option)).is_some_and(Variable::is_prefixed)
}

/// What a shell learns of how the command ended.
#[derive(Debug)]
pub struct Status {
    /// The number, or whose it is.
    pub number: &'static str,
    /// When.
    pub when: &'static str,
}

/// Where only a facility of the kernel is missing.
pub const LACKS: u8 = 69;

/// All of them.
pub const STATUSES: &[Status] = &[
    Status {
        number: "0",
        when: "The session ended as it should: by `exit()`, by Ctrl-C or SIGTERM, with the command of `-c` or the process of `-p` (however those \
               ended), or because nothing was left to wait for. Also for lists, help, and scripts that were only compiled or laid out.",
    },
    Status { number: "N", when: "The script said `exit(N)`, from 0 to 255." },
    Status {
        number: "1",
        when: "Something is wrong: the command line, the script, a file, the privileges; a probe cannot be attached, or the kernel refuses a \
               program; the output cannot be written (a reader that went away is no error). A test has failed.",
    },
    Status {
        number: "69",
        when: "Nothing is wrong with the script, but the kernel was built without a facility that it needs; `EBTRACE_LACKS` can have its name.",
    },
];

/// Files that matter.
pub const FILES: &[(&str, &str)] = &[
    ("/sys/kernel/btf/", "Types of the kernel and of its modules."),
    ("/sys/kernel/tracing/", "Tracepoints, and the functions that can be probed."),
    ("/proc/kallsyms", "Names and addresses of kernel functions."),
    (
        "/usr/lib/debug/",
        "Debug information of programs that is not in them; `--debuginfo` names other folders.",
    ),
    ("/lib/modules/RELEASE/build/", "Headers of the kernel, for `#include`."),
    (
        "/run/ebtrace/functions",
        "The functions that can be probed, kept until the machine is started anew or a module comes or goes. It can be deleted at any time.",
    ),
    ("~/.local/state/ebtrace/history", "What was entered at the prompt of `ebtrace repl`."),
    ("/sys/fs/bpf/", "Where `iter` probes can be put, for others to read."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_by_name_and_as_options() {
        assert_eq!(find("bpftrace_vmlinux").map(Variable::name), Some("EBTRACE_VMLINUX"));
        assert!(has("btf") && has("kernel_source") && !has("max_strlen") && !has("path"));
    }

    #[test]
    fn the_statuses_have_that_of_a_missing_facility() {
        assert!(STATUSES.iter().any(|status| status.number == LACKS.to_string()));
    }
}
