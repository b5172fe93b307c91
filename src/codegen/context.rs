//! LLVM in the few words that lowering needs: no names, no results to unwrap, integers and pointers only.
//!
//! Every operation here goes to the builder's current position, which [`Emitter::enter`] sets.
#![allow(
    clippy::unwrap_used,
    reason = "a build call fails only without a position or with operands of different types, and LLVM's own \
              verifier runs over the result"
)]

mod memory;

use std::cell::RefCell;
use std::collections::HashMap;

use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::basic_block::BasicBlock;
use inkwell::builder::Builder;
use inkwell::context::Context;
use inkwell::debug_info::DILocation;
use inkwell::module::{Linkage, Module};
use inkwell::types::{BasicMetadataTypeEnum, BasicType, BasicTypeEnum, IntType};
use inkwell::values::{
    BasicMetadataValueEnum, BasicValue, BasicValueEnum, FunctionValue, GlobalValue, IntValue,
    PhiValue, PointerValue,
};
use inkwell::{AddressSpace, IntPredicate};

use super::helper::Helper;

/// A scalar in a register: 1 bit for a bool, else as wide as its type.
pub(super) type Int<'ctx> = IntValue<'ctx>;
/// An address that the verifier knows the origin of.
pub(super) type Pointer<'ctx> = PointerValue<'ctx>;
/// A basic block.
pub(super) type Label<'ctx> = BasicBlock<'ctx>;
/// An argument of a helper.
pub(super) type Argument<'ctx> = BasicMetadataValueEnum<'ctx>;

/// A module under construction.
pub(super) struct Emitter<'ctx> {
    context: &'ctx Context,
    pub(super) module: Module<'ctx>,
    builder: Builder<'ctx>,
    function: RefCell<Option<FunctionValue<'ctx>>>,
    constants: RefCell<HashMap<Vec<u8>, Pointer<'ctx>>>,
    /// Room for a moment, by function and size.
    moments: RefCell<HashMap<(FunctionValue<'ctx>, u32), Pointer<'ctx>>>,
    /// Names of the helpers that were called, by number.
    helpers: RefCell<HashMap<u32, &'static str>>,
}

impl<'ctx> Emitter<'ctx> {
    pub(super) fn new(context: &'ctx Context) -> Emitter<'ctx> {
        Emitter {
            context,
            module: context.create_module("ebtrace"),
            builder: context.create_builder(),
            function: RefCell::default(),
            constants: RefCell::default(),
            moments: RefCell::default(),
            helpers: RefCell::default(),
        }
    }

    /// A program `int name(void *)` in a section. Its entry block holds the allocas and stays open until
    /// [`Emitter::close`]. Returns the entry block and the program's context.
    pub(super) fn open(
        &self,
        name: &str,
        section: &str,
    ) -> (FunctionValue<'ctx>, Label<'ctx>, Pointer<'ctx>) {
        let signature = self.context.i32_type().fn_type(&[self.pointer_type().into()], false);
        let function = self.module.add_function(name, signature, None);
        function.set_section(Some(section));
        let context = function.get_first_param().unwrap().into_pointer_value();
        (function, self.body_of(function), context)
    }

    /// Declares a function that programs call; [`Emitter::body_of`] begins its body.
    pub(super) fn declare(
        &self,
        name: &str,
        params: &[BasicMetadataTypeEnum<'ctx>],
        returns: BasicTypeEnum<'ctx>,
    ) -> FunctionValue<'ctx> {
        let ty = returns.fn_type(params, false);
        let function = self.module.add_function(name, ty, Some(Linkage::Internal));
        self.mark(function, "noinline");
        function
    }

    /// Begins the body of a function; returns its entry block.
    pub(super) fn body_of(&self, function: FunctionValue<'ctx>) -> Label<'ctx> {
        self.mark(function, "nounwind");
        // Nothing to call memset or memcpy of, and no tables to jump through.
        for (key, value) in [("no-builtins", ""), ("no-jump-tables", "true")] {
            let attribute = self.context.create_string_attribute(key, value);
            function.add_attribute(AttributeLoc::Function, attribute);
        }
        *self.function.borrow_mut() = Some(function);
        self.label()
    }

    fn mark(&self, function: FunctionValue<'ctx>, attribute: &str) {
        let kind = Attribute::get_named_enum_kind_id(attribute);
        function.add_attribute(AttributeLoc::Function, self.context.create_enum_attribute(kind, 0));
    }

    /// Builds another function in between.
    pub(super) fn aside<T>(&self, build: impl FnOnce() -> T) -> T {
        let function = *self.function.borrow();
        let block = self.builder.get_insert_block();
        let location = self.builder.get_current_debug_location();
        let result = build();
        *self.function.borrow_mut() = function;
        block.inspect(|&block| self.enter(block));
        location.inspect(|&location| self.set_location(location));
        result
    }

    /// Ends the entry block with a jump.
    pub(super) fn close(&self, entry: Label<'ctx>, body: Label<'ctx>) {
        self.enter(entry);
        self.jump(body);
    }

    // Blocks.

    /// A new block of the open function.
    pub(super) fn label(&self) -> Label<'ctx> {
        self.context.append_basic_block(self.function.borrow().unwrap(), "")
    }

    pub(super) fn enter(&self, block: Label<'ctx>) {
        self.builder.position_at_end(block);
    }

    /// The current block.
    pub(super) fn here(&self) -> Label<'ctx> {
        self.builder.get_insert_block().unwrap()
    }

