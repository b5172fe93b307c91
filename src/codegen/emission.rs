//! LLVM's own work: the target, the passes, and the object that comes out.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CStr, c_void};

use inkwell::OptimizationLevel;
use inkwell::context::Context;
use inkwell::llvm_sys::LLVMDiagnosticSeverity;
use inkwell::llvm_sys::core::{
    LLVMContextSetDiagnosticHandler, LLVMDisposeMessage, LLVMGetDiagInfoDescription,
    LLVMGetDiagInfoSeverity,
};
use inkwell::llvm_sys::prelude::LLVMDiagnosticInfoRef;
use inkwell::passes::PassBuilderOptions;
use inkwell::support::LLVMString;
use inkwell::targets::{
    CodeModel, FileType, InitializationConfig, RelocMode, TargetMachine, TargetTriple,
};

use inkwell::values::{BasicValueEnum, FunctionValue, InstructionOpcode, InstructionValue};

use super::context::Emitter;
use super::{Bug, Invariant, Target, lower, memory, start};
use crate::host::Version;
use crate::ir::Program;
use crate::ir::layout::Layout;
use crate::source::Sources;

/// Little-endian BPF.
const TRIPLE: &str = "bpfel";
/// The first kernel that takes the processor model `v4`, whose jumps reach any instruction.
const FAR_JUMPS: Version = (6, 6, 0);
/// The most instructions of a program before that: LLVM ends the process over a jump that is too far.
const NEAR: usize = 30_000;
/// The most instructions of any program, with room for what the estimate misses.
const FAR: usize = 800_000;

/// What LLVM does to the code. Of its `default<O2>` these passes shorten our programs; the others, which vectorise, look
/// for coroutines or repeat what was done, take more than half of the time for nothing. `tests/bench/instructions.txt`
/// says what comes out. Loops are rotated because kernels like 6.1 let nothing but a jump go back in a program, and a
/// loop that is tested at its head may be laid out so that its end runs into its head.
const PASSES: &str = "function<eager-inv>(simplifycfg,sroa<modify-cfg>,early-cse),\
    ipsccp,deadargelim,\
    cgscc(inline,function<eager-inv>(\
        instcombine<no-verify-fixpoint;max-iterations=1>,early-cse<memssa>,\
        jump-threading,simplifycfg,\
        loop(loop-rotate<header-duplication>,indvars,loop-deletion,loop-unroll-full),dse,\
        instcombine<no-verify-fixpoint;max-iterations=1>,\
        simplifycfg<no-keep-loops;hoist-common-insts;sink-common-insts;forward-switch-cond;switch-range-to-icmp>)),\
    globaldce";

/// A lowered program in LLVM's hands.
pub(super) struct Emission<'a, 'ctx> {
    emitter: Emitter<'ctx>,
    machine: TargetMachine,
    complaints: &'a RefCell<Vec<String>>,
}

/// Lowers a program and does something with it.
pub(super) fn with_module<T>(
    program: &Program,
    layout: &Layout,
    sources: &Sources,
    target: &Target,
    then: impl FnOnce(&Emission<'_, '_>) -> Result<T, Bug>,
) -> Result<T, Bug> {
    start::start();
    let complaints = RefCell::new(Vec::new());
    let context = Context::create();
    collect_complaints(&context, &complaints);
    let machine = machine(target)?;
    let emitter = Emitter::new(&context);
    emitter.module.set_triple(&TargetTriple::create(TRIPLE));
    emitter.module.set_data_layout(&machine.get_target_data().get_data_layout());
    lower(&emitter, program, layout, sources, target)?;
    emitter
        .module
        .verify()
        .map_err(|error| Invariant(format!("LLVM: {}", error.to_string_lossy())))?;
    then(&Emission { emitter, machine, complaints: &complaints })
}

impl Emission<'_, '_> {
    pub(super) fn optimise(&self) -> Result<(), Bug> {
        self.emitter
            .module
            .run_passes(PASSES, &self.machine, PassBuilderOptions::create())
            .map_err(|error| self.fault(&error))
    }

