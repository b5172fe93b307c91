//! From libclang's tree to a description of types and `#define`s.

#![allow(non_upper_case_globals, reason = "libclang names its constants its own way")]

use std::collections::HashMap;

use clang_sys::*;
use ebtrace::host::btf::encode::{Writer, bits};
use ebtrace::host::headers::Define;

use super::string;

/// How deep types may be nested; beyond that they are unknown.
const DEEPEST: u32 = 200;

/// What a unit declares.
pub(super) struct Converted {
    /// A blob of BTF.
    pub(super) types: Vec<u8>,
    pub(super) macros: Vec<Define>,
}

/// All types and macros of a unit.
pub(super) fn declarations(unit: CXTranslationUnit) -> Converted {
    let mut converter = Converter {
        unit,
        writer: Writer::new(),
        index: 0,
        known: HashMap::new(),
        depth: 0,
        macros: Vec::new(),
    };
    converter.index = converter.writer.int("unsigned int", 4, 0);
    // SAFETY: the unit is alive.
    let root = unsafe { clang_getTranslationUnitCursor(unit) };
    for cursor in children(root) {
        converter.declaration(cursor);
    }
    Converted { types: converter.writer.finish(), macros: converter.macros }
}

struct Converter {
    unit: CXTranslationUnit,
    writer: Writer,
    /// The type that elements of arrays are counted in.
    index: u32,
    /// Ids of what has a name or a body.
    known: HashMap<u32, Vec<(CXCursor, u32)>>,
    depth: u32,
    macros: Vec<Define>,
}

impl Converter {
    fn declaration(&mut self, cursor: CXCursor) {
        match cursor.kind {
            CXCursor_StructDecl | CXCursor_UnionDecl | CXCursor_EnumDecl | CXCursor_TypedefDecl => {
                // SAFETY: the cursor is one of the unit.
                self.ty(unsafe { clang_getCursorType(cursor) });
            }
            CXCursor_MacroDefinition => self.define(cursor),
            _ => {}
        }
    }

    fn define(&mut self, cursor: CXCursor) {
        // SAFETY: the cursor is one of the unit; the tokens are disposed of once.
        let (words, parameters) = unsafe {
            let own = clang_Location_isFromMainFile(clang_getCursorLocation(cursor)) != 0;
            if own || clang_Cursor_isMacroBuiltin(cursor) != 0 {
                return;
            }
            let (mut tokens, mut count) = (std::ptr::null_mut(), 0);
            clang_tokenize(
                self.unit,
                clang_getCursorExtent(cursor),
                &raw mut tokens,
                &raw mut count,
            );
            let words: Vec<String> = (0..count as usize)
                .map(|index| string(clang_getTokenSpelling(self.unit, *tokens.add(index))))
                .collect();
            clang_disposeTokens(self.unit, tokens, count);
            (words, clang_Cursor_isMacroFunctionLike(cursor) != 0)
        };
        let Some((name, body)) = words.split_first() else { return };
        // What a compiler defines by itself stands in no file, and is not meant for scripts.
        if name.is_empty() || words.iter().any(|word| word.contains('\n')) {
            return;
        }
        let text = if parameters { String::new() } else { body.join(" ") };
        self.macros.push(Define { name: name.clone(), text, parameters });
    }

    /// The id of a type; 0 is void.
    fn ty(&mut self, ty: CXType) -> u32 {
        if self.depth >= DEEPEST {
            return 0;
        }
        self.depth += 1;
        let id = self.shallow(ty);
        self.depth -= 1;
        id
    }

