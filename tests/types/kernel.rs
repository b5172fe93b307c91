//! Types from BTF: those of the fixture by name, and all of the running kernel where it shows them.

use std::rc::Rc;

use ebtrace::host::btf::{Btf, Named};
use ebtrace::host::{Feature, Host, fixture::Fixture};
use ebtrace::syntax::ast::Tag;
use ebtrace::types::catalog::{
    complete, constant, definition, fields, find_field, functions, resolve_name, similar,
};
use ebtrace::types::{Access, StructId, Type, TypeId, Types};

fn structure(types: &mut Types, host: &dyn Host, name: &str) -> StructId {
    let ty = resolve_name(types, host, Some(Tag::Struct), name).unwrap();
    let Type::Struct(id) = *types.get(ty) else { panic!("{name} is no struct") };
    id
}

/// `offset type` of a field; `offset:from+width type` of a bit field.
fn field(types: &mut Types, host: &dyn Host, of: &str, name: &str) -> String {
    let id = structure(types, host, of);
    let field = find_field(types, host, id, name).unwrap();
    let ty = types.name(field.ty);
    match field.access {
        Access::Bits { from, width, .. } => format!("{}:{from}+{width} {ty}", field.offset),
        _ => format!("{} {ty}", field.offset),
    }
}

#[test]
fn fields_have_their_offsets_and_types() {
    let (mut types, host) = (Types::new(), Fixture::new());
    for (of, name, expected) in [
        ("task_struct", "pid", "48 int32"),
        ("task_struct", "comm", "96 int8[16]"),
        ("task_struct", "parent", "64 struct task_struct *"),
        ("task_struct", "children", "72 struct list_head"),
        ("task_struct", "in_execve", "112 bool"),
        ("task_struct", "sched_migrated", "36:1+1 uint32"),
        ("task_struct", "sched_class_bits", "36:2+5 uint32"),
        ("task_struct", "stack", "24 void *"),
        ("mm_struct", "mm_users", "0 atomic_t"),
        ("mm_struct", "context", "24 struct mm_context *"),
        // In anonymous structs and unions.
        ("qstr", "len", "4 uint32"),
        ("qstr", "hash_len", "0 uint64"),
        ("sock_common", "skc_rcv_saddr", "4 uint32"),
        ("sock_common", "skc_reuseport", "13:4+1 uint8"),
        ("matrix", "cells", "0 int32[3][4]"),
        ("old_bits", "second", "0:3+3 uint32"),
        ("packed_pair", "value", "1 uint64"),
        ("measure", "value", "0 double"),
        ("file_operations", "read", "0 function *"),
    ] {
        assert_eq!(field(&mut types, &host, of, name), expected, "{of}.{name}");
    }
}

#[test]
fn sizes_and_alignments_are_those_of_c() {
    let (mut types, host) = (Types::new(), Fixture::new());
    for (name, size, align) in [
        ("task_struct", 176, 8),
        ("sock_common", 16, 8),
        ("matrix", 48, 4),
        ("packed_pair", 9, 1),
        ("measure", 16, 8),
    ] {
        let id = structure(&mut types, &host, name);
        let record = types.record(id);
        assert_eq!((record.size, record.align), (size, align), "{name}");
        assert_eq!(record.fields, None, "{name} is not read before it is asked for");
    }
}

