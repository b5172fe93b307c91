//! LLVM's initialisers, which `llvm.ld` keeps from running before `main`, and its options.

use std::arch::global_asm;
use std::ffi::{CStr, c_char, c_int};
use std::sync::Once;

use inkwell::llvm_sys::support::LLVMParseCommandLineOptions;

/// What takes LLVM time that grows with the square of long runs of code, such as copies of strings, and shortens none of
/// them, is done less: scheduling for parallel instructions, which BPF has not, and joining tokens of memory.
const OPTIONS: [&CStr; 3] =
    [c"ebtrace", c"-pre-RA-sched=list-burr", c"-combiner-tokenfactor-inline-limit=8"];

// Weak, because who links this library without `llvm.ld` has both at zero, and LLVM started as usual.
global_asm!(
    ".weak ebtrace_llvm_begin",
    ".weak ebtrace_llvm_end",
    ".pushsection .data.rel.ro.ebtrace_llvm, \"aw\"",
    ".balign 8",
    ".globl ebtrace_llvm_initialisers",
    ".hidden ebtrace_llvm_initialisers",
    "ebtrace_llvm_initialisers:",
    ".quad ebtrace_llvm_begin, ebtrace_llvm_end",
    ".popsection",
);

type Initialiser = unsafe extern "C" fn();

unsafe extern "C" {
    #[link_name = "ebtrace_llvm_initialisers"]
    static INITIALISERS: [*const Initialiser; 2];
}

/// Comes before anything else of LLVM.
pub(super) fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        // SAFETY: the linker fills both in, and nothing writes them.
        let [mut next, end] = unsafe { INITIALISERS };
        while next < end {
            // SAFETY: the linker puts only initialisers of LLVM there, and each is run once, by one thread.
            unsafe {
                (*next)();
                next = next.add(1);
            }
        }
        let options = OPTIONS.map(CStr::as_ptr);
        // SAFETY: all are texts that end in NUL, and there are so many of them; LLVM copies what it keeps.
        unsafe {
            let count = options.len() as c_int;
            LLVMParseCommandLineOptions(
                count,
                options.as_ptr().cast::<*const c_char>(),
                c"".as_ptr(),
            );
        }
    });
}
