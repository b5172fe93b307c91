//! What programs do to maps, in every storage.

use ebtrace::ir::build::Builder;
use ebtrace::ir::{EventId, Expr, ExprId, MapId, StmtKind};
use ebtrace::types::{Aggregate, Type, TypeId};
use libbpf_rs::MapCore;

use super::support::{Loaded, Script, answer, can_load, cpus, number, word, words};

/// `BPF_F_NO_PREALLOC`
const NO_PREALLOC: u32 = 1;

fn aggregate(script: &mut Script, aggregate: Aggregate) -> TypeId {
    script.program.types.intern(Type::Aggregate(aggregate))
}

/// Reads a map into a new local: its value, and whether there was one.
fn get(builder: &mut Builder, map: MapId, key: Option<ExprId>, ty: TypeId) -> [ExprId; 2] {
    let into = builder.local("value", ty);
    let found = builder.value(TypeId::BOOL);
    builder.stmt(StmtKind::MapGet { map, key, into, found: Some(found) });
    let found = builder.add(Expr::Value(found), TypeId::BOOL);
    [builder.read(into), found]
}

fn delete(builder: &mut Builder, map: MapId, key: Option<ExprId>) -> ExprId {
    let found = builder.value(TypeId::BOOL);
    builder.stmt(StmtKind::MapDelete { map, key, found: Some(found) });
    builder.add(Expr::Value(found), TypeId::BOOL)
}

fn put(builder: &mut Builder, map: MapId, key: Option<ExprId>, value: ExprId, full: EventId) {
    builder.stmt(StmtKind::MapPut { map, key, value, full });
}

/// Four programs: assign, read, remove; key in the context's first word, value in the second.
fn accessors(script: &mut Script, map: MapId, keyed: Option<TypeId>, ty: TypeId) {
    let full = script.full();
    let key = |builder: &mut Builder| {
        keyed.map(|ty| {
            let key = word(builder, 0);
            builder.convert(key, ty)
        })
    };
    script.raw(|builder| {
        let (key, value) = (key(builder), word(builder, 1));
        let value = builder.convert(value, ty);
        put(builder, map, key, value, full);
    });
    script.raw(|builder| {
        let key = key(builder);
        let read = get(builder, map, key, ty);
        answer(builder, read.to_vec());
    });
    script.raw(|builder| {
        let key = key(builder);
        let found = delete(builder, map, key);
        answer(builder, vec![found]);
    });
}

const PUT: usize = 0;
const GET: usize = 1;
const DELETE: usize = 2;

#[test]
fn keyed_values_of_every_width() {
    if !can_load("keyed_values_of_every_width") {
        return;
    }
    for ty in [TypeId::BOOL, TypeId::U8, TypeId::I16, TypeId::U32, TypeId::I64] {
        let mut script = Script::new();
        let map = script.map("m", Some(ty), ty, 16);
        accessors(&mut script, map, Some(ty), ty);
        let mut loaded = script.load();
        assert_eq!(loaded.numbers(GET, &[1]), [0, 0]);
        loaded.run(PUT, &[1, 1]);
        assert_eq!(loaded.numbers(GET, &[1]), [1, 1]);
        assert_eq!(loaded.numbers(GET, &[0]), [0, 0]);
        assert_eq!(loaded.numbers(DELETE, &[1]), [1]);
        assert_eq!(loaded.numbers(DELETE, &[1]), [0]);
        assert_eq!(loaded.numbers(GET, &[1]), [0, 0]);
    }
}

