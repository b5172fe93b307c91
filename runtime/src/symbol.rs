//! Kernel and user symbols.
//!
//! Nothing is read before the first address is shown. Kernel symbols come from `/proc/kallsyms`, those of a process from
//! the files it has mapped; when the process is gone there are none.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use blazesym::symbolize::source::{Kernel, Process, Source};
use blazesym::symbolize::{Input, Symbolized, Symbolizer};
use blazesym::{MaybeDefault, Pid};

use ebtrace_image::Symbols;

use crate::decode::Space;

/// A function and how far into it an address is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Name of the function, demangled.
    pub name: Rc<str>,
    /// Bytes from its start.
    pub offset: u64,
    /// `file.c:12`, where it is known.
    pub place: Option<Rc<str>>,
}

/// Knows the symbols of addresses.
pub trait Symbolize {
    /// The symbol of each address, in order; `None` where there is none.
    fn symbolize(&self, space: Space, addresses: &[u64]) -> Vec<Option<Symbol>>;
}

/// Knows no symbols: everything is shown as a number.
#[derive(Debug, Clone, Copy)]
pub struct NoSymbols;

impl Symbolize for NoSymbols {
    fn symbolize(&self, _space: Space, addresses: &[u64]) -> Vec<Option<Symbol>> {
        vec![None; addresses.len()]
    }
}

/// What was looked up already; `None` where there is no symbol.
type Known = HashMap<u64, Option<Symbol>>;

/// The symbols of the running kernel and its processes.
#[derive(Debug)]
pub struct LiveSymbols {
    settings: Symbols,
    symbolizer: OnceCell<Symbolizer>,
    kernel: RefCell<Known>,
    processes: RefCell<HashMap<u32, Known>>,
}

impl LiveSymbols {
    /// Nothing is looked up yet.
    pub fn new(settings: Symbols) -> Self {
        Self {
            settings,
            symbolizer: OnceCell::new(),
            kernel: RefCell::default(),
            processes: RefCell::default(),
        }
    }

    /// Forgets what was learnt about processes: their ids are used again and they map new files.
    pub fn forget_processes(&self) {
        self.processes.borrow_mut().clear();
    }

    fn with(&self, known: &mut Known, space: Space, addresses: &[u64]) -> Vec<Option<Symbol>> {
        let unknown: Vec<u64> =
            addresses.iter().copied().filter(|address| !known.contains_key(address)).collect();
        if !unknown.is_empty() {
            let found = self.look_up(space, &unknown);
            known.extend(unknown.into_iter().zip(found));
        }
        addresses.iter().map(|address| known.get(address).cloned().flatten()).collect()
    }

    fn look_up(&self, space: Space, addresses: &[u64]) -> Vec<Option<Symbol>> {
        let Symbols { demangle, source_lines } = self.settings;
        let symbolizer = self.symbolizer.get_or_init(|| {
            Symbolizer::builder().enable_demangling(demangle).enable_code_info(source_lines).build()
        });
        let find = |debug_syms| {
            symbolizer.symbolize(&source(space, debug_syms), Input::AbsAddr(addresses))
        };
        let Ok(symbols) = find(false) else {
            // The process is gone, or may not be looked at.
            return vec![None; addresses.len()];
        };
        let mut symbols: Vec<Option<Symbol>> = symbols.iter().map(symbol).collect();
        // Debug information knows functions by names that nobody calls them by, so only its places are taken.
        if source_lines
            && space != Space::Kernel
            && let Ok(found) = find(true)
        {
            for (symbol, found) in symbols.iter_mut().zip(&found) {
                if let Some(symbol) = symbol {
                    symbol.place = place(found);
                }
            }
        }
        symbols
    }
}

impl Symbolize for LiveSymbols {
    fn symbolize(&self, space: Space, addresses: &[u64]) -> Vec<Option<Symbol>> {
        match space {
            Space::Kernel => self.with(&mut self.kernel.borrow_mut(), space, addresses),
            Space::Process(pid) => {
                self.with(self.processes.borrow_mut().entry(pid).or_default(), space, addresses)
            }
        }
    }
}

fn source(space: Space, debug_syms: bool) -> Source<'static> {
    match space {
        // A kernel image with debug information is rarely there and takes seconds to read.
        Space::Kernel => Source::Kernel(Kernel {
            vmlinux: MaybeDefault::None,
            debug_syms: false,
            ..Kernel::default()
        }),
        Space::Process(pid) => {
            Source::Process(Process { debug_syms, ..Process::new(Pid::from(pid)) })
        }
    }
}

fn symbol(symbolized: &Symbolized<'_>) -> Option<Symbol> {
    let symbol = symbolized.as_sym()?;
    Some(Symbol { name: Rc::from(&*symbol.name), offset: symbol.offset as u64, place: None })
}

fn place(symbolized: &Symbolized<'_>) -> Option<Rc<str>> {
    let place = symbolized.as_sym()?.code_info.as_ref()?;
    let file = place.to_path();
    Some(match place.line {
        Some(line) => Rc::from(format!("{}:{line}", file.display())),
        None => Rc::from(file.display().to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Symbols = Symbols { demangle: true, source_lines: true };

    #[test]
    fn our_own_functions_have_names() {
        let address = libc::getpid as *const () as u64;
        let symbols = LiveSymbols::new(SETTINGS);
        let found = symbols.symbolize(Space::Process(std::process::id()), &[address, 1]);
        assert!(
            found[0].as_ref().is_some_and(|symbol| symbol.name.contains("getpid")),
            "{found:?}"
        );
        assert_eq!(found[1], None);
    }

    #[inline(never)]
    fn of_this_file() {}

    #[test]
    fn names_and_lines_are_as_the_settings_want_them() {
        let address = of_this_file as *const () as u64;
        let look = |settings| {
            let found = LiveSymbols::new(settings)
                .symbolize(Space::Process(std::process::id()), &[address]);
            found[0].clone().unwrap()
        };
        let symbol = look(SETTINGS);
        assert!(symbol.name.ends_with("tests::of_this_file"), "{symbol:?}");
        assert!(symbol.place.is_some_and(|place| place.contains("symbol.rs:")));
        let symbol = look(Symbols { demangle: false, source_lines: false });
        assert!(symbol.name.starts_with("_") && symbol.place.is_none(), "{symbol:?}");
    }

    #[test]
    fn a_process_that_is_gone_has_no_symbols() {
        assert_eq!(
            LiveSymbols::new(SETTINGS).symbolize(Space::Process(0x3fff_ffff), &[4096]),
            [None]
        );
    }
}
