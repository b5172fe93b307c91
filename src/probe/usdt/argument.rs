//! Where the arguments of a marked place are: what its note says, one word of assembler for each.

use crate::host::Arch;
use crate::probe::registers::{self, Register};

/// An argument.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Argument {
    /// Bytes: 1, 2, 4 or 8.
    pub size: u8,
    /// Two's complement.
    pub signed: bool,
    /// Where it is.
    pub source: Source,
}

impl Argument {
    /// Whether a program can read it.
    pub fn is_readable(&self) -> bool {
        !matches!(self.source, Source::Elsewhere(_))
    }
}

/// Where an argument is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// It is always this.
    Constant(i64),
    /// In a register, or a part of one.
    Register(Register),
    /// In the memory of the process.
    Memory {
        /// A register that holds an address.
        base: Register,
        /// Another, and how often it is added.
        index: Option<(Register, u8)>,
        /// Bytes further.
        further: i64,
    },
    /// So far from the instruction itself.
    Beside(i64),
    /// Where no program can look: as the note has it.
    Elsewhere(String),
}

/// A place in a program whose variables are known.
pub(super) struct Site<'a> {
    /// What its code runs on.
    pub(super) arch: Arch,
    /// Its address.
    pub(super) address: u64,
    /// The address of a variable.
    pub(super) variable: &'a dyn Fn(&str) -> Option<u64>,
}

impl Site<'_> {
    /// Reads the arguments of a note.
    pub(super) fn arguments(&self, text: &str) -> Vec<Argument> {
        words(text).into_iter().map(|word| self.argument(word)).collect()
    }

    fn argument(&self, word: &str) -> Argument {
        let elsewhere = || Source::Elsewhere(word.to_owned());
        // Old notes state no size.
        let (size, place) = word.split_once('@').unwrap_or(("8", word));
        let (fraction, digits) = match size.strip_suffix('f') {
            Some(digits) => (true, digits),
            None => (false, size),
        };
        let number = digits.parse::<i8>().ok();
        let size = number.map(i8::unsigned_abs).filter(|size| matches!(size, 1 | 2 | 4 | 8));
        let source = if fraction || size.is_none() { None } else { self.source(place) };
        Argument {
            size: size.unwrap_or(8),
            signed: number.is_some_and(|number| number < 0),
            source: source.unwrap_or_else(elsewhere),
        }
    }

    fn source(&self, place: &str) -> Option<Source> {
        match self.arch {
            Arch::X86_64 => self.x86(place),
            Arch::Aarch64 => self.aarch64(place),
        }
    }

    /// `%edi`, `$5`, `-8(%rbp)`, `16(%rsp,%rcx,8)`, `counter+4(%rip)`
    fn x86(&self, place: &str) -> Option<Source> {
        if let Some(constant) = place.strip_prefix('$') {
            return integer(constant).map(Source::Constant);
        }
        if let Some(name) = place.strip_prefix('%') {
            return registers::named(self.arch, name).map(Source::Register);
        }
        let (further, inside) = place.strip_suffix(')')?.split_once('(')?;
        let mut parts = inside.split(',').map(str::trim);
        let base = parts.next()?.strip_prefix('%')?;
        if base == "rip" {
            return self.variable(further).map(Source::Beside);
        }
        let further = if further.is_empty() { 0 } else { integer(further)? };
        let base = registers::named(self.arch, base)?;
        let index = match parts.next() {
            None => None,
            Some(name) => {
                let register = registers::named(self.arch, name.strip_prefix('%')?)?;
                let times = parts.next().map_or(Some(1), |times| times.parse().ok())?;
                Some((register, times))
            }
        };
        parts.next().is_none().then_some(Source::Memory { base, index, further })
    }

    /// `x0`, `5`, `[sp, 16]`, `[x1]`, `[x1, x2, lsl 3]`
    fn aarch64(&self, place: &str) -> Option<Source> {
        if let Some(inside) = place.strip_prefix('[') {
            let mut parts = inside.strip_suffix(']')?.split(',').map(str::trim);
            let base = registers::named(self.arch, parts.next()?)?;
            let (mut index, mut further) = (None, 0);
            if let Some(second) = parts.next() {
                match registers::named(self.arch, second) {
                    Some(register) => index = Some((register, shift(parts.next())?)),
                    None => further = integer(second.trim_start_matches('#'))?,
                }
            }
            return parts.next().is_none().then_some(Source::Memory { base, index, further });
        }
        let constant = integer(place.trim_start_matches('#')).map(Source::Constant);
        constant.or_else(|| registers::named(self.arch, place).map(Source::Register))
    }

    /// How far from here `counter` or `counter+4` is.
    fn variable(&self, text: &str) -> Option<i64> {
        let end = text.rfind(['+', '-']).filter(|at| *at > 0).unwrap_or(text.len());
        let (name, further) = text.split_at(end);
        let further = if further.is_empty() { 0 } else { integer(further)? };
        let address = (self.variable)(name)?.wrapping_add(further.cast_unsigned());
        Some(address.wrapping_sub(self.address).cast_signed())
    }
}

