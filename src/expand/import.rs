//! Imports: the items of other files come before those of the file that imports them. Packages that are part of
//! ebtrace can be named too, although their macros are known anyway.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::error::import as error;
use super::object::{self, Object};
use super::stdlib;
use crate::diagnostic::Diagnostics;
use crate::host::HostError;
use crate::host::files::{Content, Entry, Files};
use crate::options::{Gate, Options};
use crate::source::{FileId, Sources, Span};
use crate::syntax;
use crate::syntax::ast::walk::{self, Walk};
use crate::syntax::ast::{Block, CText, Import, Item, Script, StmtKind};

/// The most files that one script may import.
const MOST_FILES: usize = 500;

/// Puts the items of imported files where they are imported.
pub(super) fn resolve(
    script: Script,
    file: FileId,
    sources: &mut Sources,
    files: &dyn Files,
    options: &Options,
) -> (Script, Vec<Object>, Diagnostics) {
    let main = PathBuf::from(&sources.get(file).name);
    let known = files.open(&main).map(|entry| entry.real).into_iter().collect();
    let mut imports = Imports {
        sources,
        files,
        options,
        known,
        items: Vec::new(),
        objects: Vec::new(),
        diagnostics: Diagnostics::new(),
    };
    imports.script(script, &main);
    (Script { items: imports.items }, imports.objects, imports.diagnostics)
}

struct Imports<'a> {
    sources: &'a mut Sources,
    files: &'a dyn Files,
    options: &'a Options,
    /// Real paths of all files so far.
    known: HashSet<PathBuf>,
    items: Vec<Item>,
    objects: Vec<Object>,
    diagnostics: Diagnostics,
}

