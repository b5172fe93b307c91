//! Reads headers through libclang, which is loaded only for a script that includes one.

mod convert;
mod kernel;

use std::ffi::{CStr, CString, c_char};
use std::path::Path;
use std::rc::Rc;

use clang_sys::*;
use ebtrace::host::btf::Btf;
use ebtrace::host::headers::{Complaint, Headers, Request, Trouble};

/// The name of the text; no file.
const MAIN: &str = "definitions.h";

/// Where Debian has the headers of one instruction set.
pub(super) const MULTIARCH: &str = if cfg!(target_arch = "aarch64") {
    "/usr/include/aarch64-linux-gnu"
} else {
    "/usr/include/x86_64-linux-gnu"
};

/// Folders of headers that C compilers look in on Linux.
const FOLDERS: [&str; 3] = ["/usr/local/include", MULTIARCH, "/usr/include"];

/// Headers that belong to a compiler and not to the system; libclang may come without.
const BUNDLED: [(&str, &str); 4] = [
    (
        "stddef.h",
        "#pragma once\ntypedef __SIZE_TYPE__ size_t;\ntypedef __PTRDIFF_TYPE__ ptrdiff_t;\n\
         typedef __WCHAR_TYPE__ wchar_t;\n#define NULL ((void *)0)\n\
         #define offsetof(t, m) __builtin_offsetof(t, m)\n",
    ),
    (
        "stdarg.h",
        "#pragma once\ntypedef __builtin_va_list va_list;\ntypedef __builtin_va_list __gnuc_va_list;\n",
    ),
    ("stdbool.h", "#pragma once\n#define bool _Bool\n#define true 1\n#define false 0\n"),
    ("float.h", "#pragma once\n"),
];

/// What headers define.
pub(super) fn read(request: &Request) -> Result<Headers, Trouble> {
    load().map_err(Trouble::NoCompiler)?;
    let mut unit = Unit::parse(request, &[])?;
    let mut complaints = unit.complaints();
    let missing = complaints.iter().any(|complaint| complaint.message.ends_with("file not found"));
    if let (true, Some(kernel)) = (missing, kernel::Headers::find()) {
        unit = Unit::parse(request, &kernel.arguments())?;
        complaints = unit.complaints();
    }
    if !complaints.is_empty() {
        return Err(Trouble::Wrong(complaints));
    }
    let converted = convert::declarations(unit.unit);
    let damaged = || Trouble::NoCompiler("what libclang says makes no sense".to_owned());
    let btf = Btf::new("headers", Box::new(converted.types), None).ok_or_else(damaged)?;
    Ok(Headers { types: Rc::new(btf), macros: converted.macros })
}

/// A text that was parsed.
struct Unit {
    index: CXIndex,
    unit: CXTranslationUnit,
}

impl Unit {
    fn parse(request: &Request, kernel: &[String]) -> Result<Unit, Trouble> {
        let main = request.folder.join(MAIN);
        let bundle = request.folder.join("ebtrace-bundled-headers");
        let text = |text: &str| CString::new(text.replace('\0', " ")).unwrap_or_default();
        let mut files = vec![(text(&main.display().to_string()), text(&request.text))];
        for (name, content) in BUNDLED {
            files.push((text(&bundle.join(name).display().to_string()), text(content)));
        }
        let files: Vec<CXUnsavedFile> = files
            .iter()
            .map(|(name, content)| CXUnsavedFile {
                Filename: name.as_ptr(),
                Contents: content.as_ptr(),
                Length: content.as_bytes().len() as _,
            })
            .collect();
        let arguments: Vec<CString> =
            arguments(request, kernel, &bundle).iter().map(|word| text(word)).collect();
        let words: Vec<*const c_char> = arguments.iter().map(|word| word.as_ptr()).collect();
        let options = CXTranslationUnit_DetailedPreprocessingRecord
            | CXTranslationUnit_SkipFunctionBodies
            | CXTranslationUnit_KeepGoing;
        // SAFETY: the strings and arrays live until the call returns, and their lengths are given.
        unsafe {
            let index = clang_createIndex(0, 0);
            let mut unit = std::ptr::null_mut();
            let error = clang_parseTranslationUnit2(
                index,
                files[0].Filename,
                words.as_ptr(),
                words.len() as _,
                files.as_ptr().cast_mut(),
                files.len() as _,
                options,
                &raw mut unit,
            );
            if error == CXError_Success && !unit.is_null() {
                return Ok(Unit { index, unit });
            }
            clang_disposeIndex(index);
            Err(Trouble::NoCompiler(format!("libclang gave up with error {error}")))
        }
    }

