//! What strings, tuples and records look like in memory.

use ebtrace::ir::build::Builder;
use ebtrace::ir::{BinaryOp, Expr, ExprId, Helper, LocalId, ProgramType, StmtKind};
use ebtrace::types::{Type, TypeId};

use super::support::{Script, answer, can_load, number, word};

/// A string local with this text; what is behind it was something else before.
fn string(builder: &mut Builder, size: u32, text: &[u8]) -> LocalId {
    let ty = builder.types().string(size);
    let local = builder.local("s", ty);
    let junk = builder.add(Expr::Bytes(vec![b'#'; size as usize]), ty);
    builder.store(local, junk);
    let text = builder.bytes(text);
    builder.store(local, text);
    local
}

fn padded(text: &[u8], size: usize) -> Vec<u8> {
    let mut all = text.to_vec();
    all.resize(size, 0);
    all
}

fn equal(builder: &mut Builder, left: ExprId, right: ExprId) -> ExprId {
    let result = builder.value(TypeId::BOOL);
    builder.stmt(StmtKind::StrEqual { result, left, right });
    builder.add(Expr::Value(result), TypeId::BOOL)
}

#[test]
fn a_short_string_fills_a_longer_one_with_zeros() {
    if !can_load("a_short_string_fills_a_longer_one_with_zeros") {
        return;
    }
    for size in [5, 8, 16, 32, 33, 64, 65, 100, 511, 512, 513, 1023, 1024, 1500, 4000] {
        let mut script = Script::new();
        script.raw(|builder| {
            let first = string(builder, size, b"abc");
            let ty = builder.local_type(first);
            let second = builder.local("t", ty);
            let value = builder.read(first);
            builder.store(second, value);
            let longer = builder.types().string(size + 3);
            let longer = builder.local("u", longer);
            let value = builder.read(second);
            builder.store(longer, value);
            let result = builder.read(longer);
            answer(builder, vec![result]);
        });
        assert_eq!(
            script.load().answer(0, &[])[0],
            padded(b"abc", size as usize + 3),
            "size {size}"
        );
    }
}

#[test]
fn long_constants_are_copied_whole() {
    if !can_load("long_constants_are_copied_whole") {
        return;
    }
    for size in [31, 33, 63, 64, 65, 200, 1024, 2000] {
        let text: Vec<u8> = (0..size - 1).map(|at| b'a' + (at % 26) as u8).collect();
        let mut script = Script::new();
        script.raw(|builder| {
            let local = string(builder, size, &text);
            let result = builder.read(local);
            answer(builder, vec![result]);
        });
        assert_eq!(script.load().answer(0, &[])[0], padded(&text, size as usize), "size {size}");
    }
}

/// Many zeroed buffers side by side: LLVM would join them into one it refuses.
#[test]
fn neighbours_are_zeroed_without_a_limit() {
    if !can_load("neighbours_are_zeroed_without_a_limit") {
        return;
    }
    let mut script = Script::new();
    script.raw(|builder| {
        let fields: Vec<ExprId> = (0..12)
            .map(|_| {
                let ty = builder.types().string(256);
                let local = builder.local("s", ty);
                builder.zero(local);
                builder.read(local)
            })
            .collect();
        answer(builder, fields);
    });
    script.raw(|builder| {
        let ty = builder.types().string(48);
        let empty = builder.add(Expr::Bytes(vec![0; 48]), ty);
        answer(builder, vec![empty; 40]);
    });
    let mut loaded = script.load();
    assert_eq!(loaded.answer(0, &[]), vec![vec![0; 256]; 12]);
    assert_eq!(loaded.answer(1, &[]), vec![vec![0; 48]; 40]);
}

#[test]
fn strings_are_equal_up_to_their_ends() {
    if !can_load("strings_are_equal_up_to_their_ends") {
        return;
    }
    let long: Vec<u8> = (0..250).map(|at| b'a' + (at % 26) as u8).collect();
    let mut other = long.clone();
    other[200] = b'!';
    let cases: [(u32, &[u8], u32, &[u8]); 14] = [
        (4, b"abc", 4, b"abc"),
        (4, b"abc", 64, b"abc"),
        (4, b"abc", 64, b"abcd"),
        (4, b"abc", 13, b"ab"),
        (7, b"abcdef", 13, b"abcdef"),
        (7, b"abcdef", 13, b"abcdefg"),
        (1, b"", 9, b""),
        (1, b"", 9, b"x"),
        (64, b"same", 1024, b"same"),
        (300, &long, 1024, &long),
        (300, &long, 1024, &other),
        (251, &long, 777, &long),
        (251, &long, 777, &other),
        (251, &long, 777, &long[..128]),
    ];
    for (left_size, left, right_size, right) in cases {
        let mut script = Script::new();
        script.raw(|builder| {
            let (a, b) = (string(builder, left_size, left), string(builder, right_size, right));
            let (a, b) = (builder.read(a), builder.read(b));
            let (forth, back) = (equal(builder, a, b), equal(builder, b, a));
            let constant = builder.bytes(right);
            let constant = equal(builder, a, constant);
            answer(builder, vec![forth, back, constant]);
        });
        let wanted = u64::from(left == right);
        assert_eq!(
            script.load().numbers(0, &[]),
            [wanted; 3],
            "{left_size} {right_size} {right:?}"
        );
    }
}

