//! The kernel's symbol table, `/proc/kallsyms`.

use std::io;

/// The kernel's symbols as one text, read once; asking walks through it without copying.
#[derive(Debug)]
pub struct Kallsyms {
    text: Vec<u8>,
}

impl Kallsyms {
    /// Reads `/proc/kallsyms` (some ten megabytes, some ten milliseconds).
    ///
    /// # Errors
    /// When it cannot be read: the kernel was built without `CONFIG_KALLSYMS`.
    pub fn read() -> io::Result<Self> {
        Ok(Self { text: std::fs::read("/proc/kallsyms")? })
    }

    /// Whether there is a function `name`, in the kernel or a module.
    pub fn has_function(&self, name: &str) -> bool {
        self.functions().any(|function| function == name.as_bytes())
    }

    /// Names of all functions in the kernel's order; static ones may appear several times.
    pub fn function_names(&self) -> impl Iterator<Item = &str> {
        self.functions().filter_map(|name| std::str::from_utf8(name).ok())
    }

    fn functions(&self) -> impl Iterator<Item = &[u8]> {
        self.text.split(|byte| *byte == b'\n').filter_map(function_name)
    }
}

/// The name in a line such as `ffffffff81000000 T _text` or `ffffffffc0000000 t init<TAB>[module]`, if it is code.
fn function_name(line: &[u8]) -> Option<&[u8]> {
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t'));
    let (_address, kind, name) = (words.next()?, words.next()?, words.next()?);
    matches!(kind, b"t" | b"T" | b"w" | b"W").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_counts() {
        let text =
            b"ffffffff81000000 T do_sys_open\n0000 D jiffies\n0000 t helper\t[nf]\ngarbage\n\n"
                .to_vec();
        let symbols = Kallsyms { text };
        assert!(symbols.has_function("do_sys_open"));
        assert!(symbols.has_function("helper"));
        assert!(!symbols.has_function("jiffies"));
        assert_eq!(symbols.function_names().collect::<Vec<_>>(), ["do_sys_open", "helper"]);
    }
}
