//! The names of all probes of a type: tens of thousands, in one text.

/// Names of probes without their type.
#[derive(Debug, Default)]
pub struct AllNames {
    text: String,
    all: Vec<Place>,
}

/// Where in the text a name is, and its forms. A text of the kernel's names is far from 4 GiB.
#[derive(Debug, Clone, Copy)]
struct Place {
    begin: u32,
    short: u32,
    found_by: u32,
    end: u32,
}

/// The name of a probe without its type.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a> {
    /// The longest form, as [`super::List::about`] wants it, and as it is shown to those who search for it.
    pub whole: &'a str,
    /// What is otherwise shown.
    short: &'a str,
    /// What it is also found by where its type is named.
    found_by: &'a str,
}

impl AllNames {
    /// Adds a name that has one form.
    pub(crate) fn add(&mut self, parts: &[&str]) {
        let begin = self.write(parts);
        self.keep(begin, begin, begin);
    }

    /// Adds that of something in a module, which is shown with it but found without.
    pub(super) fn add_within(&mut self, module: &str, name: &str) {
        let begin = self.write(&[module, ":", name]);
        self.keep(begin, begin, begin + module.len() + 1);
    }

    /// Adds that of something in a module, which is shown with it only to those who search for it so.
    pub(super) fn add_of(&mut self, module: &str, name: &str) {
        let begin = self.write(&[module, ":", name]);
        self.keep(begin, begin + module.len() + 1, begin + module.len() + 1);
    }

    fn write(&mut self, parts: &[&str]) -> usize {
        let begin = self.text.len();
        parts.iter().for_each(|part| self.text.push_str(part));
        begin
    }

    fn keep(&mut self, begin: usize, short: usize, found_by: usize) {
        let [begin, short, found_by, end] =
            [begin, short, found_by, self.text.len()].map(|at| u32::try_from(at).unwrap_or(0));
        self.all.push(Place { begin, short, found_by, end });
    }

    /// All of them, in the order in which they were added.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Name<'_>> {
        self.all.iter().map(|place| {
            let from =
                |begin| self.text.get(begin as usize..place.end as usize).unwrap_or_default();
            let [whole, short, found_by] = [place.begin, place.short, place.found_by].map(from);
            Name { whole, short, found_by }
        })
    }
}

impl<S: AsRef<str>> FromIterator<S> for AllNames {
    fn from_iter<T: IntoIterator<Item = S>>(all: T) -> Self {
        let mut names = AllNames::default();
        all.into_iter().for_each(|name| names.add(&[name.as_ref()]));
        names
    }
}

impl<'a> Name<'a> {
    /// The name as it is shown to those who search for what a pattern matches; `named` if they name its type. `None` if
    /// they do not mean it.
    pub(crate) fn shown(&self, pattern: impl Fn(&str) -> bool, named: bool) -> Option<&'a str> {
        if pattern(self.short) || (named && pattern(self.found_by)) {
            return Some(self.short);
        }
        (self.short.len() < self.whole.len() && pattern(self.whole)).then_some(self.whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(names: &AllNames, pattern: &str, named: bool) -> Vec<String> {
        let pattern = super::super::pattern_with_stars(pattern);
        names.iter().filter_map(|name| name.shown(&pattern, named).map(str::to_owned)).collect()
    }

    #[test]
    fn names_are_found_in_their_forms() {
        let mut names = AllNames::default();
        names.add(&["sched", ":", "sched_switch"]);
        names.add_within("ext4", "ext4_sync");
        names.add_of("vmlinux", "vfs_read");
        assert_eq!(shown(&names, "*", false), ["sched:sched_switch", "ext4:ext4_sync", "vfs_read"]);
        assert_eq!(shown(&names, "vmlinux:*", false), ["vmlinux:vfs_read"]);
        assert_eq!(shown(&names, "ext4_*", false), [""; 0]);
        assert_eq!(shown(&names, "ext4_*", true), ["ext4:ext4_sync"]);
    }
}