/// A buffer that is full without a NUL ends at its end.
#[test]
fn a_full_buffer_is_no_prefix() {
    if !can_load("a_full_buffer_is_no_prefix") {
        return;
    }
    for (text, wanted) in [(&b"abcd"[..], 1), (b"abcde", 0)] {
        let mut script = Script::new();
        script.raw(|builder| {
            let ty = builder.types().string(4);
            let full = builder.local("full", ty);
            let value = builder.add(Expr::Bytes(b"abcd".to_vec()), ty);
            builder.store(full, value);
            let other = string(builder, 16, text);
            let (a, b) = (builder.read(full), builder.read(other));
            let result = equal(builder, a, b);
            answer(builder, vec![result]);
        });
        assert_eq!(script.load().numbers(0, &[]), [wanted], "{text:?}");
    }
}

#[test]
fn parts_of_tuples() {
    if !can_load("parts_of_tuples") {
        return;
    }
    let mut script = Script::new();
    script.raw(|builder| {
        let text = builder.types().string(11);
        let elements = vec![TypeId::BOOL, text, TypeId::I16, TypeId::U64];
        let (offsets, size) = builder.types().tuple_layout(&elements);
        assert_eq!((offsets.as_slice(), size), (&[0, 1, 12, 16][..], 24));
        let ty = builder.types().intern(Type::Tuple(elements.clone()));
        let tuple = builder.local("key", ty);
        builder.zero(tuple);
        let a = word(builder, 0);
        let yes = builder.convert(a, TypeId::BOOL);
        let small = builder.convert(a, TypeId::I16);
        let name = builder.bytes(b"hey");
        for ((value, ty), offset) in [yes, name, small, a].into_iter().zip(elements).zip(offsets) {
            builder.store_part(tuple, offset, ty, value);
        }
        let result = builder.read(tuple);
        answer(builder, vec![result]);
    });
    let mut wanted = padded(b"\x01hey", 24);
    wanted[12..14].copy_from_slice(&(-5i16).to_ne_bytes());
    wanted[16..].copy_from_slice(&(-5i64).to_ne_bytes());
    assert_eq!(script.load().answer(0, &[(-5i64) as u64])[0], wanted);
}

/// Fields of all sizes: what is between them is zero, which the support code looks at.
#[test]
fn records_have_no_holes() {
    if !can_load("records_have_no_holes") {
        return;
    }
    let mut script = Script::new();
    script.raw(|builder| {
        let a = word(builder, 0);
        let truth = builder.convert(a, TypeId::BOOL);
        let small = builder.convert(a, TypeId::U16);
        let text = builder.bytes(b"x");
        answer(builder, vec![truth, a, small, text, a, truth]);
    });
    assert_eq!(
        script.load().numbers(0, &[0x1_0005]),
        [1, 0x1_0005, 5, u64::from(b'x'), 0x1_0005, 1]
    );
}

/// A local that only one path assigns is zero on the other; branches may end the program.
#[test]
fn branches_and_scalars() {
    if !can_load("branches_and_scalars") {
        return;
    }
    let mut script = Script::new();
    script.raw(|builder| {
        let a = word(builder, 0);
        let x = builder.local("$x", TypeId::U32);
        let condition = builder.convert(a, TypeId::BOOL);
        builder.if_else(
            condition,
            |builder| {
                let value = builder.int(7, TypeId::U32);
                builder.store(x, value);
                let b = word(builder, 1);
                let leave = builder.convert(b, TypeId::BOOL);
                builder.if_else(leave, |builder| builder.stmt(StmtKind::Return(None)), |_| {});
            },
            |_| {},
        );
        let value = builder.read(x);
        answer(builder, vec![value]);
    });
    let mut loaded = script.load();
    assert_eq!(loaded.numbers(0, &[0, 0]), [0]);
    assert_eq!(loaded.numbers(0, &[1, 0]), [7]);
    loaded.run(0, &[1, 1]);
    assert!(loaded.events().is_empty());
}

