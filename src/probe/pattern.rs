//! Names with `*`, which stands for any letters.

use super::Part;

/// What a part of an attach point names.
#[derive(Debug)]
pub(super) enum Pattern {
    /// One thing.
    Name(String),
    /// All whose names match.
    Glob(Glob),
}

/// What names look like.
#[derive(Debug)]
pub(super) enum Glob {
    /// These letters with any between them. Tens of thousands of names are compared with such a pattern.
    Stars {
        /// What they begin with, with what comes between in its order, and with what they end.
        begin: String,
        between: Vec<String>,
        end: String,
    },
    /// With classes of letters.
    Classes(glob::Pattern),
}

impl Pattern {
    /// Of a part: between quotes a `*` is a letter like others.
    pub(super) fn of(part: &Part) -> Pattern {
        if !part.is_pattern() {
            return Pattern::Name(part.text.clone());
        }
        if !part.text.contains(['?', '[']) {
            return Pattern::with_stars(&part.text);
        }
        let classes = glob::Pattern::new(&part.text).map(Glob::Classes);
        classes.map_or_else(|_| Pattern::Name(part.text.clone()), Pattern::Glob)
    }

    /// Of a text in which `*` alone has a meaning, and other letters than that stand for themselves.
    pub(super) fn with_stars(text: &str) -> Pattern {
        let (Some((begin, rest)), Some((_, end))) = (text.split_once('*'), text.rsplit_once('*'))
        else {
            return Pattern::Name(text.to_owned());
        };
        let between = rest.strip_suffix(end).unwrap_or_default().split('*');
        let between = between.filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Pattern::Glob(Glob::Stars { begin: begin.to_owned(), between, end: end.to_owned() })
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

impl Glob {
    /// Whether a name looks like that.
    pub(super) fn matches(&self, name: &str) -> bool {
        let (begin, between, end) = match self {
            Glob::Stars { begin, between, end } => (begin, between, end),
            Glob::Classes(pattern) => return pattern.matches(name),
        };
        let inner = name.strip_prefix(begin.as_str()).and_then(|rest| rest.strip_suffix(end));
        let rest = inner.and_then(|inner| {
            between.iter().try_fold(inner.as_bytes(), |rest, part| {
                let at = memchr::memmem::find(rest, part.as_bytes())?;
                rest.get(at + part.len()..)
            })
        });
        rest.is_some()
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

    #[test]
    fn what_stands_between_stars_comes_in_its_order() {
        let glob = Pattern::with_stars("a*bc**d*a");
        assert!(glob.matches("abcda") && glob.matches("a_bbc_cd_a") && glob.matches("abcbcdaa"));
        for other in ["a", "abca", "adbca", "abcd", "abcdab", "xabcda"] {
            assert!(!glob.matches(other), "{other}");
        }
        assert!(!Pattern::with_stars("ab*bc").matches("abc"));
        let class = Pattern::with_stars("[a]*");
        assert!(class.matches("[a]b") && !class.matches("ab"));
    }
}
