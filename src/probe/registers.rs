//! Where `struct pt_regs` keeps arguments and return values.

use crate::host::Arch;

/// Offset in bytes of the register that holds an integer argument, if it is passed in one.
pub fn argument(arch: Arch, index: usize) -> Option<u32> {
    match arch {
        // di, si, dx, cx, r8, r9
        Arch::X86_64 => [112, 104, 96, 88, 72, 64].get(index).copied(),
        // x0 to x7
        Arch::Aarch64 => (index < 8).then_some(index as u32 * 8),
    }
}

/// The registers of Intel and AMD in the order of `struct pt_regs`.
const X86: [&str; 21] = [
    "r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax", "cx", "dx", "si", "di",
    "orig_ax", "ip", "cs", "flags", "sp", "ss",
];

/// Bytes of `struct pt_regs`.
pub fn size(arch: Arch) -> u32 {
    match arch {
        Arch::X86_64 => 168,
        Arch::Aarch64 => 336,
    }
}

/// Offset in bytes of the register that holds the return value.
pub fn result(arch: Arch) -> u32 {
    match arch {
        // ax
        Arch::X86_64 => 80,
        // x0
        Arch::Aarch64 => 0,
    }
}

/// The registers of `struct pt_regs` in their order, as scripts call them, 8 bytes each.
pub fn names(arch: Arch) -> Vec<String> {
    match arch {
        Arch::X86_64 => X86.iter().map(|name| (*name).to_owned()).collect(),
        Arch::Aarch64 => {
            let numbered = (0..=30).map(|number| format!("r{number}"));
            numbered.chain(["sp", "pc", "pstate"].map(str::to_owned)).collect()
        }
    }
}

/// Offset in bytes of the register that scripts call so.
pub fn whole(arch: Arch, name: &str) -> Option<u32> {
    let name = match (arch, name) {
        (Arch::X86_64, "pc") => "ip",
        (Arch::X86_64, "orig_rax") => "orig_ax",
        (_, name) => name,
    };
    let index = names(arch).iter().position(|known| known == name)?;
    Some(index as u32 * 8)
}

/// Whether a register is there at all probes on functions: links to many of them keep only those of arguments, results,
/// the stack and the instruction.
pub fn is_everywhere(arch: Arch, offset: u32) -> bool {
    let arguments = (0..).map_while(|index| argument(arch, index));
    let stack = whole(arch, "sp").unwrap_or_default();
    arguments.chain([result(arch), instruction(arch), stack]).any(|known| known == offset)
}

/// Where a register tells programs from the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// Offset in bytes of the register.
    pub offset: u32,
    /// Its bits that say so.
    pub mask: u64,
    /// What they are in programs.
    pub user: u64,
}

/// The register that tells programs from the kernel.
pub fn mode(arch: Arch) -> Mode {
    match arch {
        // The privilege level in cs.
        Arch::X86_64 => Mode { offset: 136, mask: 3, user: 3 },
        // The exception level in pstate.
        Arch::Aarch64 => Mode { offset: 264, mask: 0xf, user: 0 },
    }
}

/// A register of `struct pt_regs`, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Register {
    /// Offset in bytes of the whole.
    pub offset: u32,
    /// Number of the lowest bit that counts.
    pub from: u8,
}

/// Offset in bytes of the register with the address of the instruction.
pub fn instruction(arch: Arch) -> u32 {
    match arch {
        Arch::X86_64 => 128,
        Arch::Aarch64 => 256,
    }
}

/// The register that an assembler calls so, in any of its widths.
pub fn named(arch: Arch, name: &str) -> Option<Register> {
    let whole = |offset| Register { offset, from: 0 };
    match arch {
        Arch::X86_64 => x86(name),
        Arch::Aarch64 => match name {
            "sp" => Some(whole(248)),
            "pc" => Some(whole(256)),
            _ => {
                let number: u32 = name.strip_prefix(['x', 'w'])?.parse().ok()?;
                (number <= 30).then(|| whole(number * 8))
            }
        },
    }
}

fn x86(name: &str) -> Option<Register> {
    // Those without a number have names in four widths.
    let at = |short: &str| X86.iter().position(|known| *known == short);
    let register = |index: usize, from| Register { offset: index as u32 * 8, from };
    if let Some(numbered) =
        name.strip_prefix('r').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    {
        let number = numbered.trim_end_matches(['d', 'w', 'b']);
        return at(&format!("r{number}")).map(|index| register(index, 0));
    }
    if let Some(index) = at(name.strip_prefix(['r', 'e']).unwrap_or(name)) {
        return Some(register(index, 0));
    }
    let (short, end) = name.split_at_checked(name.len().checked_sub(1)?)?;
    match end {
        "h" => at(&format!("{short}x")).map(|index| register(index, 8)),
        "l" => at(short).or_else(|| at(&format!("{short}x"))).map(|index| register(index, 0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_of_intel_have_many_names() {
        let offset = |name| x86(name).map(|register| (register.offset, register.from));
        for name in ["rax", "eax", "ax", "al"] {
            assert_eq!(offset(name), Some((80, 0)), "{name}");
        }
        assert_eq!((offset("ah"), offset("bh")), (Some((80, 8)), Some((40, 8))));
        for name in ["rdi", "edi", "di", "dil"] {
            assert_eq!(offset(name), Some((112, 0)), "{name}");
        }
        for name in ["r8", "r8d", "r8w", "r8b"] {
            assert_eq!(offset(name), Some((72, 0)), "{name}");
        }
        assert_eq!(
            (offset("rsp"), offset("rbp"), offset("spl")),
            (Some((152, 0)), Some((32, 0)), Some((152, 0)))
        );
        for name in ["", "h", "l", "r16", "rzx", "xmm0", "sih"] {
            assert_eq!(offset(name), None, "{name}");
        }
    }

    #[test]
    fn arguments_and_results_have_names() {
        let named = |name| x86(name).map(|register| register.offset);
        let names = ["di", "si", "dx", "cx", "r8", "r9"];
        for (index, name) in names.iter().enumerate() {
            assert_eq!(argument(Arch::X86_64, index), named(name));
        }
        assert_eq!(Some(result(Arch::X86_64)), named("ax"));
        assert_eq!(Some(instruction(Arch::X86_64)), named("ip"));
        assert_eq!(whole(Arch::X86_64, "pc"), whole(Arch::X86_64, "ip"));
        assert_eq!(whole(Arch::X86_64, "cs"), Some(mode(Arch::X86_64).offset));
        assert_eq!(whole(Arch::Aarch64, "pstate"), Some(mode(Arch::Aarch64).offset));
        assert_eq!((whole(Arch::X86_64, "rax"), whole(Arch::Aarch64, "r31")), (None, None));
        assert_eq!(super::named(Arch::Aarch64, "w3").map(|one| one.offset), Some(24));
        assert_eq!(super::named(Arch::Aarch64, "x31"), None);
    }
}
