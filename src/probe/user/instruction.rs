//! Where instructions begin: a breakpoint within one would change what the program does.

use iced_x86::{Decoder, DecoderOptions};

use crate::host::program::Instructions;

/// What stands so many bytes from the start of some code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Boundary {
    /// An instruction begins there.
    Here,
    /// It is within the one that begins here, and the next begins there.
    Within {
        /// Bytes from the start.
        from: u64,
        /// Likewise.
        next: u64,
    },
    /// From here on it is no code that we can read.
    Unreadable {
        /// Bytes from the start.
        from: u64,
    },
}

/// What stands `offset` bytes from the start of `code`.
pub(super) fn boundary(instructions: Instructions, code: &[u8], offset: u64) -> Boundary {
    match instructions {
        _ if offset == 0 => Boundary::Here,
        Instructions::X86(bits) => x86(bits, code, offset),
        Instructions::Aarch64 => fixed(4, code, offset),
        Instructions::Other => Boundary::Unreadable { from: 0 },
    }
}

fn x86(bits: u32, code: &[u8], offset: u64) -> Boundary {
    let mut decoder = Decoder::new(bits, code, DecoderOptions::NONE);
    loop {
        let from = decoder.position() as u64;
        if from == offset {
            return if decoder.can_decode() {
                Boundary::Here
            } else {
                Boundary::Unreadable { from }
            };
        }
        let instruction = if decoder.can_decode() { Some(decoder.decode()) } else { None };
        if instruction.is_none_or(|instruction| instruction.is_invalid()) {
            return Boundary::Unreadable { from };
        }
        let next = decoder.position() as u64;
        if next > offset {
            return Boundary::Within { from, next };
        }
    }
}

fn fixed(size: u64, code: &[u8], offset: u64) -> Boundary {
    let from = offset / size * size;
    match offset % size {
        _ if from + size > code.len() as u64 => Boundary::Unreadable { from },
        0 => Boundary::Here,
        _ => Boundary::Within { from, next: from + size },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_of_varying_length_are_followed_from_the_start() {
        // push %rbp; mov %rsp,%rbp; ret; (nothing)
        let code = [0x55, 0x48, 0x89, 0xe5, 0xc3, 0x06];
        let at = |offset| boundary(Instructions::X86(64), &code, offset);
        assert_eq!((at(0), at(1), at(4)), (Boundary::Here, Boundary::Here, Boundary::Here));
        assert_eq!(at(2), Boundary::Within { from: 1, next: 4 });
        assert_eq!(at(6), Boundary::Unreadable { from: 5 });
        assert_eq!(
            boundary(Instructions::X86(64), &code[..5], 5),
            Boundary::Unreadable { from: 5 }
        );
    }

    #[test]
    fn instructions_of_32_bits_are_others() {
        // inc %eax; nop, or a prefix and its nop.
        let code = [0x40, 0x90];
        assert_eq!(boundary(Instructions::X86(32), &code, 1), Boundary::Here);
        assert_eq!(
            boundary(Instructions::X86(64), &code, 1),
            Boundary::Within { from: 0, next: 2 }
        );
    }

    #[test]
    fn arm_counts_in_fours() {
        let code = [0; 8];
        let at = |offset| boundary(Instructions::Aarch64, &code, offset);
        assert_eq!(at(4), Boundary::Here);
        assert_eq!(at(6), Boundary::Within { from: 4, next: 8 });
        assert_eq!(at(8), Boundary::Unreadable { from: 8 });
        assert_eq!(boundary(Instructions::Other, &code, 4), Boundary::Unreadable { from: 0 });
    }
}
