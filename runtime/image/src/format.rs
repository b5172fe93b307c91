//! Parsed `printf` formats.

use serde::{Deserialize, Serialize};

/// A format string, cut into text and conversions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// In order; the n-th [`Piece::Spec`] prints the n-th argument.
    pub pieces: Vec<Piece>,
    /// What `%gr` calls the bits of a number: masks and names, in the order in which they are looked for.
    pub flags: Vec<(u64, String)>,
}

/// A part of a format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// Bytes as they are.
    Text(Vec<u8>),
    /// One argument.
    Spec(Spec),
}

/// A conversion such as `%-10s` or `%llx`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// `-`: pad on the right.
    pub left: bool,
    /// `0`: pad with zeros after sign and prefix.
    pub zero: bool,
    /// `+`: show the sign of positive numbers.
    pub plus: bool,
    /// `#`: show the prefix of the base.
    pub alternate: bool,
    /// Least number of characters.
    pub width: u32,
    /// Length modifier: to how many bytes an integer is cut.
    pub size: IntSize,
    /// What the argument becomes.
    pub conversion: Conversion,
}

/// How many bytes of an integer a conversion takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntSize {
    /// `hh`
    One,
    /// `h`
    Two,
    /// No modifier.
    Four,
    /// `l`, `ll`, `j`, `z`, `t`
    Eight,
}

/// The letter of a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Conversion {
    /// `d`, `i`
    Signed,
    /// `u`
    Unsigned,
    /// `o`
    Octal,
    /// `x`
    Hex,
    /// `X`
    UpperHex,
    /// `c`
    Char,
    /// `p`
    Pointer,
    /// `s`: any value in its text form.
    Text,
    /// `r`: bytes, those that cannot be printed by number.
    Bytes,
    /// `rx`: bytes by number, `\x0a\xff`.
    ByteNumbers,
    /// `rh`: bytes by number, `0a ff`.
    HexDump,
    /// `gr`: the names of the bits that are set.
    Flags,
}

/// The names of the bits that are set: each name takes its bits away, and what is left is a number.
pub fn flag_names(flags: &[(u64, String)], bits: u64) -> String {
    let mut left = bits;
    let mut names = Vec::new();
    for (mask, name) in flags {
        if *mask != 0 && left & mask == *mask {
            left &= !mask;
            names.push(name.clone());
        }
    }
    if left != 0 {
        names.push(format!("{left:#x}"));
    }
    if names.is_empty() { "none".to_owned() } else { names.join("|") }
}