/// The words of a text; blanks between brackets are part of one.
fn words(text: &str) -> Vec<&str> {
    let (mut words, mut start, mut inside) = (Vec::new(), None, false);
    for (at, letter) in text.char_indices() {
        match letter {
            ' ' if !inside => words.extend(start.take().map(|start| &text[start..at])),
            _ => {
                inside = letter == '[' || inside && letter != ']';
                start.get_or_insert(at);
            }
        }
    }
    words.extend(start.map(|start| &text[start..]));
    words
}

/// `lsl 3` as how often an index is added.
fn shift(text: Option<&str>) -> Option<u8> {
    let Some(text) = text else { return Some(1) };
    let count: u32 = text.strip_prefix("lsl")?.trim().trim_start_matches('#').parse().ok()?;
    1u8.checked_shl(count)
}

/// A number with its sign, decimal or hexadecimal.
fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let number = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => digits.parse::<u64>().ok()?,
    };
    Some(if negative { number.wrapping_neg() } else { number }.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(arch: Arch, text: &str) -> Vec<Source> {
        let variable = |name: &str| (name == "limit").then_some(0x5000);
        let site = Site { arch, address: 0x1000, variable: &variable };
        site.arguments(text).into_iter().map(|argument| argument.source).collect()
    }

    fn register(arch: Arch, name: &str) -> Register {
        registers::named(arch, name).expect("a register")
    }

    #[test]
    fn sizes_have_signs() {
        let site = Site { arch: Arch::X86_64, address: 0, variable: &|_| None };
        let found = site.arguments("-4@%edi 1@$3 %rsi 16@%rsi 8f@%xmm0");
        let sizes: Vec<_> = found.iter().map(|one| (one.size, one.signed)).collect();
        assert_eq!(sizes, [(4, true), (1, false), (8, false), (8, false), (8, false)]);
        assert_eq!(found[3].source, Source::Elsewhere("16@%rsi".to_owned()));
        assert_eq!(found[4].source, Source::Elsewhere("8f@%xmm0".to_owned()));
    }

    #[test]
    fn words_of_intel() {
        let arch = Arch::X86_64;
        let (rbp, rsp, rcx) = (register(arch, "rbp"), register(arch, "rsp"), register(arch, "rcx"));
        let text =
            "-4@%ah 4@$-5 8@-8(%rbp) 8@(%rsp) 8@16(%rsp,%rcx,8) 8@limit(%rip) 4@limit+4(%rip)";
        assert_eq!(
            sources(arch, text),
            [
                Source::Register(register(arch, "ah")),
                Source::Constant(-5),
                Source::Memory { base: rbp, index: None, further: -8 },
                Source::Memory { base: rsp, index: None, further: 0 },
                Source::Memory { base: rsp, index: Some((rcx, 8)), further: 16 },
                Source::Beside(0x4000),
                Source::Beside(0x4004),
            ]
        );
        for odd in ["8@nosuch(%rip)", "8@%xmm1", "8@(%rsp", "8@16(%rsp,%rcx,8,1)", "8@$", "8@"] {
            assert_eq!(sources(arch, odd), [Source::Elsewhere(odd.to_owned())]);
        }
    }

    #[test]
    fn words_of_arm() {
        let arch = Arch::Aarch64;
        let (sp, x1, x2) = (register(arch, "sp"), register(arch, "x1"), register(arch, "x2"));
        assert_eq!(
            sources(arch, "-4@w0 8@[sp, 16] 8@[x1] 4@5 8@[x1, x2] 8@[x1, x2, lsl 3] 4@-7"),
            [
                Source::Register(register(arch, "w0")),
                Source::Memory { base: sp, index: None, further: 16 },
                Source::Memory { base: x1, index: None, further: 0 },
                Source::Constant(5),
                Source::Memory { base: x1, index: Some((x2, 1)), further: 0 },
                Source::Memory { base: x1, index: Some((x2, 8)), further: 0 },
                Source::Constant(-7),
            ]
        );
        for odd in ["8@[x1, x2, ror 3]", "8@[sp", "8@d0", "8@[x1, 8]!"] {
            assert_eq!(sources(arch, odd), [Source::Elsewhere(odd.to_owned())]);
        }
    }
}
