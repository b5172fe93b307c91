//! Patterns in attach points: `vfs_*`.

/// What a part of an attach point wants of a name.
#[derive(Debug)]
pub(super) enum Pattern {
    /// This one.
    Exact(String),
    /// All that match.
    Glob(glob::Pattern),
}

impl Pattern {
    /// Reads a part of an attach point.
    pub(super) fn new(text: &str) -> Pattern {
        let is_glob = text.contains(['*', '?']) || (text.contains('[') && text.contains(']'));
        match glob::Pattern::new(text) {
            Ok(pattern) if is_glob => Pattern::Glob(pattern),
            _ => Pattern::Exact(text.to_owned()),
        }
    }

    /// Whether it can stand for several names.
    pub(super) fn is_glob(&self) -> bool {
        matches!(self, Pattern::Glob(_))
    }

    /// Whether it stands for this name.
    pub(super) fn matches(&self, name: &str) -> bool {
        match self {
            Pattern::Exact(wanted) => wanted == name,
            Pattern::Glob(pattern) => pattern.matches(name),
        }
    }
}