    fn shallow(&mut self, ty: CXType) -> u32 {
        // SAFETY: the type is one of the unit.
        unsafe {
            match ty.kind {
                CXType_Void | CXType_Invalid => 0,
                CXType_Bool => self.writer.int("_Bool", 1, 4),
                CXType_Char_S | CXType_SChar => self.writer.int("char", 1, 1),
                CXType_Char_U | CXType_UChar => self.number(ty, false),
                CXType_UShort | CXType_UInt | CXType_ULong | CXType_ULongLong | CXType_UInt128 => {
                    self.number(ty, false)
                }
                CXType_Short | CXType_Int | CXType_Long | CXType_LongLong | CXType_Int128
                | CXType_WChar => self.number(ty, true),
                CXType_Pointer => {
                    let to = self.ty(clang_getPointeeType(ty));
                    self.writer.pointer(to)
                }
                CXType_ConstantArray | CXType_IncompleteArray | CXType_VariableArray => {
                    let of = self.ty(clang_getArrayElementType(ty));
                    let len = u32::try_from(clang_getArraySize(ty)).unwrap_or(0);
                    self.writer.array(of, len, self.index)
                }
                CXType_FunctionProto | CXType_FunctionNoProto => self.writer.prototype(0, &[]),
                CXType_Elaborated => self.ty(clang_Type_getNamedType(ty)),
                CXType_Record => self.declared(ty, Converter::record),
                CXType_Enum => self.declared(ty, Converter::enumeration),
                CXType_Typedef => self.declared(ty, Converter::typedef),
                _ => self.other(ty),
            }
        }
    }

    fn number(&mut self, ty: CXType, signed: bool) -> u32 {
        let name = spelling(ty);
        self.writer.int(&name, size(ty), u32::from(signed))
    }

    /// What is neither: attributes around a type, fractions, vectors.
    fn other(&mut self, ty: CXType) -> u32 {
        // SAFETY: the type is one of the unit.
        let canonical = unsafe { clang_getCanonicalType(ty) };
        if canonical.kind != ty.kind && canonical.kind != CXType_Invalid {
            return self.ty(canonical);
        }
        self.writer.float(&spelling(ty), size(ty))
    }

    /// What is declared somewhere is made once.
    fn declared(&mut self, ty: CXType, make: fn(&mut Converter, CXCursor, CXType, u32)) -> u32 {
        // SAFETY: the type is one of the unit, and so are the cursors.
        let (cursor, hash) = unsafe {
            let declaration = clang_getCanonicalCursor(clang_getTypeDeclaration(ty));
            (declaration, clang_hashCursor(declaration))
        };
        let known = self.known.entry(hash).or_default();
        // SAFETY: both cursors are of the unit.
        let same =
            known.iter().find(|(other, _)| unsafe { clang_equalCursors(*other, cursor) } != 0);
        if let Some((_, id)) = same {
            return *id;
        }
        let id = self.writer.reserve();
        known.push((cursor, id));
        make(self, cursor, ty, id);
        self.writer.settle(id);
        id
    }

    fn typedef(&mut self, cursor: CXCursor, _: CXType, _: u32) {
        // SAFETY: the cursor is one of the unit.
        let of = self.ty(unsafe { clang_getTypedefDeclUnderlyingType(cursor) });
        self.writer.typedef(&name(cursor), of);
    }

    fn record(&mut self, cursor: CXCursor, ty: CXType, _: u32) {
        let union = cursor.kind == CXCursor_UnionDecl;
        // SAFETY: the cursor is one of the unit.
        let defined = unsafe { clang_Cursor_isNull(clang_getCursorDefinition(cursor)) } == 0;
        if !defined {
            self.writer.forward(&name(cursor), union);
            return;
        }
        let mut members = Vec::new();
        let mut narrow = false;
        for field in fields(ty) {
            // SAFETY: the cursor is one of the unit.
            let (of, offset, width) = unsafe {
                let width = match clang_Cursor_isBitField(field) {
                    0 => None,
                    _ => u32::try_from(clang_getFieldDeclBitWidth(field)).ok(),
                };
                (clang_getCursorType(field), clang_Cursor_getOffsetOfField(field), width)
            };
            let Ok(offset) = u32::try_from(offset) else { continue };
            let member = name(field);
            if member.is_empty() && width.is_some() {
                continue;
            }
            narrow |= width.is_some();
            let of = self.ty(of);
            members.push((member, of, offset, width));
        }
        // The encoding of bit fields has less room for offsets.
        let fits = |offset: u32| !narrow || offset < 1 << 24;
        let members: Vec<(&str, u32, u32)> = members
            .iter()
            .filter(|(_, _, offset, _)| fits(*offset))
            .map(|(name, of, offset, width)| match width {
                Some(width) => (name.as_str(), *of, bits(*offset, *width)),
                None => (name.as_str(), *of, *offset),
            })
            .collect();
        let (name, size) = (tag(cursor, ty), size(ty));
        match (union, narrow) {
            (false, false) => self.writer.structure(&name, size, &members),
            (false, true) => self.writer.with_bits(&name, size, &members),
            (true, false) => self.writer.union(&name, size, &members),
            (true, true) => self.writer.union_with_bits(&name, size, &members),
        };
    }

