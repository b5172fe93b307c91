//! What a session at a prompt holds: what was entered, what runs, and the maps.

use std::io::{self, IsTerminal, Write};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

use ebtrace::codegen::Target;
use ebtrace::entry::{self, Entry, Kind};
use ebtrace::memory::{self, Memory, Piece};
use ebtrace::options::Options;
use ebtrace::pipeline;
use ebtrace::source::Sources;
use ebtrace_runtime::render::Format;
use ebtrace_runtime::{SharedMap, count_runs, kernel};
use indexmap::IndexMap;

use super::compiled::{Compiled, Refused};
use super::screen::Screen;
use super::unit::{Group, Listeners, Manner, Running};
use super::{Done, Event};
use crate::cli::args::Args;
use crate::cli::environment::read_all_options;
use crate::cli::live::Live;
use crate::cli::report;

/// A probe that was entered.
pub(super) struct Unit {
    /// By which the user stops and starts it.
    pub(super) number: u32,
    pub(super) piece: Piece,
    pub(super) running: Option<Running>,
    /// How often it ran before it was stopped last.
    pub(super) runs: u64,
}

/// A map that is there.
pub(super) struct KnownMap {
    pub(super) shared: SharedMap,
    /// As messages spell it: `@[string[16]]: count`
    pub(super) ty: String,
}

/// All of it.
pub(super) struct State<'a> {
    pub(super) args: &'a Args,
    pub(super) options: Options,
    pub(super) sources: Sources,
    pub(super) memory: Memory,
    pub(super) units: Vec<Unit>,
    /// By name with sigil.
    pub(super) maps: IndexMap<String, KnownMap>,
    /// The text of the newest entry that was no command.
    pub(super) newest: String,
    pub(super) screen: Screen,
    pub(super) manner: Manner,
    /// Nobody can interrupt a probe, so none is waited for.
    pub(super) unattended: bool,
    /// What the session ends with.
    pub(super) status: u8,
    target: Target,
    pub(super) events: (Sender<Event>, Receiver<Event>),
    /// The kernel counts how often programs run as long as it is there.
    _counting: Option<OwnedFd>,
    entries: u32,
    /// Of the newest probe.
    pub(super) numbers: u32,
}

impl<'a> State<'a> {
    pub(super) fn new(
        args: &'a Args,
        screen: Screen,
        (events, listeners): ((Sender<Event>, Receiver<Event>), Listeners),
    ) -> anyhow::Result<Self> {
        let (mut options, doubts) = read_all_options(args, Vec::new())?;
        report::diagnostics(&Sources::new(), &doubts);
        options.at_prompt = true;
        let terminal = io::stdout().is_terminal();
        let possible_cpus = u32::try_from(kernel::possible_cpus()?).unwrap_or(u32::MAX);
        Ok(Self {
            options,
            sources: Sources::new(),
            memory: Memory::default(),
            units: Vec::new(),
            maps: IndexMap::new(),
            newest: String::new(),
            screen,
            manner: Manner::new(args, terminal, listeners)?,
            unattended: !io::stdin().is_terminal(),
            status: 0,
            target: Target { version: kernel::version(), possible_cpus },
            events,
            // Without it there are no numbers, and everything else.
            _counting: count_runs().ok(),
            entries: 0,
            numbers: 0,
            args,
        })
    }

