//! What the bits of the kernel's allocation flags (`gfp_t`) are called. Their numbers differ between kernels: newer ones
//! describe them as an enum, older ones have them in a header alone.

use super::{Types, catalog};
use crate::host::{Host, Version};

/// The bits of kernels that do not describe them, from the lowest.
const BITS: [&str; 28] = [
    "DMA",
    "HIGHMEM",
    "DMA32",
    "MOVABLE",
    "RECLAIMABLE",
    "HIGH",
    "IO",
    "FS",
    "ZERO",
    "ATOMIC",
    "DIRECT_RECLAIM",
    "KSWAPD_RECLAIM",
    "WRITE",
    "NOWARN",
    "RETRY_MAYFAIL",
    "NOFAIL",
    "NORETRY",
    "MEMALLOC",
    "COMP",
    "NOMEMALLOC",
    "HARDWALL",
    "THISNODE",
    "ACCOUNT",
    "ZEROTAGS",
    "SKIP_ZERO",
    "SKIP_KASAN_UNPOISON",
    "SKIP_KASAN_POISON",
    "NOLOCKDEP",
];
/// Bits that only newer kernels have.
const NEW_BITS: [&str; 2] = ["NO_OBJ_EXT", "SKIP_KASAN"];
/// The first kernel without `__GFP_ATOMIC`.
const NO_ATOMIC: Version = (6, 3, 0);
/// The first kernel whose `GFP_NOWAIT` does not warn.
const SILENT_NOWAIT: Version = (6, 7, 0);

/// Names for several bits together, each by what it is made of; the first that fits counts, so larger ones are first.
const ALIASES: [(&str, &str); 13] = [
    ("GFP_TRANSHUGE", "HARDWALL IO FS HIGHMEM MOVABLE COMP NOMEMALLOC NOWARN DIRECT_RECLAIM"),
    ("GFP_TRANSHUGE_LIGHT", "HARDWALL IO FS HIGHMEM MOVABLE COMP NOMEMALLOC NOWARN"),
    ("GFP_HIGHUSER_MOVABLE", "DIRECT_RECLAIM KSWAPD_RECLAIM IO FS HARDWALL HIGHMEM MOVABLE"),
    ("GFP_HIGHUSER", "DIRECT_RECLAIM KSWAPD_RECLAIM IO FS HARDWALL HIGHMEM"),
    ("GFP_USER", "DIRECT_RECLAIM KSWAPD_RECLAIM IO FS HARDWALL"),
    ("GFP_KERNEL_ACCOUNT", "DIRECT_RECLAIM KSWAPD_RECLAIM IO FS ACCOUNT"),
    ("GFP_KERNEL", "DIRECT_RECLAIM KSWAPD_RECLAIM IO FS"),
    ("GFP_NOFS", "DIRECT_RECLAIM KSWAPD_RECLAIM IO"),
    ("GFP_ATOMIC", "HIGH ATOMIC KSWAPD_RECLAIM"),
    ("GFP_NOIO", "DIRECT_RECLAIM KSWAPD_RECLAIM"),
    ("GFP_NOWAIT", "KSWAPD_RECLAIM NOWARN"),
    ("GFP_DMA", "DMA"),
    ("GFP_DMA32", "DMA32"),
];

/// Bits and their names, in the order in which they are looked for.
pub fn flags(types: &mut Types, host: &dyn Host) -> Vec<(u64, String)> {
    let bits = bits(types, host);
    let value = |name: &str| bits.iter().find(|(known, _)| *known == name).map(|(_, bit)| *bit);
    let is_silent = host.version() >= SILENT_NOWAIT;
    let made_of = |alias: &str, parts: &str| -> Option<u64> {
        parts
            .split(' ')
            // What a kernel does not have is no part of it.
            .filter(|part| !(*part == "ATOMIC" && value(part).is_none()))
            .filter(|part| !(alias == "GFP_NOWAIT" && *part == "NOWARN" && !is_silent))
            .map(value)
            .sum()
    };
    let aliases = ALIASES
        .iter()
        .filter_map(|(alias, parts)| Some((made_of(alias, parts)?, (*alias).to_owned())));
    let single = bits.iter().map(|(name, bit)| (*bit, format!("__GFP_{name}")));
    aliases.chain(single).collect()
}

fn bits(types: &mut Types, host: &dyn Host) -> Vec<(&'static str, u64)> {
    let described = |types: &mut Types, name: &str| {
        let (_, number) = catalog::constant(types, host, &format!("___GFP_{name}_BIT"))?;
        1u64.checked_shl(u32::try_from(number).ok()?)
    };
    if described(types, BITS[0]).is_some() {
        let known = BITS.into_iter().chain(NEW_BITS);
        return known.filter_map(|name| Some((name, described(types, name)?))).collect();
    }
    let numbered = BITS.into_iter().zip(0..).map(|(name, number)| (name, 1 << number));
    numbered.filter(|(name, _)| *name != "ATOMIC" || host.version() < NO_ATOMIC).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::Fixture;

    #[test]
    fn names_of_several_bits_are_first() {
        let known = flags(&mut Types::new(), &Fixture::new());
        let name =
            |bits: u64| known.iter().find(|(known, _)| *known == bits).map(|(_, name)| &name[..]);
        assert_eq!(name(0xcc0), Some("GFP_KERNEL"));
        assert_eq!(name(0x1), Some("GFP_DMA"));
        assert_eq!(name(0x100), Some("__GFP_ZERO"));
        assert_eq!(name(0x400cc0), Some("GFP_KERNEL_ACCOUNT"));
    }
}