    fn enumeration(&mut self, cursor: CXCursor, ty: CXType, _: u32) {
        // SAFETY: the cursors are of the unit.
        let definition = unsafe { clang_getCursorDefinition(cursor) };
        let all: Vec<(String, i64)> = children(definition)
            .into_iter()
            .filter(|child| child.kind == CXCursor_EnumConstantDecl)
            .map(|child| (name(child), unsafe { clang_getEnumConstantDeclValue(child) }))
            .collect();
        let signed = all.iter().any(|(_, value)| *value < 0) && !self.is_unsigned(cursor);
        self.writer.numbers(&tag(cursor, ty), size(ty), signed, &all);
    }

    fn is_unsigned(&self, cursor: CXCursor) -> bool {
        // SAFETY: the cursor is one of the unit.
        let kind = unsafe { clang_getCanonicalType(clang_getEnumDeclIntegerType(cursor)) }.kind;
        matches!(kind, CXType_UInt | CXType_ULong | CXType_ULongLong | CXType_UChar | CXType_UShort)
    }
}

fn children(cursor: CXCursor) -> Vec<CXCursor> {
    extern "C" fn visit(child: CXCursor, _: CXCursor, all: CXClientData) -> CXChildVisitResult {
        // SAFETY: the caller's list outlives the visit.
        unsafe { &mut *all.cast::<Vec<CXCursor>>() }.push(child);
        CXChildVisit_Continue
    }
    let mut all: Vec<CXCursor> = Vec::new();
    // SAFETY: the list lives until the call returns.
    unsafe { clang_visitChildren(cursor, visit, (&raw mut all).cast()) };
    all
}

/// The members of a struct, those without names among them.
fn fields(ty: CXType) -> Vec<CXCursor> {
    extern "C" fn visit(field: CXCursor, all: CXClientData) -> CXVisitorResult {
        // SAFETY: the caller's list outlives the visit.
        unsafe { &mut *all.cast::<Vec<CXCursor>>() }.push(field);
        CXVisit_Continue
    }
    let mut all: Vec<CXCursor> = Vec::new();
    // SAFETY: the list lives until the call returns.
    unsafe { clang_Type_visitFields(ty, visit, (&raw mut all).cast()) };
    all
}

/// The name of what is declared; empty for what has none, which newer versions describe by its place instead.
fn name(cursor: CXCursor) -> String {
    // SAFETY: the cursor is one of the unit.
    let name = string(unsafe { clang_getCursorSpelling(cursor) });
    if name.contains(['(', ' ']) { String::new() } else { name }
}

/// The name after `struct` and its like; what has none is called by its typedef, if that gives it a name.
fn tag(cursor: CXCursor, ty: CXType) -> String {
    let spelt = spelling(ty);
    let tagged = ["struct ", "union ", "enum "].iter().any(|tag| spelt.contains(tag));
    if tagged { name(cursor) } else { String::new() }
}

fn spelling(ty: CXType) -> String {
    // SAFETY: the type is one of the unit.
    string(unsafe { clang_getTypeSpelling(ty) })
}

fn size(ty: CXType) -> u32 {
    // SAFETY: the type is one of the unit.
    u32::try_from(unsafe { clang_Type_getSizeOf(ty) }).unwrap_or(0)
}