impl Imports<'_> {
    /// Takes the items of a script, those that it imports first.
    fn script(&mut self, script: Script, path: &Path) {
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut own = Vec::new();
        for item in script.items {
            match item {
                Item::Import(import) => self.import(&import, folder),
                mut item => {
                    self.within(&mut item, folder);
                    own.push(item);
                }
            }
        }
        self.items.append(&mut own);
    }

    /// Imports within the blocks of an item.
    fn within(&mut self, item: &mut Item, folder: &Path) {
        let mut statements = Statements(Vec::new());
        match item {
            Item::Probe(probe) => {
                probe.predicate.iter_mut().for_each(|predicate| statements.expr(predicate));
                statements.block(&mut probe.body);
            }
            Item::Macro(item) => statements.block(&mut item.body),
            Item::Function(function) => statements.block(&mut function.body),
            _ => {}
        }
        for import in statements.0 {
            let span = import.path.span;
            let gate = self.options.import_statement;
            if gate != Gate::Open {
                self.diagnostics.push(error::within_block(span, gate));
            }
            match kind(&folder.join(&import.path.node)) {
                Some(Kind::Header | Kind::Object | Kind::Source) => self.import(&import, folder),
                _ => self.diagnostics.push(error::not_within_block(span)),
            }
        }
    }

    fn import(&mut self, import: &Import, folder: &Path) {
        let (name, span) = (&import.path.node, import.path.span);
        if name.is_empty() {
            self.diagnostics.push(error::no_name(span));
            return;
        }
        let path = folder.join(name);
        match self.open(&path, span) {
            Ok(Some(Entry { content: Content::Folder(names), .. })) => {
                self.folder(names, &path, span);
            }
            Ok(Some(Entry { content: Content::Text(text), .. })) => self.file(text, &path, span),
            Ok(None) => {}
            Err(HostError::NotFound) if stdlib::has_package(name) => {}
            Err(HostError::NotFound) => {
                let near = self.siblings(&path);
                self.diagnostics.push(error::missing(name, span, &path, &near));
            }
            Err(reason) => self.diagnostics.push(error::unreadable(&path, span, &reason)),
        }
    }

    /// What is at a path; nothing where it was imported before, or must not be.
    fn open(&mut self, path: &Path, span: Span) -> Result<Option<Entry>, HostError> {
        let entry = self.files.open(path)?;
        if let Some(writable) = &entry.writable {
            self.diagnostics.push(error::writable(path, span, writable));
            return Ok(None);
        }
        if !self.known.insert(entry.real.clone()) {
            return Ok(None);
        }
        if self.known.len() > MOST_FILES {
            if self.known.len() == MOST_FILES + 1 {
                self.diagnostics.push(error::too_many(span, MOST_FILES));
            }
            return Ok(None);
        }
        Ok(Some(entry))
    }

    /// Each file of a folder in the order of their names; what cannot be imported is not looked at.
    fn folder(&mut self, mut names: Vec<String>, folder: &Path, span: Span) {
        names.sort_unstable();
        names.retain(|name| !name.starts_with('.') && kind(Path::new(name)).is_some());
        if names.is_empty() {
            self.diagnostics.push(error::empty_folder(folder, span));
        }
        for name in names {
            let path = folder.join(name);
            match self.open(&path, span) {
                Ok(Some(Entry { content: Content::Text(text), .. })) => {
                    self.file(text, &path, span);
                }
                Ok(_) => {}
                Err(reason) => self.diagnostics.push(error::unreadable(&path, span, &reason)),
            }
        }
    }

    fn file(&mut self, text: String, path: &Path, span: Span) {
        let Some(kind) = kind(path) else {
            self.diagnostics.push(error::unknown_kind(path, span));
            return;
        };
        if kind == Kind::Object {
            return self.object(path, span, None);
        }
        let file = self.sources.add(path.display().to_string(), text);
        match kind {
            Kind::Object => {}
            Kind::Source => self.object(path, span, Some(file)),
            Kind::Header => {
                let text = self.sources.get(file).text.to_string();
                let span = Span::new(file, 0, text.len());
                self.items.push(Item::C(CText { text, span }));
            }
            Kind::Script => {
                let (mut script, found) = syntax::parse(self.sources, file);
                self.diagnostics.append(found);
                script.items.retain(|item| match item {
                    Item::Config(config) => {
                        self.diagnostics.push(error::config(config.span, span));
                        false
                    }
                    _ => true,
                });
                self.script(script, path);
            }
        }
    }

    /// Functions in C; `source` where they are yet to be compiled.
    fn object(&mut self, path: &Path, span: Span, source: Option<FileId>) {
        let machine = (self.files, &*self.sources, self.options);
        let complaints = &mut self.diagnostics;
        self.objects.extend(object::open((path, span), source, machine, &self.objects, complaints));
    }

    /// The names beside a path that is not there.
    fn siblings(&self, path: &Path) -> Vec<String> {
        match self.files.open(path.parent().unwrap_or(Path::new(""))) {
            Ok(Entry { content: Content::Folder(names), .. }) => names,
            _ => Vec::new(),
        }
    }
}

/// Takes the imports out of blocks.
struct Statements(Vec<Import>);

impl Walk for Statements {
    fn block(&mut self, block: &mut Block) {
        block.stmts.retain(|stmt| match &stmt.kind {
            StmtKind::Import(import) => {
                self.0.push(import.clone());
                false
            }
            _ => true,
        });
        walk::walk_block(self, block);
    }
}

/// What a file is to scripts.
#[derive(PartialEq, Eq)]
enum Kind {
    Script,
    /// Definitions in C.
    Header,
    /// Functions in C, to be compiled for BPF.
    Source,
    /// The same, compiled.
    Object,
}

fn kind(path: &Path) -> Option<Kind> {
    let bpf = path.file_stem()?.to_str()?.ends_with(".bpf");
    match path.extension()?.to_str()? {
        "c" if bpf => Some(Kind::Source),
        "o" if bpf => Some(Kind::Object),
        "bt" => Some(Kind::Script),
        "h" => Some(Kind::Header),
        _ => None,
    }
}
