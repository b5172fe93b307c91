//! Reads the kernel's description of its own types and functions (BTF).

/// `BTF_MAGIC`, in the byte order of the machine.
const MAGIC: u16 = 0xeb9f;
/// `BTF_KIND_FUNC`
const KIND_FUNC: u32 = 12;
/// Bytes of a type's common part: name, kind, size.
const TYPE_SIZE: usize = 12;

/// Whether a BTF blob describes a function of this name; `None` where the blob is damaged.
///
/// Names are stored once, so the name is looked for first, and then the function that refers to it: one pass over
/// each half of the blob, and no table is built.
pub fn has_function(blob: &[u8], name: &str) -> Option<bool> {
    if u16::from_ne_bytes(blob.get(..2)?.try_into().ok()?) != MAGIC {
        return None;
    }
    let header = word(blob, 4)? as usize;
    let section = |offset: usize, length: usize| {
        let start = header.checked_add(word(blob, offset)? as usize)?;
        blob.get(start..start.checked_add(word(blob, length)? as usize)?)
    };
    let (types, names) = (section(8, 12)?, section(16, 20)?);
    let wanted = [b"\0", name.as_bytes(), b"\0"].concat();
    let Some(found) = memchr::memmem::find(names, &wanted) else { return Some(false) };
    function_named(types, found as u32 + 1)
}

fn function_named(types: &[u8], name: u32) -> Option<bool> {
    let mut at = 0;
    while at < types.len() {
        let info = word(types, at + 4)?;
        let kind = info >> 24 & 0x1f;
        if kind == KIND_FUNC && word(types, at)? == name {
            return Some(true);
        }
        at += TYPE_SIZE + extra(kind, (info & 0xffff) as usize)?;
    }
    Some(false)
}

/// Bytes that follow the common part of a type of this kind with so many members.
fn extra(kind: u32, members: usize) -> Option<usize> {
    Some(match kind {
        // Integers, variables, declaration tags.
        1 | 14 | 17 => 4,
        // Arrays.
        3 => 12,
        // Structs, unions, data sections, 64-bit enums.
        4 | 5 | 15 | 19 => members * 12,
        // Enums, prototypes.
        6 | 13 => members * 8,
        // Pointers, forward declarations, typedefs, qualifiers, functions, floats, type tags.
        2 | 7..=12 | 16 | 18 => 0,
        _ => return None,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A blob with an integer named `vfs_read` and a function named `vfs_open`.
    fn blob() -> Vec<u8> {
        let names = b"\0vfs_read\0vfs_open\0";
        let words: [u32; 7] = [1, 1 << 24, 4, 32, 10, 12 << 24, 1];
        let types: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let header = [24, 0, types.len() as u32, types.len() as u32, names.len() as u32];
        let mut blob = [&MAGIC.to_ne_bytes()[..], &[1, 0]].concat();
        blob.extend(header.iter().flat_map(|word| word.to_ne_bytes()));
        blob.extend(types);
        blob.extend(names);
        blob
    }

    #[test]
    fn finds_functions_and_nothing_else() {
        assert_eq!(has_function(&blob(), "vfs_open"), Some(true));
        assert_eq!(has_function(&blob(), "vfs_read"), Some(false));
        assert_eq!(has_function(&blob(), "vfs"), Some(false));
    }

    #[test]
    fn a_damaged_blob_is_no_answer() {
        assert_eq!(has_function(b"", "x"), None);
        let whole = blob();
        for length in 0..whole.len() {
            let _ = has_function(&whole[..length], "vfs_open");
        }
        assert_eq!(has_function(&whole[..20], "vfs_open"), None);
    }
}
