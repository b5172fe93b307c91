//! The nearest of a set of names.

/// In shorter names every letter counts, so no guess is any good.
const SHORTEST: usize = 3;

/// The candidate nearest to `name` by Damerau–Levenshtein distance, letter case aside, if one is near enough to be
/// what was meant: a third of the length, at least one change and at most three.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let length = wanted.chars().count();
    if length < SHORTEST {
        return None;
    }
    let limit = (length / 3).clamp(1, 3);
    let letters = Letters::of(&wanted);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate.len().abs_diff(name.len()) > limit || letters.differ_by_more(candidate, limit)
        {
            continue;
        }
        let distance = strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase());
        let better = best.is_none_or(|(least, earlier)| (distance, candidate) < (least, earlier));
        if distance <= limit && better {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// How often each letter occurs in an ASCII name, letter case aside. A change of one letter makes a difference of one at
/// most, so that most of a hundred thousand names are known to be far off without a look at the order of their letters.
struct Letters(Option<[u8; 256]>);

impl Letters {
    fn of(name: &str) -> Letters {
        let mut counts = [0_u8; 256];
        name.bytes().for_each(|byte| {
            let count = &mut counts[usize::from(byte.to_ascii_lowercase())];
            *count = count.saturating_add(1);
        });
        Letters((name.is_ascii() && name.len() <= usize::from(u8::MAX)).then_some(counts))
    }

    /// Whether more than so many letters of another name are none of these.
    fn differ_by_more(&self, other: &str, limit: usize) -> bool {
        let Some(mut left) = self.0.filter(|_| other.is_ascii()) else { return false };
        let mut foreign = 0;
        for byte in other.bytes() {
            match &mut left[usize::from(byte.to_ascii_lowercase())] {
                0 => foreign += 1,
                count => *count -= 1,
            }
        }
        foreign > limit
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_slips_and_nothing_far() {
        let names = ["count", "comm", "cpu", "printf", "kprobe"];
        assert_eq!(nearest("cuont", names), Some("count"));
        assert_eq!(nearest("pritnf", names), Some("printf"));
        assert_eq!(nearest("KPROBE", names), Some("kprobe"));
        assert_eq!(nearest("tracepoint", names), None);
        assert_eq!(nearest("pu", names), None);
        assert_eq!(nearest("gr\u{fc}n", ["gr\u{fc}nn", "green"]), Some("gr\u{fc}nn"));
        assert_eq!(nearest("aabbcc", ["ccbbaa", "aabbc", "xxyyzz"]), Some("aabbc"));
    }
}
