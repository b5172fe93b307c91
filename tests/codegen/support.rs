//! Builds small programs by hand, loads them into the running kernel and runs them there.

use std::cell::RefCell;
use std::rc::Rc;

use ebtrace::codegen::{self, Target};
use ebtrace::ir::build::Builder;
use ebtrace::ir::layout::{Layout, lay_out};
use ebtrace::ir::{Event, EventId, ExprId, Map, MapId, Probe, Program, ProgramType};
use ebtrace::options::Options;
use ebtrace::probe::Plan;
use ebtrace::source::{FileId, Sources, Span};
use ebtrace::types::TypeId;
use ebtrace_image as image;
use libbpf_rs::{
    MapCore, MapFlags, Object, ObjectBuilder, OpenObject, ProgramInput, RingBufferBuilder,
};

/// The script that the programs pretend to come from.
pub(crate) const TEXT: &str = "begin { $x = 1; }\n  end { print($x); }\n";

/// `BPF_F_TEST_RUN_ON_CPU`
const ON_CPU: u32 = 1;

/// A program under construction.
pub(crate) struct Script {
    pub(crate) program: Program,
    pub(crate) sources: Sources,
    pub(crate) options: Options,
    pub(crate) target: Target,
}

/// A program in the kernel.
pub(crate) struct Loaded {
    pub(crate) object: Object,
    image: image::Image,
}

/// The CPUs that the kernel keeps per-CPU values for.
pub(crate) fn cpus() -> u32 {
    libbpf_rs::num_possible_cpus().unwrap() as u32
}

/// Whether programs can be loaded; says so where not.
pub(crate) fn can_load(test: &str) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let root = status
        .lines()
        .any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"));
    if !root {
        eprintln!("{test}: skipped, loading BPF programs needs root");
    }
    root
}

impl Script {
    pub(crate) fn new() -> Script {
        let mut sources = Sources::new();
        sources.add("test.bt", TEXT.to_owned());
        let mut options = Options::default();
        options.settings.ring_buffer_bytes = 1 << 18;
        Script {
            program: Program::default(),
            sources,
            options,
            target: Target { version: (6, 1, 0), possible_cpus: cpus() },
        }
    }

    /// Adds a program.
    pub(crate) fn probe(&mut self, kind: ProgramType, build: impl FnOnce(&mut Builder)) {
        let span = Span::new(FileId(0), 0, 5);
        let site = self.program.sites.alloc(span);
        let mut builder = Builder::new(&mut self.program, 0);
        builder.at(span);
        build(&mut builder);
        let func = builder.finish();
        let label = format!("{kind:?}:x");
        self.program.probes.push(Probe {
            returns: None,
            joins: false,
            guarded: false,
            points: vec![image::Point { label: label.clone(), attach: image::Attach::Begin }],
            plan: Plan { together: false, reason: String::new() },
            label,
            program: kind,
            site,
            func,
        });
    }

    /// Adds a program that [`Loaded::run`] can run.
    pub(crate) fn raw(&mut self, build: impl FnOnce(&mut Builder)) {
        self.probe(ProgramType::RawTracepoint, build);
    }

    pub(crate) fn map(
        &mut self,
        name: &str,
        key: Option<TypeId>,
        value: TypeId,
        max_entries: u32,
    ) -> MapId {
        self.program.maps.alloc(Map {
            name: name.to_owned(),
            key,
            value,
            max_entries,
            declared: false,
            evicts: false,
        })
    }

    /// The event of a map without room.
    pub(crate) fn full(&mut self) -> EventId {
        self.program.events.alloc(Event {
            action: image::Action::Exit,
            fields: vec![TypeId::I64],
            probe: 0,
        })
    }

    pub(crate) fn layout(&self) -> Layout {
        ebtrace::ir::verify::verify(&self.program).unwrap();
        lay_out(&self.program, &self.sources, &self.options).unwrap()
    }

    pub(crate) fn object(&self) -> Vec<u8> {
        codegen::generate(&self.program, &self.layout(), &self.sources, &self.target).unwrap()
    }

    pub(crate) fn load(&self) -> Loaded {
        self.load_with(|_| {})
    }

    /// Loads it after something was changed in it; panics with the assembly if the kernel refuses.
    pub(crate) fn load_with(&self, change: impl FnOnce(&mut OpenObject)) -> Loaded {
        let mut open = ObjectBuilder::default().open_memory(&self.object()).unwrap();
        change(&mut open);
        let object = open.load().unwrap_or_else(|error| {
            let layout = self.layout();
            let text =
                codegen::assembly(&self.program, &layout, &self.sources, &self.target).unwrap();
            panic!("{error}\n{text}")
        });
        Loaded { object, image: self.layout().image }
    }
}

