//! What the kernel's own functions say about its objects.

use super::{Builtin, Call, one, optional};
use ebtrace_image::MOST_OF_A_PACKET;

use crate::ir::{Expr, Helper};
use crate::probe::Context;
use crate::sema::{Lower, Operand};
use crate::types::TypeId;

/// `-EFAULT`: what the kernel says where there is less of a packet than is asked for, or no packet at all.
const NO_PACKET: i64 = -14;

pub(super) const ALL: &[Builtin] = &[
    Builtin::function("path", &[one("path"), optional("size")], "The path of an open file.", path)
        .returning("string")
        .details("It is given a `struct path`, such as `args.file.f_path`, or a pointer to one. The kernel allows it in few \
                  functions for `fentry` and `fexit`, those where files are opened, read, written and closed for sure, and in \
                  all of `iter`. A path longer than the size, `max_strlen` if none is given, loses its beginning.")
        .only_in(&[Context::Arguments, Context::Outcome, Context::Object], "elsewhere, the name of a file is `file.f_path.dentry.d_name.name`")
        .examples(&["iter:task_file { printf(\"%s %s\\n\", ctx.task.comm, path(ctx.file.f_path)); }"]),
    Builtin::function("socket_cookie", &[one("socket")], "The number that the kernel gives a socket for all its life.", socket_cookie)
        .returning("uint64")
        .details("It is given a `struct sock *`. Programs ask for the same number with `getsockopt(SO_COOKIE)`.")
        .only_in(&[Context::Arguments, Context::Outcome, Context::Event, Context::Object], "")
        .examples(&["fentry:tcp_connect { @[socket_cookie(args.sk)] = count(); }"]),
    Builtin::function(
        "skboutput",
        &[one("file"), one("packet"), one("length"), one("offset")],
        "Appends a network packet to a file that tcpdump and Wireshark open.",
        skboutput,
    )
        .returning("int64")
        .acting()
        .details("It is given a `struct sk_buff *`, and takes that many bytes of its data, without those before the offset; at \
                  most 65,280. The file is of raw internet packets, so an Ethernet header has to be left out: its 14 bytes are \
                  there where packets leave (`net_dev_queue`), and are not where they are received. The file is made anew \
                  when the script starts. The value is 0, or a negative number of an error: -14 where the packet has fewer \
                  bytes, -28 where the buffer had no room. What found no room is counted and told at the end; \
                  `perf_rb_pages` is for a larger one.")
        .only_in(&[Context::Arguments, Context::Outcome, Context::Event, Context::Object], "")
        .examples(&[
            "rawtracepoint:netif_receive_skb { skboutput(\"in.pcap\", args.skb, args.skb->len, 0); }",
        ]),
];

fn skboutput(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(path) = lower.literal_text(call, 0) else { return lower.poison() };
    let Ok(path) = String::from_utf8(path) else {
        return lower.complain_argument(call, 0, "the path of a file in UTF-8", "other bytes");
    };
    if path.is_empty() || path.contains('\0') {
        return lower.complain_argument(call, 0, "the path of a file", "no path");
    }
    let Some(packet) = lower.object_arg(call, 1, "struct sk_buff") else { return lower.poison() };
    let (Some(length), Some(offset)) = (lower.int_arg(call, 2), lower.int_arg(call, 3)) else {
        return lower.poison();
    };
    let (length, offset) = (lower.coerce(&length, TypeId::U64), lower.coerce(&offset, TypeId::U64));
    let (length, offset) = (lower.b.name(length), lower.b.name(offset));
    let result = lower.b.local("sent", TypeId::I64);
    let nothing = lower.b.int(NO_PACKET.cast_unsigned(), TypeId::I64);
    lower.b.store(result, nothing);
    lower.with_object(packet, |lower, packet| {
        let now = lower.b.call(Helper::KtimeGetBootNs, Vec::new(), TypeId::U64);
        let most = MOST_OF_A_PACKET.into();
        let most = lower.b.add(Expr::Bounded(length, most), TypeId::U64);
        let sent = lower.b.send_packet(path, vec![now, offset, length], (packet, most));
        lower.b.store(result, sent);
    });
    lower.local_operand(result)
}

fn path(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let most = lower.max_strlen();
    let size = match call.args.get(1) {
        None => most,
        Some(_) => match lower.literal_int_in(call, 1, 1, most.into()) {
            Some(size) => size as u32,
            None => return lower.poison(),
        },
    };
    let Some(object) = lower.object_arg(call, 0, "struct path") else { return lower.poison() };
    let ty = lower.b.types().string(size);
    let (raw, text) = (lower.b.local("path", ty), lower.b.local("text", ty));
    lower.b.zero(raw);
    lower.b.zero(text);
    lower.with_object(object, |lower, address| {
        let (into, room) = (lower.b.address(raw, 0), lower.b.int(size.into(), TypeId::U64));
        lower.b.call_void(Helper::DPath, vec![address, into, room]);
        // What the kernel leaves behind the path's end is none of it.
        let (into, from) = (lower.b.address(text, 0), lower.b.address(raw, 0));
        lower.b.call_void(Helper::ProbeReadKernelStr, vec![into, room, from]);
    });
    lower.local_operand(text)
}

fn socket_cookie(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(object) = lower.object_arg(call, 0, "struct sock") else { return lower.poison() };
    let cookie = lower.b.local("cookie", TypeId::U64);
    let nothing = lower.b.int(0, TypeId::U64);
    lower.b.store(cookie, nothing);
    lower.with_object(object, |lower, address| {
        let number = lower.b.call(Helper::SocketCookie, vec![address], TypeId::U64);
        lower.b.store(cookie, number);
    });
    lower.local_operand(cookie)
}
