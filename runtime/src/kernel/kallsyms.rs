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

    /// Where the functions are that `function` or `module:function` means: the kernel's own are in module `vmlinux`. No
    /// module means all of them.
    pub fn addresses(&self, function: &str) -> Vec<u64> {
        let (module, name) = match function.split_once(':') {
            Some((module, name)) => (Some(module.as_bytes()), name.as_bytes()),
            None => (None, function.as_bytes()),
        };
        let is_wanted = |own_name: &[u8], own_module: &[u8]| {
            own_name == name && module.is_none_or(|module| module == own_module)
        };
        let found = self.places(|name, module| is_wanted(name, module).then_some(()));
        found.into_iter().map(|(address, ())| address).collect()
    }

    /// The addresses of the functions of which a name and a module mean something, with that; those that the kernel does
    /// not show are left out. Its own functions are in module `vmlinux`.
    pub fn places<T>(&self, meaning: impl Fn(&[u8], &[u8]) -> Option<T>) -> Vec<(u64, T)> {
        let lines = self.text.split(|byte| *byte == b'\n');
        let found = lines.filter_map(|line| {
            let (name, module) = function_in(line)?;
            let meaning = meaning(name, module.unwrap_or(b"vmlinux"))?;
            Some((address(line).filter(|address| *address != 0)?, meaning))
        });
        found.collect()
    }

    /// The address of a symbol; 0 where the kernel does not show it.
    pub fn symbol(&self, name: &str) -> Option<u64> {
        let lines = self.text.split(|byte| *byte == b'\n');
        let mut named = lines.filter(|line| {
            let mut words = line.split(|byte| matches!(byte, b' ' | b'\t'));
            words.nth(2) == Some(name.as_bytes())
        });
        named.next().and_then(address)
    }

    /// The names of all symbols, in the kernel's order; names may repeat.
    pub fn symbols(&self) -> impl Iterator<Item = &str> {
        let lines = self.text.split(|byte| *byte == b'\n');
        lines.filter_map(|line| {
            let name = line.split(|byte| matches!(byte, b' ' | b'\t')).nth(2)?;
            std::str::from_utf8(name).ok()
        })
    }

    /// How many bytes there are from the only function of this name to the next symbol: its size, or a little more.
    pub fn room(&self, name: &str) -> Option<u64> {
        let [start] = self.addresses(name)[..] else { return None };
        let lines = self.text.split(|byte| *byte == b'\n');
        let next = lines.filter_map(address).filter(|address| *address > start).min()?;
        Some(next - start)
    }

    /// The function that an address is in, or the last before it; of several names the first.
    pub fn function_at(&self, place: u64) -> Option<&str> {
        let lines = self.text.split(|byte| *byte == b'\n');
        let functions = lines.filter_map(|line| Some((address(line)?, function_in(line)?.0)));
        let before = functions.filter(|(start, _)| (1..=place).contains(start));
        let nearest = before.reduce(|best, next| if next.0 > best.0 { next } else { best });
        std::str::from_utf8(nearest?.1).ok()
    }

    /// All functions, with their modules, in the kernel's order; static ones may appear several times.
    pub fn functions(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.lines().filter_map(|(name, module)| {
            let module = module.and_then(|module| std::str::from_utf8(module).ok());
            Some((std::str::from_utf8(name).ok()?, module))
        })
    }

    fn lines(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.text.split(|byte| *byte == b'\n').filter_map(function_in)
    }
}

/// Name and module in a line such as `ffffffff81000000 T _text` or `ffffffffc0000000 t init<TAB>[module]`, if it is code.
fn function_in(line: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t'));
    let (_address, kind, name) = (words.next()?, words.next()?, words.next()?);
    let module = words.next().and_then(|word| word.strip_prefix(b"[")?.strip_suffix(b"]"));
    // What stands in front of a function for the compiler's own ends is none.
    let code = matches!(kind, b"t" | b"T" | b"w" | b"W") && !name.starts_with(b"__pfx_");
    code.then_some((name, module))
}

fn address(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b' ').next()?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
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

    #[test]
    fn functions_of_one_name_have_addresses() {
        let text = b"1000 t init\n1040 t other\n1080 t init\n2000 t init\t[nf]\n2010 t end\t[nf]\n";
        let symbols = Kallsyms { text: text.to_vec() };
        assert_eq!(symbols.addresses("init"), [0x1000, 0x1080, 0x2000]);
        assert_eq!(symbols.addresses("vmlinux:init"), [0x1000, 0x1080]);
        assert_eq!(symbols.function_at(0x1044), Some("other"));
        assert_eq!(symbols.function_at(0x2000), Some("init"));
        assert_eq!(symbols.function_at(0xfff), None);
        assert_eq!(symbols.addresses("nf:init"), [0x2000]);
        assert_eq!((symbols.room("other"), symbols.room("init")), (Some(0x40), None));
    }
}
