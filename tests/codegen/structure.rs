//! What the object holds, for others than ebtrace.

use std::ffi::OsStr;

use ebtrace::codegen::{self, Stage};
use ebtrace::ir::layout::Layout;
use ebtrace::ir::{Expr, ProgramType, StmtKind};
use ebtrace::source::{FileId, Span};
use ebtrace::types::{Aggregate, Type, TypeId};
use libbpf_rs::ObjectBuilder;

use super::support::{Script, TEXT, answer, can_load, word};

/// One map of every storage, one program of every type, and a statement on each line of the script.
fn script() -> Script {
    let mut script = Script::new();
    let count = script.program.types.intern(Type::Aggregate(Aggregate::Count));
    let full = script.full();
    let maps = [
        script.map("hash", Some(TypeId::U64), TypeId::I32, 100),
        script.map("array", None, TypeId::I32, 1),
        script.map("percpu", Some(TypeId::U64), count, 100),
        script.map("", None, count, 1),
    ];
    let kinds = [
        ProgramType::Kprobe,
        ProgramType::Tracepoint,
        ProgramType::PerfEvent,
        ProgramType::RawTracepoint,
    ];
    for kind in kinds {
        script.probe(kind, |builder| {
            let key = word(builder, 4);
            let value = builder.int(1, TypeId::I32);
            builder.stmt(StmtKind::MapPut { map: maps[0], key: Some(key), value, full });
            builder.stmt(StmtKind::MapPut { map: maps[1], key: None, value, full });
            let second = TEXT.find("end").unwrap();
            builder.at(Span::new(FileId(0), second + 6, second + 15));
            builder.stmt(StmtKind::MapAdd {
                map: maps[2],
                key: Some(key),
                value: None,
                time: None,
                full,
            });
            builder.stmt(StmtKind::MapAdd {
                map: maps[3],
                key: None,
                value: None,
                time: None,
                full,
            });
            answer(builder, vec![key]);
        });
    }
    script
}

/// Names and flags of the sections of an ELF file.
fn sections(object: &[u8]) -> Vec<String> {
    let long = |at: usize| u64::from_le_bytes(object[at..at + 8].try_into().unwrap()) as usize;
    let half = |at: usize| usize::from(u16::from_le_bytes(object[at..at + 2].try_into().unwrap()));
    let word = |at: usize| u32::from_le_bytes(object[at..at + 4].try_into().unwrap()) as usize;
    let header = |index: usize| long(40) + index * half(58);
    let names = long(header(half(62)) + 24);
    let name = |index: usize| {
        let start = names + word(header(index));
        let text = object[start..].split(|&byte| byte == 0).next().unwrap();
        String::from_utf8(text.to_vec()).unwrap()
    };
    (0..half(60)).map(name).collect()
}

#[test]
fn sections_are_those_that_libbpf_knows() {
    let sections = sections(&script().object());
    for wanted in
        ["kprobe", "tracepoint", "perf_event", "raw_tp", ".maps", "license", ".BTF", ".BTF.ext"]
    {
        assert!(sections.iter().any(|name| name == wanted), "{wanted} is missing: {sections:?}");
    }
    assert!(!sections.iter().any(|name| name == ".eh_frame"), "{sections:?}");
    assert!(
        !sections.iter().any(|name| name.starts_with(".rodata")),
        "a map that nothing needs: {sections:?}"
    );
}

#[test]
fn objects_open_with_their_maps_and_programs() {
    let script = script();
    let open = ObjectBuilder::default().open_memory(&script.object()).unwrap();
    let maps: Vec<_> = open
        .maps()
        .map(|map| {
            let name = map.name().to_string_lossy().into_owned();
            (name, map.map_type() as u32, map.key_size(), map.value_size(), map.max_entries())
        })
        .collect();
    let wanted = [
        ("AT_hash", 1, 8, 4, 100),
        ("AT_array", 2, 4, 12, 1),
        ("AT_percpu", 5, 8, 8, 100),
        ("AT_", 6, 4, 16, 1),
        ("ebt_events", 27, 0, 0, 1 << 18),
        ("ebt_lost", 6, 4, 8, 5),
    ];
    assert_eq!(
        maps,
        wanted.map(|(name, kind, key, value, max)| (name.to_owned(), kind, key, value, max))
    );
    let programs: Vec<_> = open
        .progs()
        .map(|program| {
            (
                program.name().to_string_lossy().into_owned(),
                program.section().to_string_lossy().into_owned(),
            )
        })
        .collect();
    let wanted = [
        ("Kprobe_x_0", "kprobe"),
        ("Tracepoint_x_1", "tracepoint"),
        ("PerfEvent_x_2", "perf_event"),
        ("RawTracepoint_x_3", "raw_tp"),
    ];
    assert_eq!(programs, wanted.map(|(name, section)| (name.to_owned(), section.to_owned())));
}

#[test]
fn faults_show_the_function() {
    let mut script = Script::new();
    script.target.version = (5, 10, 0);
    let count = script.program.types.intern(Type::Aggregate(Aggregate::Count));
    let map = script.map("c", None, count, 1);
    script.raw(|builder| {
        let into = builder.local("n", TypeId::U64);
        builder.stmt(StmtKind::MapGet { map, key: None, into, found: None });
    });
    let layout = script.layout();
    let bug = fault(&script, &layout);
    assert_eq!(bug.what, "RawTracepoint:x: bpf_map_lookup_percpu_elem needs Linux 5.19");
    assert!(bug.ir.contains("n.0 = get @c"), "{bug}");
}

