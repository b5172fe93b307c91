//! The symbols of a program or library: its own, or those that were installed for it, and its debug information.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use blazesym::Addr;
use blazesym::symbolize::{
    FindSymOpts, Reason, ResolvedSym, SrcLang, Symbolize, TranslateFileOffset,
};

use super::mappings::Mapping;
use crate::binary::{Binary, DebugFolders, Function};

/// Paths that are remembered to be elsewhere, or here.
const MOST_KEPT: usize = 1 << 12;
/// How many functions that begin before an address are looked at for one that goes on to it.
const NESTED: usize = 16;

/// The symbols of a file; none where it is no program.
type Found = Option<Rc<FileSymbols>>;

/// A file as a process calls it: its path, and its number.
type Called = (Rc<Path>, u64);

/// The files that were looked at, each opened once.
#[derive(Debug, Default)]
pub(super) struct FileTable {
    folders: DebugFolders,
    /// By file system and number there.
    known: RefCell<HashMap<(u64, u64), Found>>,
    /// Those that are reached by way of a process alone, by what it calls them; they stay open.
    kept: RefCell<HashMap<Called, Option<File>>>,
}

impl FileTable {
    pub(super) fn new(folders: DebugFolders) -> Self {
        Self { folders, ..Self::default() }
    }

    /// The symbols of the file at a path that is called `name`.
    pub(super) fn at(&self, path: &Path, name: &Path) -> Option<Rc<FileSymbols>> {
        // Opening a device would wait, or do something.
        fs::metadata(path).ok().filter(Metadata::is_file)?;
        // A path through a process leads nowhere from one moment to the next, which says nothing about the file.
        let file = File::open(path).ok()?;
        let data = file.metadata().ok().filter(Metadata::is_file)?;
        let open = || FileSymbols::read(file, name, &self.folders).map(Rc::new);
        let identity = (data.dev(), data.ino());
        self.known.borrow_mut().entry(identity).or_insert_with(open).clone()
    }

    /// The symbols of a file that a process has, or had, in memory.
    pub(super) fn of(&self, mapping: &Mapping) -> Option<Rc<FileSymbols>> {
        let Mapping { path, inode, .. } = mapping;
        if is_here(path, *inode) {
            return self.at(path, path);
        }
        let kept = self.kept.borrow();
        let file = kept.get(&(Rc::clone(path), *inode))?.as_ref()?;
        self.at(&through(file), path)
    }

    /// Makes sure that a file can be reached when the process has ended.
    pub(super) fn keep(&self, pid: u32, mapping: &Mapping) {
        let Mapping { path, inode, .. } = mapping;
        let mut kept = self.kept.borrow_mut();
        if kept.len() == MOST_KEPT {
            return;
        }
        kept.entry((Rc::clone(path), *inode)).or_insert_with(|| {
            let inside = path.strip_prefix("/").unwrap_or(path);
            let path = Path::new("/proc").join(pid.to_string()).join("root").join(inside);
            let far = !is_here(mapping.path.as_ref(), *inode) && is_here(&path, *inode);
            far.then(|| File::open(&path).ok()).flatten()
        });
    }
}

fn is_here(path: &Path, inode: u64) -> bool {
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.ino() == inode)
}

/// The symbols of a file.
#[derive(Debug)]
pub(super) struct FileSymbols {
    /// As processes call it.
    name: PathBuf,
    binary: Binary,
    /// Where functions begin, in order: each address once, and the index of its function.
    starts: Vec<(u64, usize)>,
    /// What knows lines and what is inlined.
    debug: OnceCell<Option<DebugInformation>>,
    /// Its file may be reached by way of a process, which can end.
    file: File,
}

/// A symbolizer has no way to be printed.
struct DebugInformation(blazesym::helper::ElfResolver);

impl std::fmt::Debug for DebugInformation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DebugInformation")
    }
}

impl FileSymbols {
    fn read(file: File, name: &Path, folders: &DebugFolders) -> Option<Self> {
        let binary = Binary::open(&through(&file), folders).ok()?;
        let starts = starts(binary.functions());
        Some(Self { name: name.to_owned(), binary, starts, debug: OnceCell::new(), file })
    }

