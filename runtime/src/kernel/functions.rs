//! Which functions of the kernel cannot be probed.

use std::collections::HashSet;
use std::fs;

/// What kprobes may not be put on.
const BLACKLIST: &str = "/sys/kernel/debug/kprobes/blacklist";

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
    fn the_blacklist_has_ranges_and_names() {
        assert_eq!(barred("0xffffffff81000000-0xffffffff81000010\tint3_magic"), Some("int3_magic"));
        assert_eq!(barred(""), None);
    }
}