#[test]
fn scalar_values_know_whether_they_are_set() {
    if !can_load("scalar_values_know_whether_they_are_set") {
        return;
    }
    for ty in [TypeId::BOOL, TypeId::U8, TypeId::I32, TypeId::U64] {
        let mut script = Script::new();
        let map = script.map("", None, ty, 1);
        accessors(&mut script, map, None, ty);
        let mut loaded = script.load();
        assert_eq!(loaded.numbers(GET, &[]), [0, 0]);
        loaded.run(PUT, &[0, 1]);
        assert_eq!(loaded.numbers(GET, &[]), [1, 1]);
        assert_eq!(loaded.numbers(DELETE, &[]), [1]);
        assert_eq!(loaded.numbers(DELETE, &[]), [0]);
        loaded.run(PUT, &[0, 0]);
        assert_eq!(loaded.numbers(GET, &[]), [0, 1]);
    }
}

#[test]
fn a_full_map_says_so() {
    if !can_load("a_full_map_says_so") {
        return;
    }
    let mut script = Script::new();
    let map = script.map("m", Some(TypeId::U64), TypeId::U64, 2);
    accessors(&mut script, map, Some(TypeId::U64), TypeId::U64);
    let mut loaded = script.load();
    loaded.run(PUT, &[1, 1]);
    loaded.run(PUT, &[2, 1]);
    loaded.run(PUT, &[1, 9]);
    assert!(loaded.events().is_empty());
    let too_big = -i64::from(libc_e2big());
    assert_eq!(loaded.numbers(PUT, &[3, 1]), [too_big as u64]);
}

fn libc_e2big() -> i32 {
    7
}

/// Strings and tuples as keys and values, in sizes that live on the stack and in scratch memory.
#[test]
fn memory_values_as_keys_and_values() {
    if !can_load("memory_values_as_keys_and_values") {
        return;
    }
    for size in [16, 100, 400] {
        for keyed in [true, false] {
            let mut script = Script::new();
            let text = script.program.types.string(size);
            let key_type = script.program.types.intern(Type::Tuple(vec![TypeId::U32, text]));
            let map = script.map("m", keyed.then_some(key_type), text, 8);
            let full = script.full();
            let key = |builder: &mut Builder| {
                let local = builder.local("key", key_type);
                builder.zero(local);
                let (number, name) = (builder.int(5, TypeId::U32), builder.bytes(b"name"));
                builder.store_part(local, 0, TypeId::U32, number);
                builder.store_part(local, 4, text, name);
                keyed.then(|| builder.read(local))
            };
            script.raw(|builder| {
                let key = key(builder);
                let local = builder.local("value", text);
                let value = builder.bytes(b"some text");
                builder.store(local, value);
                let value = builder.read(local);
                put(builder, map, key, value, full);
            });
            script.raw(|builder| {
                let key = key(builder);
                let read = get(builder, map, key, text);
                answer(builder, read.to_vec());
            });
            script.raw(|builder| {
                let key = key(builder);
                let found = delete(builder, map, key);
                answer(builder, vec![found]);
            });
            let mut loaded = script.load();
            let mut wanted = b"some text".to_vec();
            wanted.resize(size as usize, 0);
            assert_eq!(loaded.answer(GET, &[]), [vec![0; size as usize], vec![0]]);
            loaded.run(PUT, &[]);
            assert_eq!(loaded.answer(GET, &[]), [wanted, vec![1]]);
            assert_eq!(loaded.numbers(DELETE, &[]), [1]);
            assert_eq!(loaded.answer(GET, &[]), [vec![0; size as usize], vec![0]]);
        }
    }
}

/// A constant is a key as it is, whatever its size.
#[test]
fn constants_as_keys() {
    if !can_load("constants_as_keys") {
        return;
    }
    for size in [5, 32, 33, 200] {
        let mut script = Script::new();
        let text = script.program.types.string(size);
        let map = script.map("m", Some(text), TypeId::U64, 8);
        let full = script.full();
        let mut bytes = b"abc".to_vec();
        bytes.resize(size as usize, 0);
        let key = bytes.clone();
        script.raw(|builder| {
            let (key, value) = (builder.add(Expr::Bytes(key), text), word(builder, 0));
            put(builder, map, Some(key), value, full);
        });
        let mut loaded = script.load();
        loaded.run(0, &[77]);
        assert_eq!(loaded.get("AT_m", &bytes), Some(77u64.to_ne_bytes().to_vec()));
    }
}

