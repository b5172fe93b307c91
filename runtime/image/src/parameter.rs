//! Named parameters of a script.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a script that was compiled ahead of time takes by name from its command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Without the dashes.
    pub name: String,
    /// Its value where the command line does not mention it; its kind is that of all its values.
    pub default: Argument,
    /// For those who ask.
    pub description: Option<String>,
    /// Where its value stands behind [`crate::Globals`].
    pub offset: u32,
    /// The bytes of its value: a text's are zeros from its end on, which is one at least.
    pub size: u32,
}

/// A value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Argument {
    /// `true`, `false`
    Bool(bool),
    /// `5`
    Unsigned(u64),
    /// `-5`
    Signed(i64),
    /// `"text"`
    Text(Vec<u8>),
}

impl Argument {
    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Argument::Bool(_) => "`true` or `false`",
            Argument::Unsigned(_) | Argument::Signed(_) => "a number",
            Argument::Text(_) => "text",
        }
    }

    /// A value of its kind.
    pub fn example(&self) -> &'static str {
        match self {
            Argument::Bool(_) => "true",
            Argument::Unsigned(_) | Argument::Signed(_) => "5",
            Argument::Text(_) => "text",
        }
    }

    /// As a program finds it, in so many bytes; what of a text has no room is cut off.
    pub fn bytes(&self, size: u32) -> Vec<u8> {
        let mut bytes = match self {
            Argument::Bool(value) => u64::from(*value).to_ne_bytes().to_vec(),
            Argument::Unsigned(number) => number.to_ne_bytes().to_vec(),
            Argument::Signed(number) => number.to_ne_bytes().to_vec(),
            Argument::Text(text) => {
                let most = (size as usize).saturating_sub(1);
                text.iter().copied().take(most).take_while(|byte| *byte != 0).collect()
            }
        };
        bytes.resize(size as usize, 0);
        bytes
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Argument::Bool(value) => write!(f, "{value}"),
            Argument::Unsigned(number) => write!(f, "{number}"),
            Argument::Signed(number) => write!(f, "{number}"),
            Argument::Text(text) => write!(f, "\"{}\"", String::from_utf8_lossy(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_bytes() {
        assert_eq!(Argument::Bool(true).bytes(8), 1u64.to_ne_bytes());
        assert_eq!(Argument::Signed(-1).bytes(8), [0xff; 8]);
        assert_eq!(Argument::Text(b"ab".to_vec()).bytes(8), *b"ab\0\0\0\0\0\0");
        assert_eq!(Argument::Text(b"abcdefghij".to_vec()).bytes(8), *b"abcdefg\0");
    }
}
