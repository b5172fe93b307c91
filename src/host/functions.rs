//! The functions of a kernel: tens of thousands, in one text.

use std::collections::HashSet;

/// A function of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelFunction<'a> {
    /// Its symbol.
    pub name: &'a str,
    /// The module that it is in; `None` for the kernel itself.
    pub module: Option<&'a str>,
}

/// The functions that can be probed, in the kernel's order; names may repeat.
#[derive(Debug, Clone, Default)]
pub struct KernelFunctions {
    /// A line each.
    text: String,
    /// Names of those that cannot be probed all the same.
    barred: HashSet<String>,
}

impl KernelFunctions {
    /// Of lines as tracefs' `available_filter_functions` has them: `vfs_read`, `nf_hook [nf]`.
    pub fn of_lines(text: String) -> KernelFunctions {
        KernelFunctions { text, barred: HashSet::new() }
    }

    /// The same without some.
    pub fn without(self, barred: HashSet<String>) -> KernelFunctions {
        KernelFunctions { barred, ..self }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = KernelFunction<'_>> {
        let mut rest = self.text.as_str();
        let lines = std::iter::from_fn(move || {
            let end = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
            let (line, after) = rest.split_at_checked(end)?;
            let last = rest.is_empty();
            rest = after.get(1..).unwrap_or_default();
            (!last).then_some(line)
        });
        lines.filter_map(line).filter(|function| !self.barred.contains(function.name))
    }
}

impl<'a> FromIterator<(&'a str, Option<&'a str>)> for KernelFunctions {
    fn from_iter<T: IntoIterator<Item = (&'a str, Option<&'a str>)>>(functions: T) -> Self {
        let mut text = String::new();
        for (name, module) in functions {
            text.push_str(name);
            if let Some(module) = module {
                text.extend([" [", module, "]"]);
            }
            text.push('\n');
        }
        KernelFunctions::of_lines(text)
    }
}

fn line(line: &str) -> Option<KernelFunction<'_>> {
    let line = line.trim_ascii();
    let module = line.strip_suffix(']').and_then(|line| line.rsplit_once('['));
    let (name, module) = match module {
        None => (line, None),
        Some((name, module)) => (name.trim_ascii_end(), Some(module)),
    };
    (!name.is_empty()).then_some(KernelFunction { name, module })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(functions: &KernelFunctions) -> Vec<(&str, Option<&str>)> {
        functions.iter().map(|function| (function.name, function.module)).collect()
    }

    #[test]
    fn lines_have_names_and_modules() {
        let text = "vfs_read\nnf_hook [nf]\n\n  odd\t[one]\r\nint3_magic\nlast";
        let barred = HashSet::from(["int3_magic".to_owned()]);
        let functions = KernelFunctions::of_lines(text.to_owned()).without(barred);
        let known =
            [("vfs_read", None), ("nf_hook", Some("nf")), ("odd", Some("one")), ("last", None)];
        assert_eq!(pairs(&functions), known);
        assert_eq!(pairs(&known.into_iter().collect()), known);
    }
}