/// Two programs for an aggregation: add the context's second word under its first, and read.
fn adder(script: &mut Script, aggregate: TypeId, keyed: bool, value: bool, readable: bool) {
    let map = script.map("a", keyed.then_some(TypeId::U64), aggregate, 4);
    let full = script.full();
    script.raw(|builder| {
        let key = keyed.then(|| word(builder, 0));
        let value = value.then(|| word(builder, 1));
        builder.stmt(StmtKind::MapAdd { map, key, value, time: None, full });
    });
    if readable {
        script.raw(|builder| {
            let key = keyed.then(|| word(builder, 0));
            let read = get(builder, map, key, TypeId::I64);
            answer(builder, read.to_vec());
        });
        script.raw(|builder| {
            let key = keyed.then(|| word(builder, 0));
            let found = delete(builder, map, key);
            answer(builder, vec![found]);
        });
    }
}

const ADD: usize = 0;

/// Adds numbers, each on another CPU, under key 3.
fn add_all(loaded: &mut Loaded, values: &[i64]) {
    for (index, &value) in values.iter().enumerate() {
        loaded.run_on(index as u32 % online(), ADD, &[3, value as u64]);
    }
}

fn online() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u32)
}

#[test]
fn aggregations_merge_all_cpus() {
    if !can_load("aggregations_merge_all_cpus") {
        return;
    }
    let large = u64::MAX as i64;
    let cases: [(Aggregate, &[i64], i64); 12] = [
        (Aggregate::Count, &[1, 1, 1], 3),
        (Aggregate::Sum { signed: true }, &[5, -7, -10], -12),
        (Aggregate::Sum { signed: false }, &[5, 7], 12),
        (Aggregate::Min { signed: true }, &[5, -7, 3], -7),
        (Aggregate::Min { signed: true }, &[5, 9], 5),
        (Aggregate::Min { signed: false }, &[5, large, 7], 5),
        (Aggregate::Max { signed: true }, &[-5, -7, -9], -5),
        (Aggregate::Max { signed: true }, &[-5], -5),
        (Aggregate::Max { signed: false }, &[5, large, 7], large),
        (Aggregate::Avg { signed: true }, &[-5, -7, -9, -1], -5),
        (Aggregate::Avg { signed: true }, &[-5, 2], -1),
        (Aggregate::Avg { signed: false }, &[i64::MAX, i64::MAX], i64::MAX),
    ];
    for (kind, values, wanted) in cases {
        for keyed in [true, false] {
            let mut script = Script::new();
            let ty = aggregate(&mut script, kind);
            adder(&mut script, ty, keyed, kind != Aggregate::Count, true);
            let mut loaded = script.load();
            assert_eq!(loaded.numbers(GET, &[3]), [0, 0], "{kind:?}");
            add_all(&mut loaded, values);
            assert_eq!(
                loaded.numbers(GET, &[3]),
                [wanted as u64, 1],
                "{kind:?} of {values:?}, keyed: {keyed}"
            );
            assert_eq!(loaded.numbers(DELETE, &[3]), [1], "{kind:?}");
            assert_eq!(loaded.numbers(DELETE, &[3]), [0], "{kind:?}");
            assert_eq!(loaded.numbers(GET, &[3]), [0, 0], "{kind:?}");
            add_all(&mut loaded, values);
            assert_eq!(loaded.numbers(GET, &[3]), [wanted as u64, 1], "{kind:?} again");
        }
    }
}

