//! The table of diagnostic codes: everything that ebtrace can complain of, one entry each.
//!
//! `E01xx` is what cannot be parsed, `E02xx` probes, `E03xx` names and types, `E04xx` builtins, `E05xx` limits,
//! `E06xx` what this kernel or machine lacks, `E07xx` loading and attaching; `Wxxxx` are warnings of the same areas.

/// An entry of the table.
#[derive(Debug)]
pub struct Entry {
    /// Which.
    pub code: Code,
    /// `E0301`
    pub id: &'static str,
    /// What it means, in one line.
    pub meaning: &'static str,
    /// Why the rule is there and how to keep it.
    pub explanation: &'static str,
    /// A script that breaks the rule on the fixture kernel of the tests; empty where only a real kernel can say no.
    pub example: &'static str,
}

macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $name:ident = $id:literal, $explanation:literal, $example:literal;)+) => {
        /// Identifies an entry of the table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $meaning])+ $name,)+ }

        /// All entries, by id.
        pub const CODES: &[Entry] = &[$(Entry {
            code: Code::$name,
            id: $id,
            meaning: concat!($($meaning),+).trim_ascii(),
            explanation: $explanation,
            example: $example,
        },)+];

        impl Code {
            /// `E0301`
            pub fn id(self) -> &'static str {
                match self { $(Code::$name => $id,)+ }
            }
        }
    };
}

/// The entry with this id; letter case does not matter.
pub fn find(id: &str) -> Option<&'static Entry> {
    CODES.iter().find(|entry| entry.id.eq_ignore_ascii_case(id))
}

codes! {
    /// The text cannot be cut into tokens here.
    BadToken = "E0101",
        "A character that the language does not use stands outside of a string or comment.",
        "begin { $x = 1 ` 2; }";
    /// Something else was expected here.
    Unexpected = "E0102",
        "The script does not follow the grammar at this place. The message lists what could stand here.",
        "begin { $x = ; }";
    /// A string, comment or block is not closed.
    Unclosed = "E0103",
        "Every `\"`, `/*`, `(`, `[` and `{` needs its counterpart; a string cannot continue on the next line.",
        "begin { print(\"abc); }";
    /// An integer literal is malformed or too large.
    BadInteger = "E0104",
        "Integers are decimal, 0x hexadecimal, 0 octal or 0b binary, up to 2^64-1, with `_` between digits, an \
         optional suffix (u, ul, ull, l, ll), or a duration unit (ns, us, ms, s, m, h, d).",
        "begin { $x = 12abc; }";
    /// A string has an escape that does not exist.
    BadEscape = "E0105",
        "Known escapes are \\n \\t \\r \\\" \\\\, octal \\0 to \\377 and hexadecimal \\xHH.",
        "begin { print(\"\\q\"); }";
    /// This cannot be assigned to.
    BadTarget = "E0106",
        "Only variables (`$x`) and maps (`@x`, `@x[key]`) can be assigned, incremented or decremented.",
        "begin { pid = 2; }";
}
