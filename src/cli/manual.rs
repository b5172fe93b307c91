//! `ebtrace man`: the manual page, from the tables.

use std::fmt::Write as _;

use clap_mangen::Man;
use ebtrace::{builtin, environment, options, probe, reference};

use super::args;

/// Scripts, and what each of them does.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "Who opens files, and which.",
        "ebtrace -e 'tracepoint:syscalls:sys_enter_openat { printf(\"%s %s\\n\", comm, str(args.filename)); }'",
    ),
    (
        "How often each program makes a system call, until Ctrl-C.",
        "ebtrace -e 'tracepoint:raw_syscalls:sys_enter { @[comm] = count(); }'",
    ),
    (
        "What a command allocates, by size.",
        "ebtrace -e 'uprobe:libc:malloc { @bytes = hist(arg0); }' -c 'ls -R /etc'",
    ),
    ("What there is to probe.", "ebtrace -l 'tracepoint:*open*'"),
    ("What a message means.", "ebtrace explain E0301"),
];

/// The whole page.
pub(super) fn page() -> anyhow::Result<String> {
    let mut command = args::command();
    let usage = command.render_usage().to_string();
    let man = Man::new(command);
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    let mut out = String::from_utf8_lossy(&text).into_owned();
    section(&mut out, "SYNOPSIS");
    let usage = usage.trim_start_matches("Usage:").lines().map(escaped).collect::<Vec<_>>();
    let _ = writeln!(
        out,
        ".nf\n{}\n.fi",
        usage.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n")
    );
    let mut text = Vec::new();
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    out.push_str(&String::from_utf8_lossy(&text));

    section(&mut out, "PROBE TYPES");
    probe::kinds().for_each(|kind| item(&mut out, &kind.usage(), kind.summary));
    section(&mut out, "BUILTINS");
    builtin::all().for_each(|entry| item(&mut out, &entry.signature(), entry.summary));
    section(&mut out, "EXAMPLES");
    EXAMPLES.iter().for_each(|(what, line)| item(&mut out, line, what));
    section(&mut out, "ENVIRONMENT");
    let _ = writeln!(out, "{}", escaped(reference::PRECEDENCE));
    for variable in environment::sorted() {
        item(&mut out, &variable.names.join(", "), variable.summary);
    }
    for entry in options::ENTRIES {
        let text = format!(
            "{} It takes {}; without it, it is `{}`.",
            entry.summary,
            entry.wants(),
            entry.default
        );
        item(&mut out, &entry.variable(), &text);
    }
    section(&mut out, "EXIT STATUS");
    environment::STATUSES.iter().for_each(|status| item(&mut out, status.number, status.when));
    section(&mut out, "FILES");
    environment::FILES.iter().for_each(|(path, what)| item(&mut out, path, what));
    section(&mut out, "SEE ALSO");
    out.push_str(&escaped("`ebtrace help NAME` shows the reference's entry of a probe type, builtin, option or variable, and `ebtrace doctor` what this machine can trace."));
    out.push_str("\n.PP\n.BR bpftrace (8),\n.BR perf (1),\n.BR bpf (2),\n.BR proc (5)\n");
    Ok(out)
}

fn section(out: &mut String, title: &str) {
    let _ = writeln!(out, ".SH \"{title}\"");
}

fn item(out: &mut String, head: &str, text: &str) {
    let _ = writeln!(
        out,
        ".TP\n\\fB{}\\fR\n{}",
        escaped(head).trim_start_matches("\\&"),
        escaped(text)
    );
}

/// Text in which nothing is a request to the typesetter.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    if text.starts_with(['.', '\'']) {
        out.push_str("\\&");
    }
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '`' => out.push_str("\\(ga"),
            '\'' => out.push_str("\\(aq"),
            '…' => out.push_str("..."),
            '\n' => out.push(' '),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_not_taken_for_requests() {
        assert_eq!(escaped(".TP"), "\\&.TP");
        assert_eq!(escaped("a-b \\n 'c'"), "a\\-b \\en \\(aqc\\(aq");
    }
}
