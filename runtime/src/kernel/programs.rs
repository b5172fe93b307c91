//! BPF programs that are loaded, whoever loaded them.

use libbpf_rs::ProgramType;
use libbpf_rs::libbpf_sys::{btf, btf__free, btf__load_from_kernel_by_id, btf__raw_data};
use libbpf_rs::query::{ProgInfoIter, ProgInfoQueryOptions};

/// A program that is loaded and describes its types.
#[derive(Debug, Clone)]
pub struct LoadedProgram {
    /// Its number.
    pub id: u32,
    /// Its types.
    pub types: Vec<u8>,
    /// Numbers of its functions among its types; the first is where it begins.
    pub functions: Vec<u32>,
}

/// The programs that others can be attached to: not those that are themselves attached by type, and only those that
/// describe their types.
pub fn loaded_programs() -> Vec<LoadedProgram> {
    let options = ProgInfoQueryOptions::default().include_func_info(true);
    let programs = ProgInfoIter::with_query_opts(options);
    let described =
        programs.filter(|program| program.ty != ProgramType::Tracing && program.btf_id != 0);
    let loaded = described.filter_map(|program| {
        let functions = program.func_info.iter().map(|info| info.type_id).collect();
        Some(LoadedProgram { id: program.id, types: types(program.btf_id)?, functions })
    });
    loaded.collect()
}

/// The bytes of a BTF blob that is loaded.
fn types(id: u32) -> Option<Vec<u8>> {
    // SAFETY: the call takes a number, and gives an object of ours or null.
    let object: *mut btf = unsafe { btf__load_from_kernel_by_id(id) };
    if object.is_null() {
        return None;
    }
    let mut size = 0;
    // SAFETY: the object lives until it is freed below, after its bytes were copied; they are as many as it says.
    unsafe {
        let data = btf__raw_data(object, &raw mut size);
        let data = (!data.is_null())
            .then(|| std::slice::from_raw_parts(data.cast::<u8>(), size as usize).to_vec());
        btf__free(object);
        data
    }
}
