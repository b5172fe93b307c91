//! Names with `*`, which stands for any letters.

use super::Part;

/// What a part of an attach point names.
#[derive(Debug)]
pub(super) enum Pattern {
    /// One thing.
    Name(String),
    /// All whose names match.
    Glob(glob::Pattern),
}

impl Pattern {
    /// Of a part: between quotes a `*` is a letter like others.
    pub(super) fn of(part: &Part) -> Pattern {
        match glob::Pattern::new(&part.text) {
            Ok(glob) if part.is_pattern() => Pattern::Glob(glob),
            _ => Pattern::Name(part.text.clone()),
        }
    }

    /// Of a text in which `*` alone has a meaning, and other letters than that stand for themselves.
    pub(super) fn with_stars(text: &str) -> Pattern {
        let between: Vec<String> = text.split('*').map(glob::Pattern::escape).collect();
        glob::Pattern::new(&between.join("*")).map_or(Pattern::Name(text.to_owned()), Pattern::Glob)
    }

    /// Whether it stands for many.
    pub(super) fn is_glob(&self) -> bool {
        matches!(self, Pattern::Glob(_))
    }

    /// Whether it names this.
    pub(super) fn matches(&self, name: &str) -> bool {
        match self {
            Pattern::Name(own) => own == name,
            Pattern::Glob(glob) => glob.matches(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    fn part(text: &str, quoted: bool) -> Part {
        Part { text: text.to_owned(), quoted, span: Span::default() }
    }

    #[test]
    fn a_star_stands_for_any_letters() {
        let glob = Pattern::of(&part("vfs_*d", false));
        assert!(glob.is_glob() && glob.matches("vfs_read") && glob.matches("vfs_d"));
        assert!(!glob.matches("vfs_write") && !glob.matches("xvfs_read"));
        let all = Pattern::of(&part("*", false));
        assert!(all.matches("") && all.matches("x"));
        let letter = Pattern::of(&part("vfs_[rw]*", false));
        assert!(letter.matches("vfs_read") && !letter.matches("vfs_open"));
        assert!(!Pattern::of(&part("operator[", false)).is_glob());
        assert!(!Pattern::of(&part("f*", true)).is_glob());
    }
}
