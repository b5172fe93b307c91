//! One value per CPU becomes one value.

use ebtrace_image::{Aggregate, Fold, SERIES_WORDS, Shape, Slot, Storage};

use crate::decode::word;

/// Merges the values that the CPUs keep of one element; `cpus` holds them one after the other, each `stride` bytes.
/// The result has the layout of one CPU's value: the scalar's flag, where there is one, and the merged words.
pub(super) fn merge(map: &ebtrace_image::Map, cpus: &[u8], stride: usize) -> Vec<u8> {
    let size = map.value_size as usize;
    let mut merged = vec![0; size];
    if stride == 0 {
        return merged;
    }
    if map.storage == Storage::PerCpuArray {
        let assigned = cpus.chunks_exact(stride).any(|cpu| word(cpu, 0) != 0);
        put(&mut merged, 0, u64::from(assigned));
    }
    let Slot { offset, shape: Shape::Aggregate(aggregate) } = &map.value else {
        // Plain values in a per-CPU map: the compiler makes none, so the first CPU's is as good as any.
        let plain = cpus.len().min(size);
        merged[..plain].copy_from_slice(&cpus[..plain]);
        return merged;
    };
    let offset = *offset as usize;
    let mut words = vec![0; aggregate.words() as usize];
    for cpu in cpus.chunks_exact(stride) {
        add(aggregate, &mut words, cpu.get(offset..).unwrap_or_default());
    }
    for (index, word) in words.into_iter().enumerate() {
        put(&mut merged, offset + index * 8, word);
    }
    merged
}

fn put(bytes: &mut [u8], at: usize, value: u64) {
    if let Some(place) = bytes.get_mut(at..at + 8) {
        place.copy_from_slice(&value.to_ne_bytes());
    }
}

/// Adds the words of one CPU to those of the others.
fn add(aggregate: &Aggregate, words: &mut [u64], cpu: &[u8]) {
    match aggregate {
        Aggregate::Count
        | Aggregate::Sum { .. }
        | Aggregate::Avg { .. }
        | Aggregate::Stats { .. }
        | Aggregate::Hist { .. }
        | Aggregate::Lhist { .. } => {
            for (index, total) in words.iter_mut().enumerate() {
                *total = total.wrapping_add(word(cpu, index));
            }
        }
        Aggregate::Series { fold, signed, .. } => {
            let intervals = words.chunks_exact_mut(SERIES_WORDS as usize);
            for (index, interval) in intervals.enumerate() {
                let at = index * SERIES_WORDS as usize;
                let other = [word(cpu, at), word(cpu, at + 1), word(cpu, at + 2)];
                add_interval(*fold, *signed, interval, other);
            }
        }
        Aggregate::Min { signed } => keep_if(words, cpu, |new, old| less(new, old, *signed)),
        Aggregate::Max { signed } => keep_if(words, cpu, |new, old| less(old, new, *signed)),
    }
}

/// Of two intervals in one place the later stays; those of the same time are put together.
fn add_interval(fold: Fold, signed: bool, ours: &mut [u64], other: [u64; SERIES_WORDS as usize]) {
    let [value, many, epoch] = ours else { return };
    let [other_value, other_many, other_epoch] = other;
    if other_many == 0 || (*many != 0 && other_epoch < *epoch) {
        return;
    }
    if *many == 0 || other_epoch > *epoch {
        (*value, *many, *epoch) = (other_value, other_many, other_epoch);
        return;
    }
    let takes_other = match fold {
        Fold::Last => other_many > *many,
        Fold::Min => less(other_value, *value, signed),
        Fold::Max => less(*value, other_value, signed),
        Fold::Avg | Fold::Sum => {
            *value = value.wrapping_add(other_value);
            false
        }
    };
    if takes_other {
        *value = other_value;
    }
    *many = match fold {
        Fold::Last => other_many.max(*many),
        _ => many.wrapping_add(other_many),
    };
}

