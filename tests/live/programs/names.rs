//! A function in a module.

mod store {
    #[inline(never)]
    pub fn look_up(key: u64) -> u64 {
        std::hint::black_box(key) + 1
    }
}

fn main() {
    let found: u64 = (0..4).map(store::look_up).sum();
    assert_eq!(found, 10);
}
