//! Not committed: drives the hand-made object.
#![allow(clippy::unwrap_used, clippy::print_stdout)]
use ebtrace_image::*;
use ebtrace_runtime::*;
use std::io;
fn u64s() -> Slot {
    Slot { offset: 8, shape: Shape::Int { size: 8, signed: true } }
}
fn rec() -> Record {
    Record { size: 16, fields: vec![u64s()] }
}
fn fmt(t: &str, c: Conversion) -> Action {
    let (a, b) = t.split_once('@').unwrap();
    Action::Printf(Format {
        pieces: vec![
            Piece::Text(a.into()),
            Piece::Spec(Spec {
                left: false,
                zero: false,
                plus: false,
                alternate: false,
                width: 0,
                size: IntSize::Eight,
                conversion: c,
            }),
            Piece::Text(b.into()),
        ],
    })
}
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let object = std::fs::read(&args[1]).unwrap();
    let probe = |p: &str, l: &str, a: Attach| Probe {
        program: p.into(),
        label: l.into(),
        attach: a,
        site: SiteId(0),
    };
    let tp = |c: &str, e: &str| Attach::Tracepoint { category: c.into(), event: e.into() };
    let libc = binary::resolve("libc", None).unwrap();
    let b = binary::Binary::open(&libc).unwrap();
    let off = b.function("malloc").unwrap().offset;
    let up = |ret| Attach::Uprobe { path: libc.display().to_string(), offset: off, ret };
    let kp = |ret| Attach::Kprobe { function: "do_sys_openat2".into(), offset: 0, ret };
    let mut probes = vec![];
    for w in &args[2..] {
        match w.as_str() {
            "begin" => probes.push(probe("begin_0", "begin", Attach::Begin)),
            "beginexit" => probes.push(probe("exit_3", "begin", Attach::Begin)),
            "full" => probes.push(probe("full_11", "begin", Attach::Begin)),
            "tp" => probes.push(probe(
                "tp_1",
                "tracepoint:syscalls:sys_enter_openat",
                tp("syscalls", "sys_enter_openat"),
            )),
            "notp" => {
                probes.push(probe("tp_1", "tracepoint:syscalls:nope", tp("syscalls", "nope")))
            }
            "end" => probes.push(probe("end_2", "end", Attach::End)),
            "exit1s" => probes.push(probe(
                "exit_3",
                "interval:s:1",
                Attach::Interval(Period::Nanoseconds(1_000_000_000)),
            )),
            "exit100" => probes.push(probe(
                "exit_3",
                "interval:ms:100",
                Attach::Interval(Period::Nanoseconds(100_000_000)),
            )),
            "uporder" => {
                probes.push(probe("up_4", "uprobe:a", up(false)));
                probes.push(probe("up_5", "uprobe:b", up(false)));
                probes.push(probe("ur_6", "uprobe:c", up(false)));
            }
            "urorder" => {
                probes.push(probe("up_5", "uretprobe:0", up(true)));
                probes.push(probe("ur_6", "uretprobe:a", up(true)));
                probes.push(probe("ur_7", "uretprobe:b", up(true)));
            }
            "kporder" => {
                probes.push(probe("up_4", "kprobe:a", kp(false)));
                probes.push(probe("up_5", "kprobe:b", kp(false)));
                probes.push(probe("ur_6", "kprobe:b", kp(false)));
            }
            "krorder" => {
                probes.push(probe("up_5", "kprobe:b", kp(true)));
                probes.push(probe("ur_6", "kretprobe:a", kp(true)));
                probes.push(probe("ur_7", "kretprobe:b", kp(true)));
            }
            "tporder" => {
                probes.push(probe("tp_9", "tracepoint:a", tp("syscalls", "sys_enter_openat")));
                probes.push(probe("tp_10", "tracepoint:b", tp("syscalls", "sys_enter_openat")));
            }
            "many" => {
                for e in ["read", "write", "close", "openat", "mmap", "munmap", "brk", "newfstat"] {
                    probes.push(probe("tp_9", e, tp("syscalls", &format!("sys_enter_{e}"))));
                }
            }
            "profile" => {
                probes.push(probe("prof_8", "profile:hz:99", Attach::Profile(Period::Hertz(99))))
            }
            _ => {}
        }
    }
    if args[1].contains("bad") {
        probes.push(probe("bad_12", "tracepoint:x", tp("syscalls", "sys_enter_openat")));
    }
    let flagged = |size, signed| Slot { offset: 8, shape: Shape::Int { size, signed } };
    let ev = |action, record| Event { action, record };
    let image = Image {
        object,
        maps: vec![
            Map {
                name: "@k".into(),
                symbol: "AT_k".into(),
                storage: Storage::PerCpuHash,
                key: Some(Slot { offset: 0, shape: Shape::Str { size: 16 } }),
                value: Slot { offset: 0, shape: Shape::Aggregate(Aggregate::Count) },
                value_size: 8,
                max_entries: 8,
            },
            Map {
                name: "@x".into(),
                symbol: "AT_x".into(),
                storage: Storage::Array,
                key: None,
                value: flagged(8, false),
                value_size: 16,
                max_entries: 1,
            },
            Map {
                name: "@".into(),
                symbol: "AT_".into(),
                storage: Storage::PerCpuArray,
                key: None,
                value: Slot { offset: 8, shape: Shape::Aggregate(Aggregate::Count) },
                value_size: 16,
                max_entries: 1,
            },
            Map {
                name: "@n".into(),
                symbol: "AT_n".into(),
                storage: Storage::Hash,
                key: Some(Slot { offset: 0, shape: Shape::Int { size: 4, signed: false } }),
                value: Slot { offset: 0, shape: Shape::Int { size: 8, signed: true } },
                value_size: 8,
                max_entries: 4,
            },
        ],
        events: vec![
            ev(fmt("hello @\n", Conversion::Signed), rec()),
            ev(fmt("open by @\n", Conversion::Signed), rec()),
            ev(fmt("end @\n", Conversion::Signed), rec()),
            ev(
                Action::Exit,
                Record {
                    size: 16,
                    fields: vec![Slot { offset: 8, shape: Shape::Int { size: 1, signed: false } }],
                },
            ),
            ev(fmt("@ ", Conversion::Signed), rec()),
            ev(
                Action::PrintValue,
                Record {
                    size: 64,
                    fields: vec![Slot {
                        offset: 8,
                        shape: Shape::Stack { user: false, frames: 5 },
                    }],
                },
            ),
            ev(
                Action::Fail {
                    site: SiteId(0),
                    failure: Failure::MapFull { map: MapId(3), helper: "map_update_elem".into() },
                },
                rec(),
            ),
        ],
        probes,
        sites: vec![Site {
            file: "t.bt".into(),
            line: 1,
            column: 3,
            end_line: 1,
            end_column: 8,
            source: "x @n[4] = 1".into(),
        }],
        settings: Settings {
            ring_buffer_bytes: if args.contains(&"small".into()) { 4096 } else { 1 << 20 },
            print_maps_on_exit: true,
            truncation_trailer: "..".into(),
        },
    };
    let mut o = Options::new(Box::new(io::stdout()), Box::new(io::stderr()));
    o.verbose = args.contains(&"verbose".into());
    if args.contains(&"json".into()) {
        o.format = render::Format::Json;
    }
    o.signals = Some(Signals::catch().unwrap());
    if let Some(i) = args.iter().position(|a| a == "-c") {
        o.child = Some(Child::spawn(&args[i + 1], std::env::var_os("PATH").as_deref()).unwrap());
    }
    let t = std::time::Instant::now();
    let r: Result<u8, Error> = (|| {
        let s = Session::load(image, o)?;
        eprintln!("loaded {:?}", t.elapsed());
        let a = s.attach()?;
        eprintln!("attached {:?}", t.elapsed());
        let st = a.poll()?;
        eprintln!("stopped {:?}", t.elapsed());
        st.finish()
    })();
    eprintln!("done {:?}", t.elapsed());
    match r {
        Ok(c) => std::process::exit(c.into()),
        Err(Error::Load(LoadError::Rejected(r))) => {
            eprintln!("{r:#?}");
            std::process::exit(1)
        }
        Err(e) => {
            eprintln!("ERROR: {e}\n{e:?}");
            std::process::exit(1)
        }
    }
}
