//! Kernel and user symbols.
//!
//! Nothing is read before the first address is shown. Kernel symbols come from `/proc/kallsyms`, those of a process from
//! the files it has mapped, or had when it ended: that is followed from the start where a script has user addresses.

mod file;
mod mappings;
mod records;

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use blazesym::symbolize::source::{Kernel, Process, Source};
use blazesym::symbolize::{
    CodeInfo, FindSymOpts, InlinedFn, Input, ProcessMemberInfo, ProcessMemberType, Resolve, Sym,
    Symbolize as _, Symbolizer, TranslateFileOffset,
};
use blazesym::{MaybeDefault, Pid};

use ebtrace_image::{Image, Shape, StackMode, Symbols};

use crate::binary::DebugFolders;
use crate::decode::Space;
use crate::kernel;
use file::{FileTable, Shared};
pub(crate) use mappings::Change;
use mappings::Mappings;
pub(crate) use records::Records;

/// A function and how far into it an address is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Name of the function, demangled.
    pub name: Rc<str>,
    /// Bytes from its start.
    pub offset: u64,
    /// `file.c:12`, where it is known.
    pub place: Option<Rc<str>>,
    /// The file or module that it is in, where that is known.
    pub module: Option<Rc<str>>,
    /// Functions that were inlined there, innermost first.
    pub inlined: Rc<[Inlined]>,
}

/// A function that was inlined in another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inlined {
    /// Its name, demangled.
    pub name: Rc<str>,
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
    files: Rc<FileTable>,
    kernel: RefCell<Known>,
    processes: RefCell<HashMap<u32, Known>>,
    /// What processes have, and had, in memory, where that is followed.
    followed: RefCell<Option<Followed>>,
}

#[derive(Debug)]
struct Followed {
    mappings: Mappings,
    records: Records,
}

impl LiveSymbols {
    /// Nothing is looked up yet; debug information that is elsewhere is looked for in these folders.
    pub fn new(settings: Symbols, folders: DebugFolders) -> Self {
        Self {
            settings,
            symbolizer: OnceCell::new(),
            files: Rc::new(FileTable::new(folders)),
            kernel: RefCell::default(),
            processes: RefCell::default(),
            followed: RefCell::default(),
        }
    }

    /// Follows from now on what processes have in memory, so that their symbols are known when they have ended; one
    /// process alone if it is given, and those that are started from now on.
    pub(crate) fn follow(&self, process: Option<u32>) {
        // Who may not listen sees the symbols of processes that still run.
        let Ok(cpus) = kernel::online_cpus() else { return };
        let Ok(records) = Records::listen(&cpus) else { return };
        let mut mappings = Mappings::default();
        mappings.ask(process);
        mappings.all().for_each(|(pid, mapping)| self.files.keep(pid, mapping));
        *self.followed.borrow_mut() = Some(Followed { mappings, records });
    }

    /// Takes note of what processes did.
    pub(crate) fn update(&self) {
        let mut followed = self.followed.borrow_mut();
        let Some(Followed { mappings, records }) = followed.as_mut() else { return };
        for told in records.take() {
            if let Change::Maps(mapping) = &told.change {
                self.files.keep(told.pid, mapping);
            }
            mappings.change(told.pid, told.change);
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
        let symbolizer = self.symbolizer.get_or_init(|| self.symbolizer());
        let found = symbolizer.symbolize(&source(space), Input::AbsAddr(addresses));
        let symbols: Vec<Option<Symbol>> =
            found.iter().flatten().map(|found| found.as_sym().map(symbol)).collect();
        let missing = symbols.is_empty() || symbols.iter().any(Option::is_none);
        if let (Space::Process(pid), true) = (space, missing) {
            // It has ended, perhaps while it was asked, or may not be looked at.
            self.update();
            let found = symbols.into_iter().chain(std::iter::repeat(None)).zip(addresses);
            return found
                .map(|(symbol, address)| symbol.or_else(|| self.of_ended(pid, *address)))
                .collect();
        }
        if symbols.is_empty() { vec![None; addresses.len()] } else { symbols }
    }

    fn symbolizer(&self) -> Symbolizer {
        let Symbols { demangle, source_lines } = self.settings;
        let files = Rc::clone(&self.files);
        let dispatch = move |member: ProcessMemberInfo<'_>| {
            let ProcessMemberType::Path(path) = member.member_entry else { return Ok(None) };
            let found = files.at(&path.maps_file, &path.symbolic_path);
            Ok(found.map(|found| Box::new(Shared(found)) as Box<dyn Resolve>))
        };
        Symbolizer::builder()
            .enable_demangling(demangle)
            .enable_code_info(source_lines)
            .enable_inlined_fns(source_lines)
            .set_process_dispatcher(dispatch)
            .build()
    }