impl Loaded {
    /// Runs a program once on a CPU, in whatever task is there; the words are its context.
    pub(crate) fn run_on(&mut self, cpu: u32, probe: usize, context: &[u64]) {
        self.test_run(probe, context, ProgramInput { cpu, flags: ON_CPU, ..Default::default() });
    }

    /// Runs a program once in this task.
    pub(crate) fn run(&mut self, probe: usize, context: &[u64]) {
        self.test_run(probe, context, ProgramInput::default());
    }

    fn test_run(&mut self, probe: usize, context: &[u64], input: ProgramInput<'_>) {
        let name = self.image.probes[probe].program.clone();
        let program =
            self.object.progs_mut().find(|program| program.name() == name.as_str()).unwrap();
        let mut bytes: Vec<u8> = context.iter().flat_map(|word| word.to_ne_bytes()).collect();
        bytes.resize(96, 0);
        program.test_run(ProgramInput { context_in: Some(&mut bytes), ..input }).unwrap();
    }

    /// Runs a program and returns the record of the one event that it sends, cut into its fields.
    pub(crate) fn answer(&mut self, probe: usize, context: &[u64]) -> Vec<Vec<u8>> {
        self.run(probe, context);
        let mut events = self.events();
        assert_eq!(events.len(), 1, "one event expected");
        events.remove(0).1
    }

    /// As [`Loaded::answer`], with each field as a number.
    pub(crate) fn numbers(&mut self, probe: usize, context: &[u64]) -> Vec<u64> {
        self.answer(probe, context).iter().map(|field| number(field)).collect()
    }

    /// All events that arrived: number and fields.
    pub(crate) fn events(&self) -> Vec<(u64, Vec<Vec<u8>>)> {
        let records: Rc<RefCell<Vec<Vec<u8>>>> = Rc::default();
        let into = Rc::clone(&records);
        let map = self.map(image::RING_BUFFER);
        let mut builder = RingBufferBuilder::new();
        builder
            .add(&map, move |bytes| {
                into.borrow_mut().push(bytes.to_vec());
                0
            })
            .unwrap();
        builder.build().unwrap().consume().unwrap();
        let records = records.take();
        records.iter().map(|record| self.fields(record)).collect()
    }

    fn fields(&self, bytes: &[u8]) -> (u64, Vec<Vec<u8>>) {
        let id = number(&bytes[..8]);
        let record = &self.image.events[id as usize].record;
        assert_eq!(bytes.len(), record.size as usize);
        let at =
            |slot: &image::Slot| slot.offset as usize..(slot.offset + slot.shape.size()) as usize;
        let mut padding = bytes.to_vec();
        padding[..8].fill(0);
        record.fields.iter().for_each(|slot| padding[at(slot)].fill(0));
        assert!(padding.iter().all(|&byte| byte == 0), "padding holds something: {padding:?}");
        (id, record.fields.iter().map(|slot| bytes[at(slot)].to_vec()).collect())
    }

    pub(crate) fn map(&self, name: &str) -> libbpf_rs::Map<'_> {
        self.object.maps().find(|map| map.name() == name).unwrap_or_else(|| panic!("no map {name}"))
    }

    /// What a map of plain values holds for a key.
    pub(crate) fn get(&self, map: &str, key: &[u8]) -> Option<Vec<u8>> {
        let info = self.image.maps.iter().find(|info| info.symbol == map);
        match info.and_then(|info| info.names.as_ref()) {
            None => self.map(map).lookup(key, MapFlags::ANY).unwrap(),
            Some(names) => {
                let names = self.map(names);
                let whole = |digest: &Vec<u8>| names.lookup(digest, MapFlags::ANY).unwrap();
                let digest = names.keys().find(|digest| whole(digest).as_deref() == Some(key));
                self.map(map).lookup(&digest?, MapFlags::ANY).unwrap()
            }
        }
    }

    /// What a per-CPU map holds for a key.
    pub(crate) fn parts(&self, map: &str, key: &[u8]) -> Option<Vec<Vec<u8>>> {
        self.map(map).lookup_percpu(key, MapFlags::ANY).unwrap()
    }
}

/// Shorthand for a read of the context.
pub(crate) fn word(builder: &mut Builder, index: u32) -> ExprId {
    builder.add(ebtrace::ir::Expr::Context(index * 8), TypeId::U64)
}

/// Sends values as one event.
pub(crate) fn answer(builder: &mut Builder, values: Vec<ExprId>) {
    builder.emit(image::Action::Exit, values);
}

/// The number in at most eight bytes.
pub(crate) fn number(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_ne_bytes(word)
}

/// The words of a value.
pub(crate) fn words(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks(8).map(number).collect()
}