#[test]
fn pointers_tell_which_memory_they_point_into() {
    let (mut types, host) = (Types::new(), Fixture::new());
    let mut space = |of: &str, name: &str| {
        let id = structure(&mut types, &host, of);
        let ty = find_field(&mut types, &host, id, name).unwrap().ty;
        match types.get(ty) {
            Type::Pointer { space, .. } => format!("{space:?}"),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(space("iovec", "iov_base"), "User");
    assert_eq!(space("task_struct", "mm"), "Kernel");
}

#[test]
fn names_without_a_tag_are_typedefs_and_numbers() {
    let (mut types, host) = (Types::new(), Fixture::new());
    let mut name = |name: &str| {
        resolve_name(&mut types, &host, None, name).map(|ty| types.name(ty).to_string())
    };
    assert_eq!(name("pid_t").as_deref(), Some("int32"));
    assert_eq!(name("atomic_t").as_deref(), Some("atomic_t"));
    assert_eq!(name("size_t").as_deref(), Some("uint64"));
    assert_eq!(name("char").as_deref(), Some("int8"));
    assert_eq!(name("task_struct"), None);
    let bare = Fixture::new().without(Feature::Btf);
    assert_eq!(resolve_name(&mut Types::new(), &bare, None, "u32"), Some(TypeId::U32));
    assert_eq!(resolve_name(&mut Types::new(), &bare, Some(Tag::Struct), "file"), None);
}

#[test]
fn constants_belong_to_enums() {
    let (mut types, host) = (Types::new(), Fixture::new());
    let mut find = |name: &str| {
        let (ty, number) = constant(&mut types, &host, name)?;
        Some(format!("{} = {number}, {} bytes", types.name(ty), types.size(ty)))
    };
    assert_eq!(find("PIDTYPE_PGID").as_deref(), Some("enum pid_type = 2, 8 bytes"));
    assert_eq!(find("TCP_CLOSE").as_deref(), Some("enum  = 7, 8 bytes"));
    assert_eq!(find("SIGN_MINUS").as_deref(), Some("enum sign = -1, 8 bytes"));
    assert_eq!(find("BIG_ALL").as_deref(), Some("enum big = 18446744073709551615, 8 bytes"));
    assert_eq!(find("EXT4_STATE_XATTR").as_deref(), Some("enum ext4_state = 2, 8 bytes"));
    assert_eq!(find("PIDTYPE"), None);
}

#[test]
fn modules_continue_the_kernel() {
    let (mut types, host) = (Types::new(), Fixture::new());
    assert_eq!(field(&mut types, &host, "ext4_inode_info", "vfs_inode"), "8 struct inode");
    let inode = structure(&mut types, &host, "inode");
    let info = structure(&mut types, &host, "ext4_inode_info");
    let within = find_field(&mut types, &host, info, "vfs_inode").unwrap();
    assert_eq!(*types.get(within.ty), Type::Struct(inode), "the same type from both");
}

#[test]
fn functions_have_prototypes() {
    let (mut types, host) = (Types::new(), Fixture::new());
    let found = functions(&mut types, &host, None, "vfs_read");
    let params = |types: &Types| {
        let one = |(name, ty): &(String, TypeId)| format!("{} {name}", types.name(*ty));
        found[0].params.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(params(&types), "struct file * file, int8 * buf, uint64 count, int64 * pos");
    assert_eq!((found.len(), found[0].result), (1, TypeId::I64));
    let found = functions(&mut types, &host, None, "ext4_sync_file");
    assert_eq!(found[0].module, "ext4");
    assert!(functions(&mut types, &host, Some("vmlinux"), "ext4_sync_file").is_empty());
}

#[test]
fn what_is_declared_only_stays_so() {
    let (mut types, host) = (Types::new(), Fixture::new());
    let opaque = types.intern(Type::Opaque("struct vfsmount".to_owned()));
    assert_eq!(definition(&mut types, &host, opaque), opaque);
    let opaque = types.intern(Type::Opaque("struct file".to_owned()));
    let found = definition(&mut types, &host, opaque);
    assert_eq!(types.name(found).to_string(), "struct file");
    assert!(matches!(types.get(found), Type::Struct(_)));
}

#[test]
fn near_names_are_offered() {
    let (types, host) = (Types::new(), Fixture::new());
    let near = |tag, name| similar(&types, &host, tag, name);
    assert_eq!(near(Some(Tag::Struct), "task_strct").as_deref(), Some("struct task_struct"));
    assert_eq!(near(None, "task_struct").as_deref(), Some("struct task_struct"));
    assert_eq!(near(Some(Tag::Struct), "pid_type").as_deref(), Some("enum pid_type"));
    assert_eq!(near(None, "unit32_t").as_deref(), Some("uint32_t"));
}

#[test]
fn a_damaged_blob_never_panics() {
    let host = Fixture::new();
    let whole = include_bytes!("kernel.rs");
    assert!(Btf::new("x", Box::new(whole.to_vec()), None).is_none());
    // Every type refers to itself.
    let words: [u32; 6] = [0, 8 << 24, 1, 0, 3 << 24, 0];
    let array: [u32; 3] = [2, 2, u32::MAX];
    let types: Vec<u8> = words.iter().chain(&array).flat_map(|word| word.to_ne_bytes()).collect();
    let header = [24, 0, types.len() as u32, types.len() as u32, 1];
    let mut blob = [&0xeb9fu16.to_ne_bytes()[..], &[1, 0]].concat();
    blob.extend(header.iter().flat_map(|word: &u32| word.to_ne_bytes()));
    blob.extend(types);
    blob.push(0);
    let btf = Btf::new("x", Box::new(blob), None).unwrap();
    let host = host.with_types(vec![Rc::new(btf)]);
    assert_eq!(resolve_name(&mut Types::new(), &host, Some(Tag::Struct), "x"), None);
}

/// The running kernel's types, if it has any.
fn running() -> Option<Fixture> {
    let bytes = std::fs::read("/sys/kernel/btf/vmlinux").ok()?;
    Some(Fixture::new().with_types(vec![Rc::new(Btf::new("vmlinux", Box::new(bytes), None)?)]))
}

#[test]
fn all_structs_of_the_running_kernel_fit_their_sizes() {
    let Some(host) = running() else { return };
    let mut types = Types::new();
    let btf = host.btf(0).unwrap();
    for name in btf.names(Named::Struct).step_by(16) {
        let id = structure(&mut types, &host, name);
        complete(&mut types, &host, id);
        let record = types.record(id).clone();
        assert!(record.align.is_power_of_two() && record.align <= 64, "{name}");
        for field in record.fields.unwrap() {
            let bytes = match field.access {
                Access::Bits { bytes, .. } => bytes.into(),
                _ => types.size(field.ty),
            };
            let end = field.offset + bytes;
            assert!(end <= record.size, "{name}.{} ends at {end} of {}", field.name, record.size);
        }
    }
    let task = structure(&mut types, &host, "task_struct");
    let names = fields(&mut types, &host, task);
    assert!(names.iter().any(|field| field.name == "comm"));
}