    /// The function that has code at this address.
    fn function(&self, address: u64) -> Option<&Function> {
        let functions = self.binary.functions();
        let after = self.starts.partition_point(|(start, _)| *start <= address);
        let before = self.starts[..after].iter().rev().take(NESTED);
        let mut before = before.map(|(_, index)| &functions[*index]);
        let last = before.next()?;
        // Assembly does not always say how large its functions are.
        let within = |one: &&Function| address - one.address < one.size;
        if last.size == 0 { Some(last) } else { Some(last).filter(within).or(before.find(within)) }
    }

    fn debug(&self) -> Option<&blazesym::helper::ElfResolver> {
        let read = || {
            let path = match self.binary.debug_path()? {
                Some(separate) => separate.to_owned(),
                None => through(&self.file),
            };
            let none: [&Path; 0] = [];
            let resolver = blazesym::helper::ElfResolver::open_with_debug_dirs(path, none).ok()?;
            Some(DebugInformation(resolver))
        };
        self.debug.get_or_init(read).as_ref().map(|debug| &debug.0)
    }
}

fn through(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Where functions begin. Of several names of one place the plainest counts: `malloc`, not `__libc_malloc`.
fn starts(functions: &[Function]) -> Vec<(u64, usize)> {
    let mut starts: Vec<(u64, usize)> =
        functions.iter().map(|function| function.address).zip(0..).collect();
    let plain = |index: usize| {
        let Function { name, size, .. } = &functions[index];
        let underscores = name.bytes().take_while(|byte| *byte == b'_').count();
        // What compilers mangle begins with underscores for good reason.
        let underscores =
            if name.starts_with("_Z") || name.starts_with("_R") { 0 } else { underscores };
        (*size == 0, underscores, name.len(), name)
    };
    starts.sort_by(|(left, one), (right, other)| {
        left.cmp(right).then_with(|| plain(*one).cmp(&plain(*other)))
    });
    starts.dedup_by_key(|(start, _)| *start);
    starts
}

impl TranslateFileOffset for FileSymbols {
    fn file_offset_to_virt_offset(&self, file_offset: u64) -> blazesym::Result<Option<Addr>> {
        Ok(self.binary.address(file_offset))
    }
}

impl Symbolize for FileSymbols {
    fn find_sym(
        &self,
        address: Addr,
        options: &FindSymOpts,
    ) -> blazesym::Result<Result<ResolvedSym<'_>, Reason>> {
        let Some(function) = self.function(address) else { return Ok(Err(Reason::UnknownAddr)) };
        let debug = match options {
            FindSymOpts::Basic => None,
            // Damaged debug information is as good as none.
            options => self.debug().and_then(|debug| debug.find_sym(address, options).ok()?.ok()),
        };
        let (lang, code_info, inlined) = match debug {
            Some(debug) => (debug.lang, debug.code_info, debug.inlined),
            None => (SrcLang::Unknown, None, Box::default()),
        };
        Ok(Ok(ResolvedSym {
            name: &function.name,
            module: Some(self.name.as_os_str()),
            addr: function.address,
            size: usize::try_from(function.size).ok(),
            lang,
            code_info,
            inlined,
            _non_exhaustive: (),
        }))
    }
}

/// The same for a symbolizer, which wants something of its own.
#[derive(Debug)]
pub(super) struct Shared(pub(super) Rc<FileSymbols>);

impl TranslateFileOffset for Shared {
    fn file_offset_to_virt_offset(&self, file_offset: u64) -> blazesym::Result<Option<Addr>> {
        self.0.file_offset_to_virt_offset(file_offset)
    }
}

impl Symbolize for Shared {
    fn find_sym(
        &self,
        address: Addr,
        options: &FindSymOpts,
    ) -> blazesym::Result<Result<ResolvedSym<'_>, Reason>> {
        self.0.find_sym(address, options)
    }
}
