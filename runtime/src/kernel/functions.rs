//! Which functions of the kernel can be probed.

use std::collections::HashSet;
use std::fs;

/// What kprobes may not be put on.
const BLACKLIST: &str = "/sys/kernel/debug/kprobes/blacklist";

/// Names and modules in the lines of tracefs' `available_filter_functions`: `vfs_read`, `nf_hook [nf]`.
pub fn traceable_functions(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let name = words.next()?;
        let module = words.next().and_then(|word| word.strip_prefix('[')?.strip_suffix(']'));
        Some((name, module))
    })
}

/// Functions that the kernel lists but keeps probes off; none where it does not say.
pub fn barred_functions() -> HashSet<String> {
    let text = fs::read_to_string(BLACKLIST).unwrap_or_default();
    text.lines().filter_map(barred).map(str::to_owned).collect()
}

/// The name in `0xffffffff81000000-0xffffffff81000010<TAB>asm_exc_divide_error`.
fn barred(line: &str) -> Option<&str> {
    let name = line.split_ascii_whitespace().nth(1)?;
    Some(name.split('+').next().unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_names_and_modules() {
        let functions: Vec<_> = traceable_functions("vfs_read\nnf_hook [nf]\n\n").collect();
        assert_eq!(functions, [("vfs_read", None), ("nf_hook", Some("nf"))]);
    }

    #[test]
    fn the_blacklist_has_ranges_and_names() {
        assert_eq!(barred("0xffffffff81000000-0xffffffff81000010\tint3_magic"), Some("int3_magic"));
        assert_eq!(barred(""), None);
    }
}
