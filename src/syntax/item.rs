//! What begins where an item can, and how long a piece of C is.

use super::token::Tok;

/// What begins at the start of an item, if it is no probe.
pub(super) enum Declared {
    /// C of so many bytes.
    C(usize),
    /// Something that begins with this keyword of so many bytes.
    Item(Tok<'static>, usize),
}

pub(super) fn declaration(text: &str) -> Option<Declared> {
    if text.starts_with('#') {
        return Some(Declared::C(directive_length(text)));
    }
    let in_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let length = text.find(|letter| !in_word(letter)).unwrap_or(text.len());
    let (word, rest) = text.split_at(length);
    let next = &rest[after_blanks(rest, 0)..];
    let named = next.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    let keyword = match word {
        "struct" | "union" | "enum" | "typedef" if named || next.starts_with('{') => {
            return Some(Declared::C(definition_length(text)));
        }
        "macro" if named => Tok::Macro,
        "fn" if named => Tok::Fn,
        "let" if next.starts_with(['@', '$']) => Tok::Let,
        "import" if next.starts_with('"') => Tok::Import,
        "config" if next.starts_with(['=', '{']) => Tok::Config,
        _ => return None,
    };
    Some(Declared::Item(keyword, length))
}

/// Bytes of a preprocessor line, with the lines that it goes on in.
fn directive_length(text: &str) -> usize {
    let mut at = 0;
    loop {
        let Some(end) = text[at..].find('\n') else { return text.len() };
        let line = text[at..at + end].trim_end_matches('\r');
        at += end + 1;
        if !line.ends_with('\\') {
            return at;
        }
    }
}

/// Bytes of a C definition: up to the semicolon after its braces, or to where the next line begins if there is none.
fn definition_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let blank = after_blanks(text, at);
        if blank > at {
            at = blank;
            continue;
        }
        at += letter.len_utf8();
        match letter {
            '{' => depth += 1,
            '}' if depth <= 1 => return tail_length(text, at),
            '}' => depth -= 1,
            ';' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// Where a definition ends whose last brace was just read: after its semicolon, if declarators and attributes stand
/// between, else after the attributes.
fn tail_length(text: &str, from: usize) -> usize {
    let mut end = from;
    let mut depth = 0_usize;
    let mut at = after_blanks(text, from);
    let in_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let typedef = text.starts_with("typedef");
    while let Some(letter) = text[at..].chars().next() {
        match letter {
            ';' if depth == 0 => return at + 1,
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            _ if in_word(letter) => {
                let length = text[at..].find(|letter| !in_word(letter)).unwrap_or(text.len() - at);
                let word = &text[at..at + length];
                if !typedef && !word.starts_with("__attribute") {
                    return end;
                }
                at += length - 1;
            }
            '*' | ',' if typedef => {}
            _ => return end,
        }
        at += letter.len_utf8();
        if depth == 0 {
            end = at;
        }
        at = after_blanks(text, at);
    }
    end
}

/// The offset of what follows white space and comments.
pub(super) fn after_blanks(text: &str, mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n', '\x0b', '\x0c']);
        at += rest.len() - trimmed.len();
        at += match trimmed.as_bytes() {
            [b'/', b'/', ..] => trimmed.find('\n').unwrap_or(trimmed.len()),
            [b'/', b'*', ..] => trimmed[2..].find("*/").map_or(trimmed.len(), |end| end + 4),
            _ => return at,
        };
    }
}

/// Calls `found` with the beginning and end of each comment in a stretch that has nothing but blanks besides.
pub(crate) fn comments_between(
    text: &str,
    (mut at, end): (usize, usize),
    mut found: impl FnMut(usize, usize),
) {
    while at < end {
        let rest = &text[at..end];
        let length = match rest.as_bytes() {
            [b'/', b'/', ..] => rest.find('\n').unwrap_or(rest.len()),
            [b'/', b'*', ..] => rest[2..].find("*/").map_or(rest.len(), |close| close + 4),
            _ => 0,
        };
        if length > 0 {
            found(at, at + length);
        }
        at += length.max(rest.chars().next().map_or(1, char::len_utf8));
    }
}
