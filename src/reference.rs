//! The reference, generated from the tables.

use std::fmt::Write as _;

use crate::builtin::Permit;
use crate::diagnostic::CODES;
use crate::{builtin, options, probe};

/// `docs/reference.md`, whole.
pub fn markdown() -> String {
    let mut out = String::from(
        "# Reference\n\n\
         Generated from the tables of the program; a test fails when it is stale, and `UPDATE=1 cargo test --test \
         examples` writes it anew.\n",
    );
    probes(&mut out);
    builtins(&mut out);
    options(&mut out);
    codes(&mut out);
    out
}

fn probes(out: &mut String) {
    out.push_str("\n## Probe types\n");
    for kind in probe::kinds() {
        let _ = write!(out, "\n### `{}`\n\n{}\n", kind.usage(), kind.summary);
        if !kind.aliases.is_empty() {
            let _ = writeln!(out, "\nShort: `{}`.", kind.aliases.join("`, `"));
        }
        let _ = writeln!(out, "\n{}", kind.details);
        scripts(out, kind.examples);
    }
}

fn builtins(out: &mut String) {
    out.push_str("\n## Builtins\n");
    for builtin in builtin::all() {
        let value = if builtin.result.is_empty() {
            String::new()
        } else {
            format!(" → {}", builtin.result)
        };
        let _ = write!(out, "\n### `{}`{value}\n\n{}\n", builtin.signature(), builtin.summary);
        let kinds: Vec<&str> = probe::kinds()
            .filter(|kind| builtin.allowed_in(kind.context))
            .map(|kind| kind.name)
            .collect();
        if kinds.len() < probe::kinds().count() {
            let _ = writeln!(out, "\nOnly in `{}`.", kinds.join("`, `"));
        }
        match builtin.permit {
            Permit::Free => {}
            Permit::Unsafe => out.push_str("\nOnly with `--unsafe`.\n"),
            Permit::Unstable(unstable) => {
                let _ =
                    writeln!(out, "\nMay still change; see the option `{}`.", unstable.option());
            }
        }
        if builtin.is_aggregate() {
            out.push_str("\nAssigned to a map.\n");
        }
        if !builtin.details.is_empty() {
            let _ = writeln!(out, "\n{}", builtin.details);
        }
        scripts(out, builtin.examples);
    }
}

fn scripts(out: &mut String, examples: &[&str]) {
    for example in examples {
        let _ = write!(out, "\n```ebtrace\n{example}\n```\n");
    }
}

fn options(out: &mut String) {
    out.push_str(
        "\n## Options\n\nA script sets them in its `config` block, by name; the environment sets them under the same name in \
         capitals with `BPFTRACE_` in front, and counts more.\n\n| option | default | values | meaning |\n|---|---|---|---|\n",
    );
    for entry in options::ENTRIES {
        let (name, default, values) = (entry.name, entry.default, entry.wants());
        let _ = writeln!(out, "| `{name}` | `{default}` | {values} | {} |", entry.summary);
    }
}

fn codes(out: &mut String) {
    out.push_str("\n## Diagnostics\n");
    for entry in CODES {
        let _ = write!(out, "\n### {}\n\n{} {}\n", entry.id, entry.meaning, entry.explanation);
        if !entry.example.is_empty() {
            let _ = write!(out, "\n```text\n{}\n```\n", entry.example);
        }
    }
}