    fn complaints(&self) -> Vec<Complaint> {
        let inclusions = Inclusion::all(self.unit);
        let mut complaints = Vec::new();
        // SAFETY: the unit is alive, the index is below the number, and what is got is disposed of once.
        unsafe {
            for index in 0..clang_getNumDiagnostics(self.unit) {
                let diagnostic = clang_getDiagnostic(self.unit, index);
                if clang_getDiagnosticSeverity(diagnostic) >= CXDiagnostic_Error {
                    let message = string(clang_getDiagnosticSpelling(diagnostic));
                    let place = Place::of(clang_getDiagnosticLocation(diagnostic));
                    complaints.push(place.complaint(message, &inclusions));
                }
                clang_disposeDiagnostic(diagnostic);
            }
        }
        complaints.truncate(10);
        complaints
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        // SAFETY: both are alive, and nothing uses them any more.
        unsafe {
            clang_disposeTranslationUnit(self.unit);
            clang_disposeIndex(self.index);
        }
    }
}

/// A place in a file.
struct Place {
    file: String,
    line: u32,
    column: u32,
    main: bool,
}

impl Place {
    fn of(location: CXSourceLocation) -> Place {
        let (mut file, mut line, mut column) = (std::ptr::null_mut(), 0, 0);
        // SAFETY: the pointers are those of locals; a null file has an empty name.
        unsafe {
            clang_getExpansionLocation(
                location,
                &raw mut file,
                &raw mut line,
                &raw mut column,
                std::ptr::null_mut(),
            );
            let main = clang_Location_isFromMainFile(location) != 0;
            Place { file: string(clang_getFileName(file)), line, column, main }
        }
    }

    fn complaint(&self, message: String, inclusions: &[Inclusion]) -> Complaint {
        if self.main {
            return Complaint { message, line: Some(self.line), within: None };
        }
        let includes = inclusions.iter().find(|inclusion| inclusion.file == self.file);
        let within =
            (!self.file.is_empty()).then(|| format!("{}:{}:{}", self.file, self.line, self.column));
        Complaint { message, line: includes.and_then(|inclusion| inclusion.line), within }
    }
}

/// A file that was included, and the line of the text that led there.
struct Inclusion {
    file: String,
    line: Option<u32>,
}

impl Inclusion {
    fn all(unit: CXTranslationUnit) -> Vec<Inclusion> {
        extern "C" fn visit(
            file: CXFile,
            stack: *mut CXSourceLocation,
            depth: u32,
            all: CXClientData,
        ) {
            // SAFETY: the caller's list outlives the visit, and the stack has this many places.
            let (all, stack) = unsafe {
                let stack = match depth {
                    0 => &[][..],
                    _ => std::slice::from_raw_parts(stack, depth as usize),
                };
                (&mut *all.cast::<Vec<Inclusion>>(), stack)
            };
            let outermost = stack.last().map(|&location| Place::of(location));
            let line = outermost.filter(|place| place.main).map(|place| place.line);
            // SAFETY: the file is one of the unit.
            all.push(Inclusion { file: string(unsafe { clang_getFileName(file) }), line });
        }
        let mut all: Vec<Inclusion> = Vec::new();
        // SAFETY: the list lives until the call returns.
        unsafe { clang_getInclusions(unit, visit, (&raw mut all).cast()) };
        all
    }
}

/// The compiler's command line.
fn arguments(request: &Request, kernel: &[String], bundle: &Path) -> Vec<String> {
    let mut words: Vec<String> =
        ["-x", "c", "-std=gnu11", "-w", "-ferror-limit=20"].map(str::to_owned).to_vec();
    words.extend(request.defines.iter().map(|name| format!("-D{name}")));
    words.extend_from_slice(kernel);
    let mut folder = |option: &str, path: &Path| {
        words.extend([option.to_owned(), path.display().to_string()]);
    };
    request.folders.iter().for_each(|path| folder("-I", path));
    FOLDERS.iter().for_each(|path| folder("-isystem", Path::new(path)));
    folder("-isystem", bundle);
    for header in &request.first {
        words.extend(["-include".to_owned(), header.clone()]);
    }
    words
}

/// Loads libclang, wherever Linux distributions put it.
fn load() -> Result<(), String> {
    if clang_sys::is_loaded() {
        return Ok(());
    }
    clang_sys::load()
}

/// A string of libclang, which is disposed of.
fn string(text: CXString) -> String {
    // SAFETY: the string is alive until it is disposed of, and not used after that.
    unsafe {
        let pointer = clang_getCString(text);
        let owned = match pointer.is_null() {
            true => String::new(),
            false => CStr::from_ptr(pointer).to_string_lossy().into_owned(),
        };
        clang_disposeString(text);
        owned
    }
}
