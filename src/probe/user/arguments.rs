//! The arguments of a function by name, from the debug information of its program.

use ebtrace_image::Attach;

use crate::host::program::{Debug, Parameter, Program, Signature};
use crate::host::{Arch, Host};
use crate::probe::{Target, registers};
use crate::types::{self, Access, Origin, TypeId, Types, program};

/// Why there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// The probe is not where the function begins: other things are in the registers there.
    Within,
    /// The program has no debug information.
    NoInformation,
    /// It says nothing of the function.
    NoFunction,
}

/// A type whose fields are the arguments that stand in registers, and the names of the others.
#[derive(Debug, Clone)]
pub struct Arguments {
    /// The type; its offsets are those of the registers.
    pub record: TypeId,
    /// Names of those that are elsewhere.
    pub elsewhere: Vec<String>,
}

/// The arguments of the function that a target is the beginning of.
pub fn arguments(
    target: &Target,
    host: &dyn Host,
    types: &mut Types,
) -> Result<Arguments, Missing> {
    let (Attach::Uprobe { path, .. }, Some(address)) = (&target.attach, target.entry) else {
        return Err(Missing::Within);
    };
    let program = host.program(path.as_ref()).map_err(|_| Missing::NoInformation)?;
    let program: &dyn Program = &*program;
    let debug = program.debug().ok_or(Missing::NoInformation)?;
    let signature = debug.signature(address).ok_or(Missing::NoFunction)?;
    Ok(record(target, host, types, (debug, &signature)))
}

fn record(
    target: &Target,
    host: &dyn Host,
    types: &mut Types,
    (debug, signature): (&dyn Debug, &Signature),
) -> Arguments {
    let (mut fields, mut elsewhere) = (Vec::new(), Vec::new());
    let places = places(host.arch(), signature);
    for (Parameter { name, ty, .. }, offset) in signature.parameters.iter().zip(places) {
        let ty = program::convert(types, host, debug, *ty);
        match (offset, ty) {
            _ if name.is_empty() => {}
            (Some(offset), Some(ty)) => {
                fields.push(types::Field { name: name.clone(), ty, offset, access: Access::Plain });
            }
            _ => elsewhere.push(name.clone()),
        }
    }
    // Each use makes the same type.
    let name = format!("args of {}", target.label);
    let record = types.named(&name).unwrap_or_else(|| {
        let function = target.function.clone().unwrap_or_default();
        let size = registers::size(host.arch());
        let record = types::Struct {
            name: function,
            size,
            align: 8,
            fields: Some(fields),
            origin: Origin::Script,
        };
        let record = types.add_struct(record);
        types.set_name(name, record);
        record
    });
    Arguments { record, elsewhere }
}

/// The offset of the register that each parameter begins in, of those that are all in registers side by side.
fn places(arch: Arch, signature: &Signature) -> Vec<Option<u32>> {
    // Where a result in memory is to stand, programs for Intel are told in front of the arguments.
    let mut next = usize::from(signature.result_in_memory && arch == Arch::X86_64);
    let places = signature.parameters.iter().map(|parameter| {
        // What is too large for registers stands on the stack, or Arm passes its address.
        let Some(words) = &parameter.words else {
            next += usize::from(arch == Arch::Aarch64);
            return None;
        };
        let count = words.iter().filter(|fraction| !**fraction).count();
        let fits = count > 0 && registers::argument(arch, next + count - 1).is_some();
        if !fits {
            return None;
        }
        let first = registers::argument(arch, next);
        next += count;
        let side_by_side = count == words.len() && (count == 1 || arch == Arch::Aarch64);
        first.filter(|_| side_by_side)
    });
    places.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(words: &[Option<&[bool]>], result_in_memory: bool) -> Signature {
        let parameters = words.iter().map(|words| Parameter {
            name: "p".to_owned(),
            ty: 0,
            words: words.map(<[bool]>::to_vec),
        });
        Signature { parameters: parameters.collect(), result_in_memory }
    }

    #[test]
    fn integers_are_counted_apart_from_fractions() {
        let words = signature(&[Some(&[false]), Some(&[true]), None, Some(&[false])], false);
        assert_eq!(places(Arch::X86_64, &words), [Some(112), None, None, Some(104)]);
        assert_eq!(places(Arch::Aarch64, &words), [Some(0), None, None, Some(16)]);
    }

    #[test]
    fn large_values_take_two_registers_or_none() {
        let one: Option<&[bool]> = Some(&[false]);
        let two: Option<&[bool]> = Some(&[false, false]);
        let words = signature(&[one, one, one, one, one, two, one], false);
        let places = super::places(Arch::X86_64, &words);
        assert_eq!(places[4..], [Some(72), None, Some(64)]);
        assert_eq!(super::places(Arch::Aarch64, &words)[5..], [Some(40), Some(56)]);
    }

    #[test]
    fn a_result_in_memory_takes_the_first_register() {
        let words = signature(&[Some(&[false])], true);
        assert_eq!(places(Arch::X86_64, &words), [Some(104)]);
        assert_eq!(places(Arch::Aarch64, &words), [Some(0)]);
    }
}
