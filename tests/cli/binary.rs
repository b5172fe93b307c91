//! What the file itself asks of the machine that starts it.

use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::{Dyn as _, FileHeader as _};
use object::{Endianness, Object as _, ObjectSection as _, SectionIndex};

use super::EBTRACE;

type Header = FileHeader64<Endianness>;

#[test]
fn glibc_is_all_that_it_needs() {
    let file = std::fs::read(EBTRACE).unwrap();
    let header = Header::parse(&*file).unwrap();
    let endian = header.endian().unwrap();
    let sections = header.sections(endian, &*file).unwrap();
    let (entries, names) = sections.dynamic(endian, &*file).unwrap().unwrap();
    let names = sections.strings(endian, &*file, SectionIndex(names.0)).unwrap();
    let needed = entries.iter().filter(|entry| entry.tag(endian) == DT_NEEDED);
    for entry in needed {
        let offset = entry.val(endian).try_into().unwrap();
        let name = std::str::from_utf8(names.get(offset).unwrap()).unwrap();
        let of_glibc = ["libc.so.", "libm.so.", "ld-linux"];
        assert!(of_glibc.iter().any(|begin| name.starts_with(begin)), "{name} is needed");
    }
}

#[test]
fn llvm_is_not_started_before_main() {
    let file = std::fs::read(EBTRACE).unwrap();
    let file = object::File::parse(&*file).unwrap();
    let size = |name| file.section_by_name(name).unwrap().size();
    assert!(size(".llvm_init") > 10 * size(".init_array"));
}
