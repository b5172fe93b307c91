//! What a script says beside its output, and output that comes from elsewhere.

use ebtrace_image::{Action, Conversion, Format, IntSize, Piece, Spec};

use super::output::format_and_values;
use super::{Builtin, Call, Permit, many, one, optional};
use crate::ir::Helper;
use crate::ir::build::image_site;
use crate::ir::{BinaryOp, Block, ExprId, LocalId, StmtKind};
use crate::sema::{Lower, Operand, Reading};
use crate::types::{Space, Type, TypeId};

/// How many values the kernel prints into its trace buffer at a time.
const MOST_TRACED: usize = 3;

/// How many texts `join` takes at most.
const MOST_JOINED: u32 = 16;

pub(super) const ALL: &[Builtin] = &[
    Builtin::function("errorf", &[one("format"), many("value")], "Says an error, with its place in the script.", errorf)
        .details("It goes to the standard error; a `test` that says one has failed. The session goes on: `exit(1)` ends it.")
        .examples(&["begin { errorf(\"there is no process %d\", 7); exit(1); }"]),
    Builtin::function("warnf", &[one("format"), many("value")], "Says a warning, with its place in the script.", warnf)
        .details("It goes to the standard error; `--no-warnings` silences it.")
        .examples(&["begin { warnf(\"%d is a lot\", 1000); exit(); }"]),
    Builtin::function("debugf", &[one("format"), many("value")], "Prints into the kernel's trace buffer.", debugf)
        .details("It is for finding mistakes in scripts: `/sys/kernel/tracing/trace_pipe` has the text, and what all others \
                  print there. At most three values are taken, by `%d`, `%u`, `%x` (`%lld` and so on for 64 bits), `%p` and `%s`.")
        .examples(&["begin { debugf(\"%s is %d\", comm, pid); exit(); }"]),
    Builtin::function("cat", &[one("format"), many("value")], "Prints a file, whose path is written as for `printf`.", cat)
        .details("The file is read when user space gets to it; at most `max_cat_bytes` of it are printed (10240).")
        .examples(&["begin { cat(\"/proc/%d/stat\", pid); exit(); }"]),
    Builtin::function("system", &[one("format"), many("value")], "Runs a command in a shell and prints its output.", system)
        .permitted_by(Permit::Unsafe)
        .details("The command is written as for `printf` and runs as root when user space gets to it; other events wait for \
                  it. Its standard output is printed with a line end behind it. A status other than 0 is told.")
        .examples(&["begin { system(\"echo %s\", comm); exit(); }"]),
    Builtin::function("join", &[one("texts"), optional("separator")], "Prints the texts of an array of addresses, such as `argv`.", join)
        .details("It takes the texts up to the first address 0, at most 16, with a space between them or what is given \
                  as separator.")
        .examples(&["tracepoint:syscalls:sys_enter_execve { join(args.argv); }"]),
];

fn errorf(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    message(lower, call, true)
}

fn warnf(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    message(lower, call, false)
}

fn message(lower: &mut Lower<'_>, call: &Call<'_>, error: bool) -> Operand {
    let site = image_site(lower.b.site(call.span));
    formatted(lower, call, |format| Action::Message { site, error, format })
}

fn debugf(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    lower.warn_of_debugging(call);
    let Some((format, values)) = format_and_values(lower, call) else { return lower.poison() };
    if values.len() > MOST_TRACED {
        let wants = format!("at most {MOST_TRACED} values");
        return lower.complain_argument(call, MOST_TRACED + 1, &wants, "one more");
    }
    let mut text = Vec::new();
    let mut args = Vec::new();
    let mut values = values.into_iter();
    for piece in &format.pieces {
        let spec = match piece {
            Piece::Text(plain) => {
                text.extend(plain.iter().flat_map(|&byte| match byte {
                    b'%' => vec![b'%', b'%'],
                    byte => vec![byte],
                }));
                continue;
            }
            Piece::Spec(spec) => spec,
        };
        let Some(value) = values.next() else { break };
        // The kernel takes numbers of 64 bits, and cuts them as they are printed.
        let letters: &[u8] = match spec.conversion {
            Conversion::Signed => b"d",
            Conversion::Unsigned => b"u",
            Conversion::Hex => b"x",
            Conversion::Pointer => b"px",
            Conversion::Text => b"s",
            _ => return complain_traced(lower, call),
        };
        let Spec { left, zero, plus, alternate, width, size, .. } = *spec;
        if left || zero || plus || alternate || width > 0 {
            return complain_traced(lower, call);
        }
        let wide: &[u8] = match size {
            IntSize::Four => b"",
            IntSize::Eight => b"ll",
            IntSize::One | IntSize::Two => return complain_traced(lower, call),
        };
        text.push(b'%');
        text.extend(wide);
        text.extend(letters);
        args.push(match lower.b.types().get(value.ty) {
            Type::Str(_) => lower.address_of(&value),
            _ if spec.conversion == Conversion::Text => return complain_traced(lower, call),
            _ => lower.b.convert(value.expr, TypeId::U64),
        });
    }
    let format = lower.b.bytes(&text);
    let ty = lower.b.ty(format);
    let size = lower.b.types().size(ty);
    let size = lower.b.int(size.into(), TypeId::U64);
    let nothing = lower.b.int(0, TypeId::U64);
    args.resize(MOST_TRACED, nothing);
    let args = [format, size].into_iter().chain(args).collect();
    lower.b.call_void(Helper::TracePrintk, args);
    lower.void()
}