    pub(super) fn jump(&self, to: Label<'ctx>) {
        self.builder.build_unconditional_branch(to).unwrap();
    }

    pub(super) fn branch(&self, condition: Int<'ctx>, then: Label<'ctx>, otherwise: Label<'ctx>) {
        self.builder.build_conditional_branch(condition, then, otherwise).unwrap();
    }

    pub(super) fn ret(&self, value: i32) {
        self.ret_value(&self.context.i32_type().const_int(value as u64, true));
    }

    /// Leaves a function with what it was called for.
    pub(super) fn ret_value(&self, value: &dyn BasicValue<'ctx>) {
        self.builder.build_return(Some(value)).unwrap();
    }

    /// Chooses by the block that control came from.
    pub(super) fn merge(&self, incoming: &[(Int<'ctx>, Label<'ctx>)]) -> Int<'ctx> {
        let phi = self.builder.build_phi(incoming[0].0.get_type(), "").unwrap();
        for (value, from) in incoming {
            phi.add_incoming(&[(value, *from)]);
        }
        phi.as_basic_value().into_int_value()
    }

    /// One more way to where [`Emitter::merge`] chose a value: back from the end of a loop.
    pub(super) fn merge_more(&self, chosen: Int<'ctx>, (value, from): (Int<'ctx>, Label<'ctx>)) {
        let phi: PhiValue<'_> = chosen.as_instruction().unwrap().try_into().unwrap();
        phi.add_incoming(&[(&value, from)]);
    }

    /// As [`Emitter::merge`], for pointers.
    pub(super) fn merge_pointers(
        &self,
        incoming: &[(Pointer<'ctx>, Label<'ctx>)],
    ) -> Pointer<'ctx> {
        let phi = self.builder.build_phi(self.pointer_type(), "").unwrap();
        for (value, from) in incoming {
            phi.add_incoming(&[(value, *from)]);
        }
        phi.as_basic_value().into_pointer_value()
    }

    pub(super) fn set_location(&self, location: DILocation<'ctx>) {
        self.builder.set_current_debug_location(location);
    }

    // Types and constants.

    pub(super) fn int_type(&self, bits: u32) -> IntType<'ctx> {
        match bits {
            1 => self.context.bool_type(),
            8 => self.context.i8_type(),
            16 => self.context.i16_type(),
            32 => self.context.i32_type(),
            _ => self.context.i64_type(),
        }
    }

    pub(super) fn pointer_type(&self) -> inkwell::types::PointerType<'ctx> {
        self.context.ptr_type(AddressSpace::default())
    }

    pub(super) fn int(&self, bits: u32, value: u64) -> Int<'ctx> {
        self.int_type(bits).const_int(value, false)
    }

    pub(super) fn word(&self, value: u64) -> Int<'ctx> {
        self.int(64, value)
    }

    pub(super) fn bool(&self, value: bool) -> Int<'ctx> {
        self.int(1, u64::from(value))
    }

    // Arithmetic. Both operands have the same width.

    pub(super) fn add(&self, a: Int<'ctx>, b: Int<'ctx>) -> Int<'ctx> {
        self.builder.build_int_add(a, b, "").unwrap()
    }

    pub(super) fn sub(&self, a: Int<'ctx>, b: Int<'ctx>) -> Int<'ctx> {
        self.builder.build_int_sub(a, b, "").unwrap()
    }

    pub(super) fn mul(&self, a: Int<'ctx>, b: Int<'ctx>) -> Int<'ctx> {
        self.builder.build_int_mul(a, b, "").unwrap()
    }

    /// Without sign; the divisor must not be zero.
    pub(super) fn div(&self, a: Int<'ctx>, b: Int<'ctx>) -> Int<'ctx> {
        self.builder.build_int_unsigned_div(a, b, "").unwrap()
    }

    /// Without sign; the divisor must not be zero.
    pub(super) fn rem(&self, a: Int<'ctx>, b: Int<'ctx>) -> Int<'ctx> {
        self.builder.build_int_unsigned_rem(a, b, "").unwrap()
    }

    pub(super) fn and(&self, a: Int<'ctx>, b: Int<'ctx>) -> Int<'ctx> {
        self.builder.build_and(a, b, "").unwrap()
    }

    pub(super) fn or(&self, a: Int<'ctx>, b: Int<'ctx>) -> Int<'ctx> {
        self.builder.build_or(a, b, "").unwrap()
    }

    pub(super) fn xor(&self, a: Int<'ctx>, b: Int<'ctx>) -> Int<'ctx> {
        self.builder.build_xor(a, b, "").unwrap()
    }

    /// The count must be less than the width.
    pub(super) fn shift_left(&self, a: Int<'ctx>, count: Int<'ctx>) -> Int<'ctx> {
        self.builder.build_left_shift(a, count, "").unwrap()
    }

    /// The count must be less than the width.
    pub(super) fn shift_right(&self, a: Int<'ctx>, count: Int<'ctx>, signed: bool) -> Int<'ctx> {
        self.builder.build_right_shift(a, count, signed, "").unwrap()
    }

    pub(super) fn negate(&self, a: Int<'ctx>) -> Int<'ctx> {
        self.builder.build_int_neg(a, "").unwrap()
    }

    pub(super) fn not(&self, a: Int<'ctx>) -> Int<'ctx> {
        self.builder.build_not(a, "").unwrap()
    }

    pub(super) fn equal(&self, a: Int<'ctx>, b: Int<'ctx>) -> Int<'ctx> {
        self.builder.build_int_compare(IntPredicate::EQ, a, b, "").unwrap()
    }

    pub(super) fn is_zero(&self, a: Int<'ctx>) -> Int<'ctx> {
        self.equal(a, a.get_type().const_zero())
    }

    pub(super) fn is_not_zero(&self, a: Int<'ctx>) -> Int<'ctx> {
        self.builder.build_int_compare(IntPredicate::NE, a, a.get_type().const_zero(), "").unwrap()
    }

    pub(super) fn less(&self, a: Int<'ctx>, b: Int<'ctx>, signed: bool) -> Int<'ctx> {
        let predicate = if signed { IntPredicate::SLT } else { IntPredicate::ULT };
        self.builder.build_int_compare(predicate, a, b, "").unwrap()
    }

    pub(super) fn select(
        &self,
        condition: Int<'ctx>,
        then: Int<'ctx>,
        otherwise: Int<'ctx>,
    ) -> Int<'ctx> {
        self.builder.build_select(condition, then, otherwise, "").unwrap().into_int_value()
    }

    /// Cuts, or extends by the sign if `signed` says that the value has one.
    pub(super) fn resize(&self, a: Int<'ctx>, bits: u32, signed: bool) -> Int<'ctx> {
        let (from, to) = (a.get_type().get_bit_width(), self.int_type(bits));
        match from.cmp(&bits) {
            std::cmp::Ordering::Equal => a,
            std::cmp::Ordering::Greater => self.builder.build_int_truncate(a, to, "").unwrap(),
            std::cmp::Ordering::Less if signed => {
                self.builder.build_int_s_extend(a, to, "").unwrap()
            }
            std::cmp::Ordering::Less => self.builder.build_int_z_extend(a, to, "").unwrap(),
        }
    }

    /// The same value, of which LLVM knows nothing any more. What LLVM can prove, it no longer tests, and the
    /// kernel's verifier wants to see the test.
    pub(super) fn opaque(&self, a: Int<'ctx>) -> Int<'ctx> {
        let ty = a.get_type().fn_type(&[a.get_type().into()], false);
        let nothing = String::new();
        let asm = self.context.create_inline_asm(
            ty,
            nothing,
            "=r,0".to_owned(),
            true,
            false,
            None,
            false,
        );
        let call = self.builder.build_indirect_call(ty, asm, &[a.into()], "").unwrap();
        call.try_as_basic_value().unwrap_basic().into_int_value()
    }

    // Bits.

    pub(super) fn is_null(&self, pointer: Pointer<'ctx>) -> Int<'ctx> {
        self.builder.build_is_null(pointer, "").unwrap()
    }

    /// The address as a number.
    pub(super) fn number(&self, pointer: Pointer<'ctx>) -> Int<'ctx> {
        self.builder.build_ptr_to_int(pointer, self.int_type(64), "").unwrap()
    }

    // Calls.

    /// Calls a helper through its number; numbers are passed as 64 bits.
    pub(super) fn call(&self, helper: &Helper, args: &[Argument<'ctx>]) -> Int<'ctx> {
        self.call_helper(self.int_type(64).into(), helper, args).into_int_value()
    }

    /// Calls a helper that returns an address.
    pub(super) fn call_pointer(&self, helper: &Helper, args: &[Argument<'ctx>]) -> Pointer<'ctx> {
        self.call_helper(self.pointer_type().into(), helper, args).into_pointer_value()
    }

    /// Calls a function of the object.
    pub(super) fn call_own(
        &self,
        function: FunctionValue<'ctx>,
        args: &[Argument<'ctx>],
    ) -> BasicValueEnum<'ctx> {
        let call = self.builder.build_direct_call(function, args, "").unwrap();
        call.try_as_basic_value().unwrap_basic()
    }

    fn call_helper(
        &self,
        returns: BasicTypeEnum<'ctx>,
        helper: &Helper,
        args: &[Argument<'ctx>],
    ) -> BasicValueEnum<'ctx> {
        let params: Vec<BasicMetadataTypeEnum> = args
            .iter()
            .map(|arg| match arg {
                BasicMetadataValueEnum::PointerValue(_) => self.pointer_type().into(),
                _ => self.int_type(64).into(),
            })
            .collect();
        self.helpers.borrow_mut().insert(helper.id, helper.name);
        let id = self.word(u64::from(helper.id)).const_to_pointer(self.pointer_type());
        let call = self
            .builder
            .build_indirect_call(returns.fn_type(&params, false), id, args, "")
            .unwrap();
        call.try_as_basic_value().unwrap_basic()
    }

    /// Names of the helpers that were called, by number.
    pub(super) fn helpers(&self) -> HashMap<u32, &'static str> {
        self.helpers.borrow().clone()
    }

    // Globals.

    /// A global of so many zero bytes; maps and what the loader fills in.
    pub(super) fn zeroed_global(&self, name: &str, section: &str, size: u32) -> GlobalValue<'ctx> {
        let ty = self.context.i8_type().array_type(size);
        let global = self.module.add_global(ty, None, name);
        global.set_initializer(&ty.const_zero());
        global.set_section(Some(section));
        global.set_alignment(8);
        global
    }

    /// Bytes in a section of their own that nothing refers to.
    pub(super) fn section(&self, name: &str, section: &str, bytes: &[u8]) {
        let value = self.context.const_string(bytes, false);
        let global = self.module.add_global(value.get_type(), None, name);
        global.set_initializer(&value);
        global.set_section(Some(section));
    }

    /// A constant in read-only data; equal ones are one. External, because LLVM puts private ones into sections by
    /// their shape, each of which becomes a map of its own.
    pub(super) fn constant(&self, bytes: &[u8]) -> Pointer<'ctx> {
        let mut constants = self.constants.borrow_mut();
        if let Some(&known) = constants.get(bytes) {
            return known;
        }
        let value = self.context.const_string(bytes, false);
        let name = format!("ebt_constant_{}", constants.len());
        let global = self.module.add_global(value.get_type(), None, &name);
        global.set_initializer(&value);
        global.set_section(Some(".rodata"));
        global.set_constant(true);
        global.set_alignment(8);
        constants.insert(bytes.to_vec(), global.as_pointer_value());
        global.as_pointer_value()
    }

    /// The context, for metadata.
    pub(super) fn context(&self) -> &'ctx Context {
        self.context
    }
}
