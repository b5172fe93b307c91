//! Memory: room on the stack, loads and stores, copies.
#![allow(
    clippy::unwrap_used,
    reason = "a build call fails only without a position or with operands of different types, and LLVM's own \
              verifier runs over the result"
)]

use inkwell::attributes::AttributeLoc;
use inkwell::intrinsics::Intrinsic;
use inkwell::types::BasicTypeEnum;
use inkwell::values::{BasicValue, CallSiteValue};

use super::{Argument, Emitter, Int, Pointer};

impl<'ctx> Emitter<'ctx> {
    /// So many bytes in the frame of the open function, aligned to 8.
    pub(in crate::codegen) fn alloca(&self, size: u32) -> Pointer<'ctx> {
        let back = self.builder.get_insert_block();
        let function = *self.function.borrow();
        self.enter(function.unwrap().get_first_basic_block().unwrap());
        let pointer =
            self.builder.build_alloca(self.context.i8_type().array_type(size), "").unwrap();
        pointer.as_instruction_value().unwrap().set_alignment(8).unwrap();
        back.inspect(|&block| self.enter(block));
        pointer
    }

    /// Room for what a helper reads at once: the next caller gets the same bytes. Were each place to have its own,
    /// a long program would not fit the stack.
    pub(in crate::codegen) fn momentary(&self, size: u32) -> Pointer<'ctx> {
        let function = *self.function.borrow();
        let key = (function.unwrap(), size);
        let known = self.moments.borrow().get(&key).copied();
        known.unwrap_or_else(|| {
            let pointer = self.alloca(size);
            self.moments.borrow_mut().insert(key, pointer);
            pointer
        })
    }

    /// As [`Emitter::alloca`], but the first bytes are zero whenever the function begins.
    pub(in crate::codegen) fn alloca_zeroed(&self, size: u32, zeroed: u32) -> Pointer<'ctx> {
        let pointer = self.alloca(size);
        let back = self.builder.get_insert_block();
        let function = *self.function.borrow();
        self.enter(function.unwrap().get_first_basic_block().unwrap());
        crate::codegen::memory::zero(self, pointer, 0..zeroed, 8);
        back.inspect(|&block| self.enter(block));
        pointer
    }

    /// The address that stands in memory.
    pub(in crate::codegen) fn load_pointer(&self, from: Pointer<'ctx>) -> Pointer<'ctx> {
        let value = self.builder.build_load(self.pointer_type(), from, "").unwrap();
        value.as_instruction_value().unwrap().set_alignment(8).unwrap();
        value.into_pointer_value()
    }

    /// Keeps an address in memory.
    pub(in crate::codegen) fn store_pointer(&self, to: Pointer<'ctx>, value: Pointer<'ctx>) {
        self.builder.build_store(to, value).unwrap().set_alignment(8).unwrap();
    }

    /// The address so many bytes further.
    pub(in crate::codegen) fn at(&self, pointer: Pointer<'ctx>, offset: u32) -> Pointer<'ctx> {
        if offset == 0 { pointer } else { self.offset(pointer, self.word(u64::from(offset))) }
    }

    /// As [`Emitter::at`], for a distance that is computed.
    pub(in crate::codegen) fn offset(
        &self,
        pointer: Pointer<'ctx>,
        bytes: Int<'ctx>,
    ) -> Pointer<'ctx> {
        // SAFETY: a single index over bytes fits the pointee type; nothing is promised about bounds.
        unsafe { self.builder.build_gep(self.context.i8_type(), pointer, &[bytes], "") }.unwrap()
    }

    pub(in crate::codegen) fn load(
        &self,
        pointer: Pointer<'ctx>,
        bits: u32,
        align: u32,
    ) -> Int<'ctx> {
        let value = self.builder.build_load(self.int_type(bits), pointer, "").unwrap();
        value.as_instruction_value().unwrap().set_alignment(align).unwrap();
        value.into_int_value()
    }

    /// A load that stays as it is: neither narrowed nor merged nor folded.
    pub(in crate::codegen) fn load_volatile(
        &self,
        pointer: Pointer<'ctx>,
        bits: u32,
        align: u32,
    ) -> Int<'ctx> {
        let value = self.load(pointer, bits, align);
        value.as_instruction_value().unwrap().set_volatile(true).unwrap();
        value
    }

    /// A store that stays where it is.
    pub(in crate::codegen) fn store_volatile(
        &self,
        pointer: Pointer<'ctx>,
        value: Int<'ctx>,
        align: u32,
    ) {
        let store = self.builder.build_store(pointer, value).unwrap();
        store.set_alignment(align).unwrap();
        store.set_volatile(true).unwrap();
    }

    pub(in crate::codegen) fn store(&self, pointer: Pointer<'ctx>, value: Int<'ctx>, align: u32) {
        self.builder.build_store(pointer, value).unwrap().set_alignment(align).unwrap();
    }

    /// Copies in one go. Volatile, because LLVM would join copies and then refuse what became too large.
    pub(in crate::codegen) fn copy(
        &self,
        to: Pointer<'ctx>,
        from: Pointer<'ctx>,
        size: u32,
        align: u32,
    ) {
        let types: [BasicTypeEnum; 3] =
            [self.pointer_type().into(), self.pointer_type().into(), self.int_type(64).into()];
        let args =
            [to.into(), from.into(), self.word(u64::from(size)).into(), self.bool(true).into()];
        self.intrinsic("llvm.memcpy", &types, &args, &[align, align]);
    }

    /// Zeroes in one go; volatile as [`Emitter::copy`] is.
    pub(in crate::codegen) fn clear(&self, to: Pointer<'ctx>, size: u32, align: u32) {
        let types: [BasicTypeEnum; 2] = [self.pointer_type().into(), self.int_type(64).into()];
        let args = [
            to.into(),
            self.int(8, 0).into(),
            self.word(u64::from(size)).into(),
            self.bool(true).into(),
        ];
        self.intrinsic("llvm.memset", &types, &args, &[align]);
    }

    pub(in crate::codegen) fn intrinsic(
        &self,
        name: &str,
        types: &[BasicTypeEnum],
        args: &[Argument<'ctx>],
        aligns: &[u32],
    ) -> CallSiteValue<'ctx> {
        let function = Intrinsic::find(name)
            .and_then(|found| found.get_declaration(&self.module, types))
            .unwrap();
        let call = self.builder.build_direct_call(function, args, "").unwrap();
        for (param, &align) in aligns.iter().enumerate() {
            call.set_alignment_attribute(AttributeLoc::Param(param as u32), align);
        }
        call
    }
}
