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
        self.lines().any(|function| function.0 == name.as_bytes())
    }

    /// All functions, with their modules, in the kernel's order; static ones may appear several times.
    pub fn functions(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.lines().filter_map(|(name, module)| {
            let module = module.and_then(|module| std::str::from_utf8(module).ok());
            Some((std::str::from_utf8(name).ok()?, module))
        })
    }

    fn lines(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.text.split(|byte| *byte == b'\n').filter_map(function)
    }
}

/// Name and module in a line such as `ffffffff81000000 T _text` or `ffffffffc0000000 t init<TAB>[module]`, if it is code.
fn function(line: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t'));
    let (_address, kind, name) = (words.next()?, words.next()?, words.next()?);
    let module = words.next().and_then(|word| word.strip_prefix(b"[")?.strip_suffix(b"]"));
    // What stands in front of a function for the compiler's own ends is none.
    let code = matches!(kind, b"t" | b"T" | b"w" | b"W") && !name.starts_with(b"__pfx_");
    code.then_some((name, module))
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
        let functions: Vec<_> = symbols.functions().collect();
        assert_eq!(functions, [("do_sys_open", None), ("helper", Some("nf"))]);
    }
}
