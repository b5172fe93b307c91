//! Which function, or function that was inlined in one, code belongs to.

/// Stretches of code, each within one that begins before it, or within none.
#[derive(Debug, Default)]
pub(super) struct Blocks(Vec<Block>);

#[derive(Debug)]
struct Block {
    from: u64,
    to: u64,
    /// The one that it is within.
    around: Option<u32>,
}

impl Blocks {
    pub(super) fn add(&mut self, from: u64, to: u64) {
        self.0.push(Block { from, to, around: None });
    }

    /// Makes them ready to be looked at, once all are there.
    pub(super) fn sort(&mut self) {
        // Of several that begin together the longest is around the others, and of equal ones that which was added first.
        self.0.sort_by_key(|block| (block.from, std::cmp::Reverse(block.to)));
        let mut open: Vec<u32> = Vec::new();
        for number in 0..self.0.len() {
            let from = self.0[number].from;
            while open.last().is_some_and(|last| self.0[*last as usize].to <= from) {
                open.pop();
            }
            self.0[number].around = open.last().copied();
            open.push(number as u32);
        }
    }

    /// The number of the innermost that has code at this address.
    pub(super) fn at(&self, address: u64) -> Option<u32> {
        let after = self.0.partition_point(|block| block.from <= address);
        let mut number = u32::try_from(after.checked_sub(1)?).ok()?;
        loop {
            let block = &self.0[number as usize];
            if address < block.to {
                return Some(number);
            }
            number = block.around?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_is_found() {
        let mut blocks = Blocks::default();
        for (from, to) in [(100, 120), (0, 50), (10, 20), (10, 15), (30, 40), (10, 15)] {
            blocks.add(from, to);
        }
        blocks.sort();
        let size = |address| {
            let block = &blocks.0[blocks.at(address)? as usize];
            Some((block.from, block.to))
        };
        assert_eq!(size(5), Some((0, 50)));
        assert_eq!(size(12), Some((10, 15)));
        assert_eq!(blocks.at(12), Some(3), "the last of equal ones is within the first");
        assert_eq!(size(17), Some((10, 20)));
        assert_eq!(size(45), Some((0, 50)));
        assert_eq!(size(119), Some((100, 120)));
        assert_eq!((size(60), size(120)), (None, None));
    }
}