#[test]
fn helpers_fill_locals() {
    if !can_load("helpers_fill_locals") {
        return;
    }
    let mut script = Script::new();
    script.raw(|builder| {
        let ty = builder.types().string(16);
        let comm = builder.local("comm", ty);
        let (address, size) = (builder.address(comm, 0), builder.int(16, TypeId::U32));
        builder.call_void(Helper::GetCurrentComm, vec![address, size]);
        let ids = builder.call(Helper::GetCurrentPidTgid, vec![], TypeId::U64);
        let pid = builder.binary_int(BinaryOp::ShiftRight, ids, 32);
        let scalar = builder.local("n", TypeId::U64);
        let (into, size) = (builder.address(scalar, 0), builder.int(8, TypeId::U32));
        let from = builder.address(comm, 0);
        builder.call_void(Helper::ProbeReadKernel, vec![into, size, from]);
        let (comm, first) = (builder.read(comm), builder.read(scalar));
        answer(builder, vec![pid, comm, first]);
    });
    let fields = script.load().answer(0, &[]);
    let comm = std::fs::read("/proc/thread-self/comm").unwrap();
    assert_eq!(number(&fields[0]), u64::from(std::process::id()));
    assert_eq!(fields[1], padded(comm.trim_ascii_end(), 16));
    assert_eq!(fields[2], fields[1][..8]);
}

/// The loader's constants are read when the program runs, not when it is compiled.
#[test]
fn globals_are_what_the_loader_wrote() {
    if !can_load("globals_are_what_the_loader_wrote") {
        return;
    }
    let mut script = Script::new();
    script.raw(|builder| {
        use ebtrace::ir::Global::{ChildPid, StartNs, TaiOffsetNs, UtcOffsetNs};
        let all = [StartNs, ChildPid, TaiOffsetNs, UtcOffsetNs];
        let values = all.map(|global| builder.add(Expr::Global(global), TypeId::U64));
        answer(builder, values.to_vec());
    });
    let mut loaded = script.load_with(|open| {
        let map = open
            .maps_mut()
            .find(|map| map.name().to_string_lossy().ends_with(ebtrace_image::GLOBALS));
        let bytes: Vec<u8> =
            [11u64, 22, 33, 44].iter().flat_map(|word| word.to_ne_bytes()).collect();
        map.unwrap().set_initial_value(&bytes).unwrap();
    });
    assert_eq!(loaded.numbers(0, &[]), [11, 22, 33, 44]);
}

/// Every program type is accepted with reads of its context, a stack and a string.
#[test]
fn every_program_type_loads() {
    if !can_load("every_program_type_loads") {
        return;
    }
    let mut script = Script::new();
    let kinds = [
        ProgramType::Kprobe,
        ProgramType::Tracepoint,
        ProgramType::PerfEvent,
        ProgramType::RawTracepoint,
    ];
    for kind in kinds {
        script.probe(kind, |builder| {
            let value = word(builder, 4);
            let stack = builder.types().intern(Type::Stack {
                user: false,
                frames: 127,
                mode: ebtrace_image::StackMode::Bpftrace,
            });
            let stack = builder.local("stack", stack);
            builder.zero(stack);
            let context = builder.add(Expr::ContextAddress(0), TypeId::U64);
            let (into, size) = (builder.address(stack, 16), builder.int(8 * 127, TypeId::U32));
            let flags = builder.int(0, TypeId::U64);
            builder.call_void(Helper::GetStack, vec![context, into, size, flags]);
            let text = string(builder, 1024, b"");
            let (into, size) = (builder.address(text, 0), builder.int(1024, TypeId::U32));
            builder.call_void(Helper::ProbeReadUserStr, vec![into, size, value]);
            // The record of a tracepoint, at an offset that stands in it.
            let place = builder.add(Expr::ContextAddress(8), TypeId::U64);
            let distance = builder.binary_int(BinaryOp::And, value, 0xffff);
            let place = builder.binary(BinaryOp::Add, place, distance);
            let (into, size) = (builder.address(text, 0), builder.int(100, TypeId::U32));
            builder.call_void(Helper::ProbeReadKernelStr, vec![into, size, place]);
            let (stack, text) = (builder.read(stack), builder.read(text));
            answer(builder, vec![value, stack, text]);
        });
    }
    script.load();
}
