//! The standard library: macros that are part of ebtrace, and read only if a script uses one.

use std::collections::HashMap;
use std::rc::Rc;

use super::definition::{Definition, Table, same_calls};
use crate::diagnostic::Diagnostics;
use crate::source::Sources;
use crate::syntax;

/// A file of the library.
struct Unit {
    /// As messages and imports call it.
    name: &'static str,
    text: &'static str,
    /// What it defines.
    macros: &'static [&'static str],
}

const UNITS: [Unit; 5] = [
    Unit {
        name: "stdlib/checks.bt",
        text: include_str!("stdlib/checks.bt"),
        macros: &["static_assert", "assert"],
    },
    Unit {
        name: "stdlib/task.bt",
        text: include_str!("stdlib/task.bt"),
        macros: &["leader_tid", "leader_comm", "ppid", "pcomm"],
    },
    Unit {
        name: "stdlib/types.bt",
        text: include_str!("stdlib/types.bt"),
        macros: &["is_str", "is_ptr", "is_array", "is_integer", "is_unsigned_integer"],
    },
    Unit {
        name: "stdlib/memory.bt",
        text: include_str!("stdlib/memory.bt"),
        macros: &["is_err", "memcmp"],
    },
    Unit {
        name: "stdlib/strings.bt",
        text: include_str!("stdlib/strings.bt"),
        macros: &["strlen", "strstr", "strcontains", "strcap", "default_str_length", "assert_str"],
    },
];

/// The names of all its macros.
pub fn names<'a>() -> impl Iterator<Item = &'a str> {
    UNITS.iter().flat_map(|unit| unit.macros.iter().copied())
}

/// Whether a path names the library, a part of it, or a file of it.
pub(super) fn has_package(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    UNITS.iter().any(|unit| {
        let name = unit.name;
        name == path
            || name.strip_suffix(".bt") == Some(path)
            || name.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
    })
}

/// What of it was read.
#[derive(Debug, Default)]
pub(super) struct Library {
    tables: HashMap<&'static str, Table>,
}

impl Library {
    /// Its macros of a name.
    pub(super) fn named(&mut self, name: &str, sources: &mut Sources) -> &[Rc<Definition>] {
        match UNITS.iter().find(|unit| unit.macros.contains(&name)) {
            Some(unit) => {
                let table = self.tables.entry(unit.name).or_insert_with(|| read(unit, sources).0);
                table.named(name)
            }
            None => &[],
        }
    }
}

fn read(unit: &Unit, sources: &mut Sources) -> (Table, Diagnostics) {
    let file = sources.add_embedded(unit.name, unit.text);
    let (mut script, mut found) = syntax::parse(sources, file);
    (Table::collect(&mut script, &mut found), found)
}

/// The script's own macros of a name, and those of the library that take other arguments.
pub(super) fn beside(own: &[Rc<Definition>], library: &[Rc<Definition>]) -> Vec<Rc<Definition>> {
    let others =
        library.iter().filter(|other| own.iter().all(|own| !same_calls(&own.item, &other.item)));
    own.iter().chain(others).map(Rc::clone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;

    #[test]
    fn the_list_of_macros_is_what_the_files_define() {
        for unit in &UNITS {
            let (table, found) = read(unit, &mut Sources::new());
            assert_eq!(found.iter().len(), 0, "{}: {found:?}", unit.name);
            assert_eq!(table.all().collect::<Vec<_>>(), unit.macros, "{}", unit.name);
        }
    }

    #[test]
    fn no_macro_has_the_name_of_a_builtin() {
        for name in names() {
            assert!(builtin::find(name).is_none(), "{name}");
        }
    }
}