/// Each CPU has its own words, behind the flag of a scalar map.
#[test]
fn parts_are_laid_out_as_the_runtime_reads_them() {
    if !can_load("parts_are_laid_out_as_the_runtime_reads_them") {
        return;
    }
    let mut script = Script::new();
    let ty = aggregate(&mut script, Aggregate::Avg { signed: true });
    adder(&mut script, ty, false, true, false);
    let mut loaded = script.load();
    loaded.run_on(0, ADD, &[0, 10]);
    loaded.run_on(0, ADD, &[0, 5]);
    let parts = loaded.parts("AT_a", &0u32.to_ne_bytes()).unwrap();
    assert_eq!(parts.len(), cpus() as usize);
    assert_eq!(words(&parts[0]), [1, 15, 2]);
    assert!(parts[1..].iter().all(|part| words(part) == [0, 0, 0]));
}

#[test]
fn histograms_count_buckets_within_bounds() {
    if !can_load("histograms_count_buckets_within_bounds") {
        return;
    }
    let kinds = [
        Aggregate::Hist { bits: 0 },
        Aggregate::Hist { bits: 5 },
        Aggregate::Lhist { min: 0, max: 100, step: 10 },
    ];
    for kind in kinds {
        for keyed in [true, false] {
            let mut script = Script::new();
            let ty = aggregate(&mut script, kind);
            adder(&mut script, ty, keyed, true, false);
            let mut loaded = script.load();
            let buckets = u64::from(kind.words());
            for bucket in [0, 1, 1, buckets - 1, buckets, buckets + 1, u64::MAX, 1 << 61] {
                loaded.run(ADD, &[3, bucket]);
            }
            let key = if keyed { 3u64.to_ne_bytes().to_vec() } else { 0u32.to_ne_bytes().to_vec() };
            let parts = loaded.parts("AT_a", &key).unwrap();
            let skip = usize::from(!keyed);
            let at = |bucket: u64| {
                parts.iter().map(|part| words(part)[bucket as usize + skip]).sum::<u64>()
            };
            let all: u64 = (0..buckets).map(at).sum();
            assert_eq!((at(0), at(1), at(buckets - 1), all), (1, 2, 1, 4), "{kind:?}");
        }
    }
}

#[test]
fn a_full_aggregation_says_so() {
    if !can_load("a_full_aggregation_says_so") {
        return;
    }
    for kind in [Aggregate::Count, Aggregate::Hist { bits: 5 }] {
        let mut script = Script::new();
        // All room is there from the start: what is allocated when it is needed may also fail before the map is full.
        script.target.version = (5, 15, 0);
        let ty = aggregate(&mut script, kind);
        adder(&mut script, ty, true, kind != Aggregate::Count, false);
        let mut loaded = script.load();
        for key in 0..4 {
            loaded.run(ADD, &[key, 1]);
        }
        assert_eq!(loaded.events(), [], "{kind:?}");
        let too_big = -i64::from(libc_e2big());
        assert_eq!(loaded.numbers(ADD, &[9, 1]), [too_big as u64]);
    }
}

/// Several statements share the code for what is rare; each is still told apart by its event and its program.
#[test]
fn rare_code_is_shared() {
    if !can_load("rare_code_is_shared") {
        return;
    }
    let mut script = Script::new();
    script.options.settings.ring_buffer_bytes = 4096;
    let count = aggregate(&mut script, Aggregate::Count);
    let counts = script.map("c", Some(TypeId::U64), count, 4);
    let values = script.map("v", Some(TypeId::U64), TypeId::U64, 4);
    for _ in 0..4 {
        let full = [script.full(), script.full()];
        script.raw(|builder| {
            let key = Some(word(builder, 0));
            builder.stmt(StmtKind::MapAdd {
                map: counts,
                key,
                value: None,
                time: None,
                full: full[0],
            });
            let (key, value) = (Some(word(builder, 0)), word(builder, 1));
            put(builder, values, key, value, full[1]);
        });
    }
    let mut loaded = script.load();
    for key in 0..4 {
        loaded.run(0, &[key, 7]);
        assert_eq!(loaded.get("AT_v", &key.to_ne_bytes()), Some(7u64.to_ne_bytes().to_vec()));
    }
    assert_eq!(loaded.events(), []);
    let no_room = (-i64::from(libc_e2big())).to_ne_bytes().to_vec();
    for probe in 0..4 {
        loaded.run(probe, &[99, 7]);
        let events = [2 * probe, 2 * probe + 1].map(|event| (event as u64, vec![no_room.clone()]));
        assert_eq!(loaded.events(), events, "program {probe}");
    }
    (0..200).for_each(|_| loaded.run(3, &[99, 7]));
    let arrived = loaded.events().len() as u64;
    let lost = |event: u32| -> u64 {
        let parts = loaded.parts(ebtrace_image::LOST, &event.to_ne_bytes()).unwrap();
        parts.iter().map(|part| number(part)).sum()
    };
    assert_eq!((0..6).map(lost).sum::<u64>(), 0);
    assert_eq!(lost(6) + lost(7) + arrived, 400);
}

