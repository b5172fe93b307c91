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
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate.len().abs_diff(name.len()) > limit {
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
    }
}