fn complain_traced(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let headline = format!("`{}()` knows few conversions", call.name);
    let help = "they are %d, %u, %x and %p for numbers and %s for text, without widths; `printf()` has all";
    lower.complain_format(call.args[0].span, headline, help);
    lower.poison()
}

fn cat(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    formatted(lower, call, Action::Cat)
}

fn system(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    formatted(lower, call, Action::System)
}

fn formatted(
    lower: &mut Lower<'_>,
    call: &Call<'_>,
    action: impl FnOnce(Format) -> Action,
) -> Operand {
    let Some((format, values)) = format_and_values(lower, call) else { return lower.poison() };
    let args = values.iter().map(|value| value.expr).collect();
    lower.b.emit(action(format), args);
    lower.void()
}

fn join(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(texts) = lower.arg(call, 0) else { return lower.poison() };
    let space = match *lower.b.types().get(texts.ty) {
        Type::Unknown => return lower.poison(),
        Type::Pointer { space, .. } => space,
        Type::Int { .. } => lower.space(),
        _ => return lower.complain_type(call, 0, "the address of an array of addresses", &texts),
    };
    let separator = match call.args.get(1) {
        None => b" ".to_vec(),
        Some(_) => match lower.literal_text(call, 1) {
            Some(separator) => separator,
            None => return lower.poison(),
        },
    };
    let from = lower.b.convert(texts.expr, TypeId::U64);
    let from = lower.b.name(from);
    let (count, copies) = copy_texts(lower, from, space);
    let args = vec![lower.b.read(count), lower.b.read(copies)];
    lower.b.emit(Action::Join { separator }, args);
    lower.void()
}

/// Copies the texts whose addresses stand side by side: how many there are, and they.
fn copy_texts(lower: &mut Lower<'_>, from: ExprId, space: Space) -> (LocalId, LocalId) {
    let room = lower.max_strlen();
    let text = lower.b.types().string(room);
    let all = lower.b.types().intern(Type::Array { of: text, len: MOST_JOINED });
    let (count, copies) = (lower.b.local("count", TypeId::U64), lower.b.local("texts", all));
    let address = lower.b.local("address", TypeId::U64);
    let zero = lower.b.int(0, TypeId::U64);
    lower.b.store(count, zero);
    lower.b.zero(copies);
    for index in 0..MOST_JOINED {
        // After the first address 0 the count stands still, and nothing more is read.
        let so_far = lower.b.read(count);
        let goes_on = lower.b.binary_int(BinaryOp::Equal, so_far, u64::from(index));
        lower.b.begin();
        lower.b.store(address, zero);
        let (into, size) = (lower.b.address(address, 0), lower.b.int(8, TypeId::U64));
        let place = lower.b.binary_int(BinaryOp::Add, from, u64::from(index) * 8);
        lower.read_at(Reading::Bytes, (into, size, place), space);
        let found = lower.b.read(address);
        let is_text = lower.b.binary(BinaryOp::NotEqual, found, zero);
        lower.b.begin();
        let into = lower.b.address(copies, index * room);
        let size = lower.b.int(u64::from(room), TypeId::U64);
        let found = lower.b.read(address);
        lower.read_at(Reading::Text, (into, size, found), space);
        let more = lower.b.int(u64::from(index) + 1, TypeId::U64);
        lower.b.store(count, more);
        let then = lower.b.end();
        lower.b.stmt(StmtKind::If { condition: is_text, then, otherwise: Block::default() });
        let then = lower.b.end();
        lower.b.stmt(StmtKind::If { condition: goes_on, then, otherwise: Block::default() });
    }
    (count, copies)
}