    /// The machine as it is now.
    pub(super) fn host(&self) -> Live {
        let args = self.args;
        let host = Live::new(args.no_features.clone(), args.traceable_functions.clone());
        host.of_process(args.pid).with_debug_folders(crate::cli::session::debug_folders(args))
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Carries out what was typed, which is no command; messages may call it by a name.
    pub(super) fn enter(&mut self, text: &str, name: Option<&str>) -> anyhow::Result<Done> {
        let (text, stays) = entry::without_ampersand(text);
        text.clone_into(&mut self.newest);
        let Some(entry) = self.read(text, name) else { return Ok(Done::Failed) };
        match entry.kind {
            Kind::Items => self.items(&entry, stays || self.unattended),
            Kind::Statements => self.statements(&entry),
            Kind::Value => self.value(&entry, text),
        }
    }

    /// Reads what was typed; what is wrong with it was said.
    pub(super) fn read(&mut self, text: &str, name: Option<&str>) -> Option<Entry> {
        let name = name.map_or_else(|| self.next_name(), str::to_owned);
        match entry::read(&mut self.sources, &name, text) {
            Ok(entry) => Some(entry),
            Err(wrong) => {
                report::diagnostics(&self.sources, &wrong);
                None
            }
        }
    }

    fn next_name(&mut self) -> String {
        self.entries += 1;
        format!("entry {}", self.entries)
    }

    /// Compiles one probe of an entry; what is wrong with it was said.
    pub(super) fn compile(
        &mut self,
        new: &[Piece],
        piece: &Piece,
    ) -> anyhow::Result<Option<Compiled>> {
        match self.try_compile(new, piece)? {
            Ok(compiled) => Ok(Some(compiled)),
            Err(Refused(wrong)) => {
                report::diagnostics(&self.sources, &wrong);
                Ok(None)
            }
        }
    }

    /// Definitions and probes.
    fn items(&mut self, entry: &Entry, stays: bool) -> anyhow::Result<Done> {
        let new = memory::pieces(&self.sources, entry.file, &entry.script);
        if !new.iter().any(Piece::is_probe) {
            return self.define(new);
        }
        let mut probes = Vec::new();
        for piece in new.iter().filter(|piece| piece.is_probe()) {
            let Some(compiled) = self.compile(&new, piece)? else { return Ok(Done::Failed) };
            if let Some(refused) = pipeline::only_trials(&compiled.checked.program) {
                report::one(&self.sources, refused);
                return Ok(Done::Failed);
            }
            probes.push((piece.clone(), compiled));
        }
        let done = self.replace(probes, stays)?;
        if done != Done::Failed {
            new.into_iter().for_each(|piece| self.memory.add(piece));
        }
        Ok(done)
    }

    /// Definitions alone are checked with a probe that does nothing.
    fn define(&mut self, mut new: Vec<Piece>) -> anyhow::Result<Done> {
        let name = self.next_name();
        let Ok(nothing) = entry::statements(&mut self.sources, &name, "") else {
            return Ok(Done::Failed);
        };
        let probe = memory::pieces(&self.sources, nothing.file, &nothing.script).remove(0);
        let definitions = new.clone();
        new.push(probe.clone());
        if self.compile(&new, &probe)?.is_none() {
            return Ok(Done::Failed);
        }
        definitions.into_iter().for_each(|piece| self.memory.add(piece));
        Ok(Done::Fine)
    }

    /// What is done once.
    fn statements(&mut self, entry: &Entry) -> anyhow::Result<Done> {
        let new = memory::pieces(&self.sources, entry.file, &entry.script);
        let Some(piece) = new.first() else { return Ok(Done::Fine) };
        match self.compile(&new, piece)? {
            Some(compiled) => self.do_once(piece.clone(), compiled, None),
            None => Ok(Done::Failed),
        }
    }

    /// What is computed once and shown, with its type.
    fn value(&mut self, entry: &Entry, text: &str) -> anyhow::Result<Done> {
        let new = memory::pieces(&self.sources, entry.file, &entry.script);
        let piece = &new[0];
        let compiled = match self.try_compile(&new, piece)? {
            Ok(compiled) => compiled,
            Err(Refused(wrong)) => {
                // What has no value can still be done.
                if let Some(done) = self.try_statements(text)? {
                    return Ok(done);
                }
                report::diagnostics(&self.sources, &wrong);
                return Ok(Done::Failed);
            }
        };
        let shown = Shown::default();
        let ty = compiled.value_type();
        let done = self.do_once(piece.clone(), compiled, Some(Box::new(shown.clone())))?;
        self.show_value(&shown.take(), ty, entry.whole_map());
        Ok(done)
    }

    fn show_value(&self, shown: &[u8], ty: Option<String>, map: Option<&str>) {
        let text = String::from_utf8_lossy(shown);
        let text = text.trim_end_matches('\n');
        // What reads JSON reads nothing else.
        let ty = ty.filter(|_| self.manner.format != Format::Json);
        match (ty, map) {
            (None, Some(map)) if text.is_empty() => self.screen.say(&format!("@{map} is empty")),
            (Some(ty), _) if text.contains('\n') => self.screen.say(&format!("{text}\n: {ty}")),
            (Some(ty), _) => self.screen.say(&format!("{text} : {ty}")),
            (None, _) if text.is_empty() => {}
            (None, _) => self.screen.say(text),
        }
    }

    fn try_statements(&mut self, text: &str) -> anyhow::Result<Option<Done>> {
        let name = self.next_name();
        let Ok(entry) = entry::statements(&mut self.sources, &name, text) else { return Ok(None) };
        let new = memory::pieces(&self.sources, entry.file, &entry.script);
        match self.try_compile(&new, &new[0])? {
            Ok(compiled) => self.do_once(new[0].clone(), compiled, None).map(Some),
            Err(_) => Ok(None),
        }
    }

    fn do_once(
        &mut self,
        piece: Piece,
        compiled: Compiled,
        output: Option<Box<dyn Write + Send>>,
    ) -> anyhow::Result<Done> {
        self.memory.add(piece);
        let group = Arc::new(Group::default());
        let Some(running) = self.start(compiled, &group, output)? else {
            return Ok(Done::Failed);
        };
        match self.ended(running)? {
            (_, Some(status)) => {
                self.status = status;
                Ok(Done::Quit)
            }
            _ => Ok(Done::Fine),
        }
    }
}

/// Takes what a value prints.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<u8>>>);

impl Shown {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
