//! Which definition a call means.

use std::rc::Rc;

use super::definition::Definition;
use crate::syntax::ast::{Expr, ExprKind, MacroParamKind};

/// Whether a parameter takes an argument, as it stands in the call.
pub(super) fn accepts(kind: MacroParamKind, arg: &Expr) -> bool {
    match kind {
        MacroParamKind::Variable => matches!(arg.kind, ExprKind::Variable(_)),
        MacroParamKind::Map => matches!(arg.kind, ExprKind::Map { key: None, .. }),
        MacroParamKind::Expr => true,
    }
}

/// The definition that takes these arguments; where a map fits two, the one that takes it as a map.
pub(super) fn choose<'d>(
    definitions: &'d [Rc<Definition>],
    args: &[Expr],
) -> Option<&'d Rc<Definition>> {
    let fits = definitions.iter().filter(|definition| {
        let params = &definition.item.params;
        params.len() == args.len()
            && params.iter().zip(args).all(|(param, arg)| accepts(param.kind, arg))
    });
    // The first difference decides.
    fits.max_by_key(|definition| {
        let params = definition.item.params.iter();
        params.map(|param| param.kind == MacroParamKind::Map).collect::<Vec<bool>>()
    })
}

/// The definitions, the one first that fits these arguments best.
pub(super) fn by_closeness<'d>(
    definitions: &'d [Rc<Definition>],
    args: &[Expr],
) -> Vec<&'d Definition> {
    let mut sorted: Vec<&Definition> = definitions.iter().map(|definition| &**definition).collect();
    sorted.sort_by_key(|definition| {
        let params = &definition.item.params;
        let wrong =
            params.iter().zip(args).filter(|(param, arg)| !accepts(param.kind, arg)).count();
        (params.len().abs_diff(args.len()), wrong)
    });
    sorted
}