    /// The symbol of an address of a process that is no longer there.
    fn of_ended(&self, pid: u32, address: u64) -> Option<Symbol> {
        let followed = self.followed.borrow();
        let mapping = followed.as_ref()?.mappings.find(pid, address)?;
        let file = self.files.of(mapping)?;
        let offset = address - mapping.from + mapping.offset;
        let address = file.file_offset_to_virt_offset(offset).ok()??;
        let options = match self.settings.source_lines {
            true => FindSymOpts::CodeInfoAndInlined,
            false => FindSymOpts::Basic,
        };
        let found = file.find_sym(address, &options).ok()?.ok()?;
        let name = |name: &str| match self.settings.demangle {
            true => demangled(name),
            false => Rc::from(name),
        };
        let inlined = found.inlined.iter().rev();
        let inlined =
            inlined.map(|function| Inlined { name: name(&function.name), ..inlined_at(function) });
        Some(Symbol {
            name: name(found.name),
            offset: address - found.addr,
            place: found.code_info.as_deref().map(place),
            module: found.module.map(|module| Rc::from(module.to_string_lossy())),
            inlined: inlined.collect(),
        })
    }
}

impl Symbolize for LiveSymbols {
    fn symbolize(&self, space: Space, addresses: &[u64]) -> Vec<Option<Symbol>> {
        match space {
            // It is in no namespace of ours, so that we do not see it.
            Space::Process(0) => vec![None; addresses.len()],
            Space::Kernel => self.with(&mut self.kernel.borrow_mut(), space, addresses),
            Space::Process(pid) => {
                self.with(self.processes.borrow_mut().entry(pid).or_default(), space, addresses)
            }
        }
    }
}

fn source(space: Space) -> Source<'static> {
    match space {
        // A kernel image with debug information is rarely there and takes seconds to read.
        Space::Kernel => Source::Kernel(Kernel {
            vmlinux: MaybeDefault::None,
            debug_syms: false,
            ..Kernel::default()
        }),
        Space::Process(pid) => Source::Process(Process::new(Pid::from(pid))),
    }
}

fn symbol(symbol: &Sym<'_>) -> Symbol {
    Symbol {
        name: Rc::from(&*symbol.name),
        offset: symbol.offset as u64,
        place: symbol.code_info.as_deref().map(place),
        module: symbol.module.as_deref().map(|module| Rc::from(module.to_string_lossy())),
        inlined: symbol.inlined.iter().rev().map(inlined_at).collect(),
    }
}

fn inlined_at(function: &InlinedFn<'_>) -> Inlined {
    let place = function.code_info.as_ref().map(place);
    Inlined { name: Rc::from(&*function.name), place }
}

fn place(place: &CodeInfo<'_>) -> Rc<str> {
    let file = place.to_path();
    match place.line {
        Some(line) => Rc::from(format!("{}:{line}", file.display())),
        None => Rc::from(file.display().to_string()),
    }
}

/// Whether a script has addresses of processes to show, by their symbols.
pub(crate) fn has_user_addresses(image: &Image) -> bool {
    let maps = image.maps.iter().flat_map(|map| map.key.iter().chain([&map.value]));
    let events = image.events.iter().flat_map(|event| &event.record.fields);
    maps.chain(events).any(|slot| is_user_address(&slot.shape))
}

fn is_user_address(shape: &Shape) -> bool {
    match shape {
        Shape::Stack { user, mode, .. } => {
            *user && matches!(mode, StackMode::Bpftrace | StackMode::Perf)
        }
        Shape::Symbol { user } => *user,
        Shape::Tuple(record) | Shape::Record(record, _) => {
            record.fields.iter().any(|slot| is_user_address(&slot.shape))
        }
        Shape::Array { of, .. } => is_user_address(of),
        _ => false,
    }
}

/// A name as its source has it.
fn demangled(name: &str) -> Rc<str> {
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        return Rc::from(format!("{rust:#}"));
    }
    let cpp = cpp_demangle::Symbol::new(name).ok().and_then(|symbol| symbol.demangle().ok());
    cpp.map_or_else(|| Rc::from(name), Rc::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Symbols = Symbols { demangle: true, source_lines: true };

    #[test]
    fn our_own_functions_have_names() {
        let address = libc::getpid as *const () as u64;
        let symbols = LiveSymbols::new(SETTINGS, DebugFolders::default());
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
            let found = LiveSymbols::new(settings, DebugFolders::default())
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
            LiveSymbols::new(SETTINGS, DebugFolders::default())
                .symbolize(Space::Process(0x3fff_ffff), &[4096]),
            [None]
        );
    }
}