/// What finds the ring buffer full is counted under the event's number, and the program goes on.
#[test]
fn lost_events_are_counted() {
    if !can_load("lost_events_are_counted") {
        return;
    }
    let mut script = Script::new();
    script.options.settings.ring_buffer_bytes = 4096;
    script.raw(|builder| answer(builder, vec![]));
    script.raw(|builder| {
        let ty = builder.types().string(900);
        let local = builder.local("s", ty);
        builder.zero(local);
        let value = builder.read(local);
        answer(builder, vec![value]);
    });
    let mut loaded = script.load();
    for _ in 0..10 {
        loaded.run(1, &[]);
    }
    let arrived = loaded.events().len() as u64;
    let parts = loaded.parts(ebtrace_image::LOST, &1u32.to_ne_bytes()).unwrap();
    let lost: u64 = parts.iter().map(|part| number(part)).sum();
    assert!(arrived > 0 && lost > 0);
    assert_eq!(arrived + lost, 10);
    let other = loaded.parts(ebtrace_image::LOST, &0u32.to_ne_bytes()).unwrap();
    assert!(other.iter().all(|part| number(part) == 0));
}

/// Hashes are filled as they are used where the kernel does that safely and reliably.
#[test]
fn hashes_are_allocated_lazily_where_that_is_reliable() {
    if !can_load("hashes_are_allocated_lazily_where_that_is_reliable") {
        return;
    }
    let (count, hist) = (Aggregate::Count, Aggregate::Hist { bits: 0 });
    let cases = [
        ((6, 1, 0), None, 64, true),
        ((5, 15, 0), None, 64, false),
        ((6, 1, 0), Some(count), 64, true),
        ((6, 1, 0), Some(hist), 64, false),
        ((6, 1, 0), Some(hist), 1_000_000, true),
    ];
    for (version, kind, entries, lazy) in cases {
        let mut script = Script::new();
        script.target.version = version;
        let ty = kind.map_or(TypeId::U64, |kind| aggregate(&mut script, kind));
        script.map("m", Some(TypeId::U64), ty, entries);
        script.raw(|_| {});
        let loaded = script.load();
        let flags = loaded.map("AT_m").info().unwrap().info.map_flags;
        assert_eq!(flags & NO_PREALLOC == NO_PREALLOC, lazy, "{version:?} {kind:?} {entries}");
    }
}

/// A burst of new keys, each with a large value for every CPU: the kernel's allocator would not keep up.
#[test]
fn histograms_of_many_new_keys() {
    if !can_load("histograms_of_many_new_keys") {
        return;
    }
    let mut script = Script::new();
    let ty = aggregate(&mut script, Aggregate::Hist { bits: 0 });
    let map = script.map("a", Some(TypeId::U64), ty, 4096);
    let full = script.full();
    script.raw(|builder| {
        let (key, value) = (Some(word(builder, 0)), Some(word(builder, 1)));
        builder.stmt(StmtKind::MapAdd { map, key, value, time: None, full });
    });
    let mut loaded = script.load();
    (0..4096).for_each(|key| loaded.run(ADD, &[key, 5]));
    assert_eq!(loaded.events(), []);
}