fn fault(script: &Script, layout: &Layout) -> codegen::Bug {
    match codegen::generate(&script.program, layout, &script.sources, &script.target) {
        Err(codegen::Failure::Bug(bug)) => bug,
        other => panic!("{other:?}"),
    }
}

/// Older kernels take a few ten thousand instructions, because jumps are short there; LLVM would end the process.
#[test]
fn a_program_that_is_too_long_is_named() {
    let mut script = Script::new();
    script.target.version = (6, 1, 0);
    script.raw(|builder| {
        let ty = builder.types().string(1024);
        let local = builder.local("s", ty);
        for _ in 0..1000 {
            builder.zero(local);
            let address = builder.address(local, 0);
            let size = builder.int(1024, TypeId::U32);
            builder.call_void(ebtrace::ir::Helper::GetCurrentComm, vec![address, size]);
        }
    });
    let layout = script.layout();
    let result = codegen::generate(&script.program, &layout, &script.sources, &script.target);
    assert_eq!(result, Err(codegen::Failure::TooLong(0)));
}

/// LLVM itself would print a message and end the process.
#[test]
fn a_frame_that_is_too_large_is_named() {
    let mut script = Script::new();
    script.raw(|builder| {
        let ty = builder.types().string(600);
        let local = builder.local("s", ty);
        let address = builder.address(local, 0);
        let size = builder.int(600, TypeId::U32);
        builder.call_void(ebtrace::ir::Helper::GetCurrentComm, vec![address, size]);
    });
    let mut layout = script.layout();
    layout.probes[0].locals[0] = ebtrace::ir::layout::Place::Stack;
    let made = codegen::generate(&script.program, &layout, &script.sources, &script.target);
    assert_eq!(made, Err(codegen::Failure::OutOfStack(0)));
}

#[test]
fn texts_show_both_ends() {
    let script = script();
    let layout = script.layout();
    let text = |stage| {
        codegen::llvm_text(&script.program, &layout, &script.sources, &script.target, stage)
            .unwrap()
    };
    assert!(text(Stage::Lowered).contains("alloca"));
    assert!(text(Stage::Optimised).len() < text(Stage::Lowered).len());
    let assembly =
        codegen::assembly(&script.program, &layout, &script.sources, &script.target).unwrap();
    assert!(assembly.starts_with("Kprobe:x\n") && assembly.contains("call ringbuf_reserve"));
}

/// The same program gives the same bytes.
#[test]
fn objects_are_reproducible() {
    assert_eq!(script().object(), script().object());
}

/// bpftool is the other loader that people have; it shows the lines that the kernel keeps.
#[test]
fn bpftool_loads_the_object_and_shows_the_script() {
    if !can_load("bpftool_loads_the_object_and_shows_the_script") {
        return;
    }
    if run("bpftool", &["version".as_ref()]).is_err() {
        eprintln!("bpftool_loads_the_object_and_shows_the_script: skipped, there is no bpftool");
        return;
    }
    let folder = std::env::temp_dir().join(format!("ebtrace-codegen-{}", std::process::id()));
    let (object, pins) = (folder.join("object.o"), folder.join("bpf"));
    std::fs::create_dir_all(&pins).unwrap();
    std::fs::write(&object, script().object()).unwrap();
    let all = pins.join("all");
    let words = |text: &'static str| text.split(' ').map(OsStr::new);
    run("mount", &[words("-t bpf bpf").collect(), vec![pins.as_ref()]].concat()).unwrap();
    let load: Vec<&OsStr> = words("prog loadall").chain([object.as_ref(), all.as_ref()]).collect();
    let loaded = run("bpftool", &load);
    let first = all.join("Kprobe_x_0");
    let dump: Vec<&OsStr> =
        words("prog dump xlated pinned").chain([first.as_ref()]).chain(words("linum")).collect();
    let dump = run("bpftool", &dump);
    let pinned = std::fs::read_dir(&all).map_or(0, |entries| entries.count());
    run("umount", &[pins.as_ref()]).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!((loaded.map(|_| ()), pinned), (Ok(()), 4));
    let dump = dump.unwrap();
    assert!(dump.contains("int Kprobe_x_0(unsigned long long * ctx)"), "{dump}");
    let lines: Vec<&str> = TEXT.lines().map(str::trim).collect();
    for (line, column) in [(1, 1), (2, 9)] {
        let wanted =
            format!("; {} [file:test.bt line_num:{line} line_col:{column}]", lines[line - 1]);
        assert!(dump.contains(&wanted), "{wanted}\n{dump}");
    }
    assert!(!dump.contains("/dev/null"), "{dump}");
}

/// What a command prints, or what it complains of.
fn run(program: &str, args: &[&OsStr]) -> Result<String, String> {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let output = std::process::Command::new(program).args(args).env("PATH", path).output();
    let output = output.map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// An unused expression costs nothing and needs nothing.
#[test]
fn what_nobody_uses_is_absent() {
    let mut script = Script::new();
    script.raw(|builder| {
        builder.add(Expr::Global(ebtrace::ir::Global::StartNs), TypeId::U64);
    });
    let sections = sections(&script.object());
    assert!(!sections.iter().any(|name| name == ebtrace_image::GLOBALS), "{sections:?}");
}
