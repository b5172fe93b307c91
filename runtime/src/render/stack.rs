//! Call stacks: a frame a line.

use ebtrace_image::StackMode;

use super::Renderer;
use super::text::{Form, escape, put};
use crate::decode::{FileFrame, Space};
use crate::symbol::{Inlined, Symbol};

/// A return address that nobody found.
const UNKNOWN: u64 = u64::MAX;
/// What is shown in its place.
const FAILURE: &str = "<unwind failure>";

/// A stack of addresses.
pub(super) fn addresses(
    look: &Renderer<'_>,
    out: &mut Vec<u8>,
    (space, mode): (Space, StackMode),
    addresses: &[u64],
    form: Form,
) {
    let mut text = Vec::new();
    lines(look, &mut text, (space, mode), addresses, form);
    out.push(b'\n');
    // Names are whatever the traced program says.
    if look.escape && form == Form::Line { escape(out, &text) } else { out.extend(text) }
}

fn lines(
    look: &Renderer<'_>,
    out: &mut Vec<u8>,
    (space, mode): (Space, StackMode),
    addresses: &[u64],
    form: Form,
) {
    let end = addresses.iter().position(|address| *address == UNKNOWN);
    let known = &addresses[..end.unwrap_or(addresses.len())];
    if mode == StackMode::Raw {
        known.iter().for_each(|address| put(out, format_args!("{address:x}\n")));
    } else {
        for (address, symbol) in known.iter().zip(symbols(look, space, known)) {
            match mode {
                StackMode::Perf => perf(out, space, *address, symbol, form),
                _ => frame(out, *address, symbol, indent(form)),
            }
        }
    }
    if end.is_some() {
        let indent = if mode == StackMode::Bpftrace { indent(form) } else { "" };
        put(out, format_args!("{indent}{FAILURE}\n"));
    }
}

/// The symbol of each frame. That of a caller is where the call is, just before the address that it returns to.
fn symbols(look: &Renderer<'_>, space: Space, addresses: &[u64]) -> Vec<Option<Symbol>> {
    let (Space::Process(_), [first, callers @ ..]) = (space, addresses) else {
        return look.symbols.symbolize(space, addresses);
    };
    let calls: Vec<u64> = callers.iter().map(|address| address.wrapping_sub(1)).collect();
    let calls = look.symbols.symbolize(space, &calls).into_iter().zip(callers);
    let calls = calls.map(|(symbol, address)| match symbol {
        Some(symbol) => Some(Symbol { offset: symbol.offset + 1, ..symbol }),
        // What returns from a signal begins there.
        None => look.symbols.symbolize(space, &[*address]).pop().flatten(),
    });
    look.symbols.symbolize(space, &[*first]).into_iter().chain(calls).collect()
}

/// What stands before a frame.
fn indent(form: Form) -> &'static str {
    if form == Form::Line { "        " } else { "" }
}

fn frame(out: &mut Vec<u8>, address: u64, symbol: Option<Symbol>, indent: &str) {
    let Some(Symbol { name, offset, place, inlined, .. }) = symbol else {
        return put(out, format_args!("{indent}{address:#x}\n"));
    };
    for Inlined { name, place } in inlined.iter() {
        put(out, format_args!("{indent}[inlined] {name}{}\n", At(place.as_deref())));
    }
    put(out, format_args!("{indent}{name}+{offset}{}\n", At(place.as_deref())));
}

fn perf(out: &mut Vec<u8>, space: Space, address: u64, symbol: Option<Symbol>, form: Form) {
    let (tab, blank) = if form == Form::Line { ("\t", " ") } else { ("", "") };
    let Some(Symbol { name, offset, module, inlined, .. }) = symbol else {
        return put(out, format_args!("{tab}{address:x}{blank}[unknown]{blank}([unknown])\n"));
    };
    for Inlined { name, .. } in inlined.iter() {
        put(out, format_args!("{tab}{address:x}{blank}{name}{blank}(inlined)\n"));
    }
    let module = match (space, module.as_deref()) {
        (Space::Kernel, None) => String::new(),
        (Space::Kernel, Some(module)) if !module.starts_with('[') => format!("{blank}([{module}])"),
        (_, module) => format!("{blank}({})", module.unwrap_or("[unknown]")),
    };
    put(out, format_args!("{tab}{address:x}{blank}{name}+{offset}{module}\n"));
}

/// A stack of offsets in files.
pub(super) fn files(out: &mut Vec<u8>, frames: &[FileFrame]) {
    out.push(b'\n');
    for frame in frames {
        match frame {
            FileFrame::Known(identity, offset) => {
                identity.iter().for_each(|byte| put(out, format_args!("{byte:02x}")));
                put(out, format_args!(" {offset:#x}\n"));
            }
            FileFrame::Unknown(address) => put(out, format_args!("{address:#x}\n")),
        }
    }
}

/// `@file.c:12`, where it is known.
struct At<'a>(Option<&'a str>);

impl std::fmt::Display for At<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(place) => write!(f, "@{place}"),
            None => Ok(()),
        }
    }
}