fn keep_if(words: &mut [u64], cpu: &[u8], better: impl Fn(u64, u64) -> bool) {
    let [value, set] = words else { return };
    let (new, new_set) = (word(cpu, 0), word(cpu, 1));
    if new_set != 0 && (*set == 0 || better(new, *value)) {
        (*value, *set) = (new, 1);
    }
}

fn less(left: u64, right: u64, signed: bool) -> bool {
    if signed { (left as i64) < (right as i64) } else { left < right }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(aggregate: Aggregate, cpus: &[&[i64]]) -> Vec<i64> {
        let words = aggregate.words();
        let map = ebtrace_image::Map {
            name: "@".to_owned(),
            symbol: "AT_".to_owned(),
            storage: Storage::PerCpuHash,
            key: None,
            value: Slot { offset: 0, shape: Shape::Aggregate(aggregate) },
            value_size: words * 8,
            side_by_side: false,
            max_entries: 1,
            declared: false,
            names: None,
        };
        let bytes: Vec<u8> =
            cpus.iter().flat_map(|cpu| cpu.iter().flat_map(|word| word.to_ne_bytes())).collect();
        let merged = merge(&map, &bytes, words as usize * 8);
        merged.chunks_exact(8).map(|chunk| word(chunk, 0) as i64).collect()
    }

    #[test]
    fn counts_add_up() {
        assert_eq!(merged(Aggregate::Count, &[&[2], &[3]]), [5]);
        assert_eq!(merged(Aggregate::Avg { signed: true }, &[&[-7, 1], &[2, 1]]), [-5, 2]);
    }

    #[test]
    fn an_unset_cpu_has_no_minimum() {
        assert_eq!(merged(Aggregate::Min { signed: true }, &[&[0, 0], &[5, 1], &[7, 1]]), [5, 1]);
        assert_eq!(merged(Aggregate::Min { signed: true }, &[&[-3, 1], &[5, 1]]), [-3, 1]);
        assert_eq!(merged(Aggregate::Min { signed: false }, &[&[-3, 1], &[5, 1]]), [5, 1]);
        assert_eq!(merged(Aggregate::Max { signed: true }, &[&[-9, 1], &[0, 0]]), [-9, 1]);
        assert_eq!(merged(Aggregate::Max { signed: true }, &[&[0, 0], &[0, 0]]), [0, 0]);
    }

    #[test]
    fn intervals_of_one_time_are_put_together() {
        let series = |fold| Aggregate::Series { interval: 1, count: 2, fold, signed: true };
        let here: &[i64] = &[-5, 2, 100, 7, 1, 99];
        let there: &[i64] = &[4, 3, 100, 9, 1, 101];
        let both = |fold| merged(series(fold), &[here, there]);
        assert_eq!(both(Fold::Sum), [-1, 5, 100, 9, 1, 101]);
        assert_eq!(both(Fold::Avg), [-1, 5, 100, 9, 1, 101]);
        assert_eq!(both(Fold::Min), [-5, 5, 100, 9, 1, 101]);
        assert_eq!(both(Fold::Max), [4, 5, 100, 9, 1, 101]);
        assert_eq!(both(Fold::Last), [4, 3, 100, 9, 1, 101]);
        assert_eq!(merged(series(Fold::Min), &[&[0; 6], here]), here);
        assert_eq!(merged(series(Fold::Last), &[there, &[0; 6]]), there);
    }

    #[test]
    fn a_scalar_is_assigned_when_one_cpu_did_it() {
        let map = ebtrace_image::Map {
            name: "@".to_owned(),
            symbol: "AT_".to_owned(),
            storage: Storage::PerCpuArray,
            key: None,
            value: Slot { offset: 8, shape: Shape::Aggregate(Aggregate::Count) },
            value_size: 16,
            side_by_side: false,
            max_entries: 1,
            declared: false,
            names: None,
        };
        let bytes: Vec<u8> = [0u64, 0, 1, 4].iter().flat_map(|word| word.to_ne_bytes()).collect();
        let merged = merge(&map, &bytes, 16);
        assert_eq!((word(&merged, 0), word(&merged, 1)), (1, 4));
    }
}
