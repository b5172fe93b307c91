//! Network addresses and byte order.

use core::net::IpAddr;

use super::{Builtin, Call, one, optional};
use crate::ir::{BinaryOp, ExprId};
use crate::sema::{Literal, Lower, Operand};
use crate::types::{Type, TypeId, Worded};

const AF_INET: u64 = 2;
const AF_INET6: u64 = 10;
/// Where the parts of an address are: see `ebtrace_image::Shape::Inet`.
const FAMILY_AT: u32 = 0;
const ADDRESS_AT: u32 = 8;
/// Bytes of an address of network hardware.
const MAC: u32 = 6;

pub(super) const ALL: &[Builtin] = &[
    Builtin::function(
        "ntop",
        &[optional("family"), one("address")],
        "An address of the internet protocols, shown as text.",
        ntop,
    )
    .returning("inet")
    .details("The address is an array of 4 or 16 bytes, or an integer that holds 4 in network byte order, as the kernel has them. \
              The family is 2 (`AF_INET`) or 10 (`AF_INET6`); without it, the size decides. An address of another \
              family is shown as nothing.")
    .examples(&[
        "begin { print(ntop(0x0100007f)); print(ntop(pton(\"::1\"))); exit(); }",
        "kprobe:tcp_connect { $sk = (struct sock *)arg0; @[ntop($sk->__sk_common.skc_daddr)] = count(); }",
    ]),
    Builtin::function("pton", &[one("address")], "The bytes of an address of the internet protocols.", pton)
        .returning("uint8[4] or uint8[16]")
        .details("They are in network byte order. Compare them with bytes of the kernel, or cast those of four to a number.")
        .examples(&["begin { print(pton(\"192.168.0.1\")); printf(\"%x\\n\", (uint32)pton(\"127.0.0.1\")); exit(); }"]),
    Builtin::function("macaddr", &[one("bytes")], "An address of network hardware, shown as text.", macaddr)
        .returning("macaddr_t")
        .details("It is taken from the first six bytes of an array, or from those that an address points to.")
        .examples(&["begin { print(macaddr((uint8[8])(uint64)0x665544332211)); exit(); }"]),
    Builtin::function("bswap", &[one("integer")], "An integer with its bytes in the other order.", bswap)
        .returning("uint8 … uint64")
        .details("As many bytes are turned round as the type has: a literal has the smallest that holds it, so cast it \
                  where another is meant.")
        .examples(&["begin { printf(\"%x %x\\n\", bswap(0x1234), bswap((uint32)0x1234)); exit(); }"]),
];

fn ntop(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let last = call.args.len() - 1;
    let mut family = None;
    if last == 1 {
        let Some(given) = lower.int_arg(call, 0) else { return lower.poison() };
        let known = [AF_INET, AF_INET6].map(i128::from);
        if let Some(number) = given.literal_int().filter(|number| !known.contains(number)) {
            let wants = "2 (`AF_INET`) or 10 (`AF_INET6`)";
            return lower.complain_argument(call, 0, wants, &number.to_string());
        }
        let given = lower.b.convert(given.expr, TypeId::U64);
        family = Some(lower.b.name(given));
    }
    let Some(address) = lower.bytes_arg(call, last) else { return lower.poison() };
    let Some((size, bytes)) = address_bytes(lower, &address, family.is_some()) else {
        let wants = "an integer or an array of 4 or 16 bytes";
        return lower.complain_type(call, last, wants, &address);
    };
    let family = match family {
        Some(family) => family,
        None => lower.b.int(if size == 4 { AF_INET } else { AF_INET6 }, TypeId::U64),
    };
    lower.worded(Worded::Inet, &[(FAMILY_AT, family), (ADDRESS_AT, bytes)])
}

/// How many there are, and a value of them. Of an integer whose family is given, all bytes count.
fn address_bytes(lower: &mut Lower<'_>, address: &Operand, whole: bool) -> Option<(u32, ExprId)> {
    let types = lower.b.types();
    let size = types.size(address.ty);
    match types.get(address.ty) {
        Type::Int { .. } if whole => Some((size, address.expr)),
        Type::Int { .. } => Some((4, lower.b.convert(address.expr, TypeId::U32))),
        Type::Array { .. } | Type::Str(_) if matches!(size, 4 | 16) => {
            Some((size, lower.first_bytes(address, size)?))
        }
        _ => None,
    }
}

fn pton(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(text) = lower.literal_text(call, 0) else { return lower.poison() };
    let text = String::from_utf8_lossy(&text).into_owned();
    match text.parse() {
        Ok(IpAddr::V4(address)) => lower.array_of_bytes(&address.octets()),
        Ok(IpAddr::V6(address)) => lower.array_of_bytes(&address.octets()),
        Err(_) => lower.complain_in_words(
            (call, 0),
            format!("`{text}` is no address of the internet protocols"),
            "neither four numbers nor groups of hexadecimal digits",
            "addresses are written as `127.0.0.1` or `::1`",
        ),
    }
}

fn macaddr(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(value) = lower.bytes_arg(call, 0) else { return lower.poison() };
    let is_literal = matches!(value.literal, Some(Literal::Str(_)));
    match lower.first_bytes(&value, MAC).filter(|_| !is_literal) {
        Some(bytes) => lower.worded(Worded::Mac, &[(0, bytes)]),
        None => lower.complain_type(call, 0, "6 bytes, in an array or by their address,", &value),
    }
}

fn bswap(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    let Some(value) = lower.int_arg(call, 0) else { return lower.poison() };
    let types = lower.b.types();
    let bits = if value.ty == TypeId::BOOL { 8 } else { (types.size(value.ty) * 8) as u8 };
    let ty = TypeId::int(bits, false);
    let number = lower.b.convert(value.expr, ty);
    let number = lower.b.convert(number, TypeId::U64);
    if let Some(number) = value.literal_int() {
        let swapped = (number as u64).swap_bytes() >> (64 - bits);
        return lower.number_of_type(swapped.into(), ty);
    }
    let number = lower.b.name(number);
    let mut swapped = lower.b.int(0, TypeId::U64);
    for byte in 0..u64::from(bits / 8) {
        let low = lower.b.binary_int(BinaryOp::ShiftRight, number, byte * 8);
        let low = lower.b.binary_int(BinaryOp::And, low, 0xff);
        let high = lower.b.binary_int(BinaryOp::ShiftLeft, low, u64::from(bits) - 8 - byte * 8);
        swapped = lower.b.binary(BinaryOp::Or, swapped, high);
    }
    let swapped = lower.b.convert(swapped, ty);
    lower.operand(swapped)
}