    /// The name of a program that is too long for LLVM or the kernel.
    pub(super) fn too_long(&self, target: &Target) -> Option<String> {
        let most = if target.version >= FAR_JUMPS { FAR } else { NEAR };
        let size = |function: FunctionValue<'_>| -> usize {
            let blocks = function.get_basic_blocks();
            blocks.iter().flat_map(|block| block.get_instructions()).map(weight).sum()
        };
        let mut functions = self.emitter.module.get_functions();
        let long = functions.find(|&function| size(function) > most)?;
        Some(long.get_name().to_string_lossy().into_owned())
    }

    /// The name of a function that LLVM found to need more stack than there is.
    pub(super) fn out_of_stack(&self) -> Option<String> {
        let complaints = self.complaints.borrow();
        let about = complaints.iter().find(|complaint| complaint.contains("stack limit"))?;
        let (_, name) = about.split_once("in function ")?;
        Some(name.split(' ').next()?.to_owned())
    }

    pub(super) fn text(&self) -> String {
        self.emitter.module.print_to_string().to_string_lossy().into_owned()
    }

    pub(super) fn object(&self) -> Result<Vec<u8>, Bug> {
        self.emit(FileType::Object)
    }

    /// Names of the helpers that are called, by number.
    pub(super) fn helpers(&self) -> HashMap<u32, &'static str> {
        self.emitter.helpers()
    }

    pub(super) fn assembly(&self) -> Result<String, Bug> {
        self.emit(FileType::Assembly).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn emit(&self, kind: FileType) -> Result<Vec<u8>, Bug> {
        let buffer = self.machine.write_to_memory_buffer(&self.emitter.module, kind);
        let buffer = buffer.map_err(|error| self.fault(&error))?;
        if let Some(first) = self.complaints.borrow().first() {
            return Err(Bug { what: format!("LLVM: {first}"), ir: self.text() });
        }
        // LLVM ends the buffer with a NUL that is no part of it.
        Ok(buffer.as_slice().strip_suffix(&[0]).unwrap_or(buffer.as_slice()).to_vec())
    }

    fn fault(&self, error: &LLVMString) -> Bug {
        Bug { what: format!("LLVM: {}", error.to_string_lossy()), ir: self.text() }
    }
}

/// Instructions that an operation becomes, estimated from above.
fn weight(instruction: InstructionValue<'_>) -> usize {
    if instruction.get_opcode() != InstructionOpcode::Call {
        return 2;
    }
    // The last operand of a call is what it calls.
    let callee = instruction.get_operand(instruction.get_num_operands().saturating_sub(1));
    let name = callee.and_then(|callee| callee.value()).and_then(|value| match value {
        BasicValueEnum::PointerValue(pointer) => Some(pointer.get_name().to_bytes().to_vec()),
        _ => None,
    });
    match name {
        Some(name) if name.starts_with(b"llvm.dbg") => 0,
        Some(name) if name.starts_with(b"llvm.memset") => memory::STORES_PER_CHUNK as usize + 2,
        Some(name) if name.starts_with(b"llvm.mem") => 2 * memory::STORES_PER_CHUNK as usize + 2,
        Some(name) if name.starts_with(b"llvm.ctlz") => 60,
        _ => 8,
    }
}

fn machine(for_kernel: &Target) -> Result<TargetMachine, Invariant> {
    let config = InitializationConfig {
        asm_parser: false,
        disassembler: false,
        ..InitializationConfig::default()
    };
    inkwell::targets::Target::initialize_bpf(&config);
    let triple = TargetTriple::create(TRIPLE);
    let target = inkwell::targets::Target::from_triple(&triple)
        .map_err(|error| Invariant(format!("LLVM: {}", error.to_string_lossy())))?;
    let machine = target.create_target_machine(
        &triple,
        if for_kernel.version >= FAR_JUMPS { "v4" } else { "v3" },
        "",
        OptimizationLevel::Default,
        RelocMode::Default,
        CodeModel::Default,
    );
    machine.ok_or_else(|| Invariant("LLVM: no BPF target".to_owned()))
}

/// Without a handler LLVM prints what it dislikes and ends the process.
fn collect_complaints(context: &Context, complaints: &RefCell<Vec<String>>) {
    let data: *const RefCell<Vec<String>> = complaints;
    // SAFETY: the handler runs only inside calls that work on this context, all of which `with_module` makes while
    // `complaints` is alive; the handler reads it as what it is.
    unsafe {
        LLVMContextSetDiagnosticHandler(context.raw(), Some(complain), data.cast_mut().cast())
    }
}

extern "C" fn complain(info: LLVMDiagnosticInfoRef, complaints: *mut c_void) {
    // SAFETY: LLVM hands over a diagnostic that lives during this call, and what `collect_complaints` registered;
    // the description is a C string that the caller frees.
    unsafe {
        if matches!(LLVMGetDiagInfoSeverity(info), LLVMDiagnosticSeverity::LLVMDSError) {
            let description = LLVMGetDiagInfoDescription(info);
            let text = CStr::from_ptr(description).to_string_lossy().into_owned();
            LLVMDisposeMessage(description);
            (*complaints.cast::<RefCell<Vec<String>>>()).borrow_mut().push(text);
        }
    }
}
