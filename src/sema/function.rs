//! Functions of the script: their signatures, their bodies, and calls.

use std::collections::HashMap;

use super::facts::{Slot, Timed};
use super::join::{self, Put};
use super::{Lower, Operand, Placed, error};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{FunctionId, LocalId, StmtKind};
use crate::source::Span;
use crate::syntax::ast;
use crate::types::TypeId;

/// What is known of a function before its body is.
#[derive(Debug, Clone)]
pub(super) struct Signature {
    pub(super) id: FunctionId,
    /// Names without sigil, types, and places.
    pub(super) params: Vec<(String, TypeId, Span)>,
    pub(super) result: TypeId,
    /// Its name in the definition.
    pub(super) span: Span,
}

/// What the function at hand returns.
#[derive(Debug, Clone)]
pub(super) struct Returns {
    name: String,
    ty: TypeId,
    /// The type in the definition.
    span: Span,
    /// Where a result that is no scalar is put.
    into: Option<LocalId>,
}

/// The functions that each function calls, and where.
pub(super) type Calls = HashMap<FunctionId, Vec<(FunctionId, Span)>>;

impl Lower<'_> {
    /// The signature of a function; complains of parameters that cannot be.
    pub(super) fn signature(&mut self, function: &ast::Function, id: FunctionId) -> Signature {
        let params = function.params.iter().map(|(name, ty)| {
            let resolved = self.resolve_type(ty);
            let resolved = self.handed_over_type(resolved, ty.span, "a parameter");
            (name.node.clone(), resolved, name.span)
        });
        let params = params.collect();
        let result = self.resolve_type(&function.result);
        let result = match result {
            TypeId::VOID => TypeId::VOID,
            other => self.handed_over_type(other, function.result.span, "returned"),
        };
        Signature { id, params, result, span: function.name.span }
    }

    fn handed_over_type(&mut self, ty: TypeId, span: Span, role: &str) -> TypeId {
        let most = self.max_strlen();
        let ty = match self.b.types().get(ty) {
            crate::types::Type::Str(0) => self.b.types().string(most),
            _ => ty,
        };
        if ty == TypeId::UNKNOWN || self.b.types().is_value(ty) {
            return ty;
        }
        let found = self.type_name(ty);
        self.complain(super::error::bad_value(span, &found, role));
        TypeId::UNKNOWN
    }

    /// The body; returns the locals of the parameters and of a result that is no scalar.
    pub(super) fn function_body(
        &mut self,
        function: &ast::Function,
        signature: &Signature,
    ) -> (Vec<LocalId>, Option<LocalId>) {
        self.enter();
        let mut params = Vec::with_capacity(signature.params.len());
        let all = function.params.iter().zip(&signature.params).enumerate();
        for (number, ((name, _), (_, ty, span))) in all {
            let own = Timed::Parameter(function.name.node.clone(), number);
            self.pass_clocks(&own, Timed::Variable((self.probe, name.span)));
            let shadows = self.complain_shadow(name);
            let local = self.new_variable(name, Some(Slot::fixed(*ty, *span)));
            self.assigned.insert((self.probe, name.span));
            if !shadows {
                params.push(local);
            }
        }
        let scalar = signature.result == TypeId::VOID || self.b.types().is_scalar(signature.result);
        let into = (!scalar && signature.result != TypeId::UNKNOWN)
            .then(|| self.b.local("returned", signature.result));
        into.inspect(|&into| self.b.zero(into));
        self.function = Some(Returns {
            name: function.name.node.clone(),
            ty: signature.result,
            span: function.result.span,
            into,
        });
        let body = self.block(&function.body);
        self.b.stmt(StmtKind::Block(body));
        let block = self.leave();
        self.b.stmt(StmtKind::Block(block));
        (params, into)
    }

    /// `return` in a function.
    pub(super) fn return_from_function(&mut self, value: Option<Placed>, span: Span) {
        let Some(returns) = self.function.clone() else { return };
        let wanted = self.type_name(returns.ty);
        let Some((operand, place)) = value else {
            if returns.ty != TypeId::VOID && returns.ty != TypeId::UNKNOWN {
                self.complain(
                    Diagnostic::error(
                        Code::BadReturn,
                        format!("`{}` returns `{wanted}`", returns.name),
                    )
                    .label(span, "nothing is returned here")
                    .label(returns.span, "the definition says so")
                    .help("write `return` and the value"),
                );
            }
            self.b.stmt(StmtKind::Return(None));
            return;
        };
        if operand.ty == TypeId::UNKNOWN || returns.ty == TypeId::UNKNOWN {
            self.b.stmt(StmtKind::Return(None));
            return;
        }
        let fits = join::put(self.b.types(), operand.ty, operand.literal_int(), returns.ty);
        if fits == Put::Clash || returns.ty == TypeId::VOID {
            let found = self.type_name(operand.ty);
            self.complain(
                Diagnostic::error(
                    Code::BadReturn,
                    format!("`{}` returns `{wanted}`, so it cannot return `{found}`", returns.name),
                )
                .label(place, format!("this is `{found}`"))
                .label(returns.span, format!("the definition says `{wanted}`"))
                .help("change the type in the definition, or cast the value"),
            );
            return;
        }
        self.learn_clock(Timed::Returned(returns.name.clone()), &operand);
        let value = self.coerce(&operand, returns.ty);
        match returns.into {
            Some(into) => {
                self.b.store(into, value);
                self.b.stmt(StmtKind::Return(None));
            }
            None => self.b.stmt(StmtKind::Return(Some(value))),
        }
    }

    /// A call, if there is a function of the name.
    pub(super) fn call_own(
        &mut self,
        name: &str,
        args: &[ast::Expr],
        span: Span,
    ) -> Option<Operand> {
        let signature = self.functions.get(name)?.clone();
        self.calls.push((signature.id, span));
        let values: Vec<Operand> = args.iter().map(|arg| self.expr(arg)).collect();
        if args.len() != signature.params.len() {
            let [wanted, found] = [signature.params.len(), args.len()].map(error::counted);
            let shown = self.shown(name, &signature);
            self.complain(
                Diagnostic::error(Code::CallArity, format!("`{name}()` takes {wanted}"))
                    .label(span, format!("{found} here"))
                    .label(signature.span, "defined here")
                    .help(format!("call it as `{shown}`")),
            );
            return Some(self.poison());
        }
        let mut passed = Vec::with_capacity(args.len());
        for ((value, arg), (param, ty, place)) in values.iter().zip(args).zip(&signature.params) {
            if value.ty == TypeId::UNKNOWN || *ty == TypeId::UNKNOWN {
                return Some(self.poison());
            }
            if join::put(self.b.types(), value.ty, value.literal_int(), *ty) == Put::Clash {
                let (wanted, found) = (self.type_name(*ty), self.type_name(value.ty));
                self.complain(
                    Diagnostic::error(
                        Code::BadArgument,
                        format!(
                            "`${param}` of `{name}()` is `{wanted}`, so it cannot be `{found}`"
                        ),
                    )
                    .label(arg.span, format!("this is `{found}`"))
                    .label(*place, format!("this is `{wanted}`"))
                    .help("cast the value, or change the type in the definition"),
                );
                return Some(self.poison());
            }
            self.learn_clock(Timed::Parameter(name.to_owned(), passed.len()), value);
            passed.push(self.coerce(value, *ty));
        }
        let result = self.emit_call(&signature, passed);
        self.recall_clock(Timed::Returned(name.to_owned()), &result);
        Some(result)
    }

    fn emit_call(&mut self, signature: &Signature, args: Vec<crate::ir::ExprId>) -> Operand {
        let (function, ty) = (signature.id, signature.result);
        let call = |result, into| StmtKind::CallFunction { function, args, result, into };
        match ty {
            TypeId::UNKNOWN => self.poison(),
            TypeId::VOID => {
                self.b.stmt(call(None, None));
                self.void()
            }
            _ if self.b.types().is_scalar(ty) => {
                let result = self.b.value(ty);
                self.b.stmt(call(Some(result), None));
                let expr = self.b.add(crate::ir::Expr::Value(result), ty);
                self.operand(expr)
            }
            _ => {
                let into = self.b.local("returned", ty);
                self.b.stmt(call(None, Some(into)));
                self.local_operand(into)
            }
        }
    }

    fn shown(&mut self, name: &str, signature: &Signature) -> String {
        let params: Vec<String> = signature
            .params
            .iter()
            .map(|(param, ty, _)| format!("${param} : {}", self.b.types().name(*ty)))
            .collect();
        format!("{name}({})", params.join(", "))
    }
}

/// Complains of functions that lead back to themselves.
pub(super) fn recursion(
    calls: &Calls,
    names: &HashMap<FunctionId, (String, Span)>,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut done: Vec<FunctionId> = Vec::new();
    let mut starts: Vec<FunctionId> = calls.keys().copied().collect();
    starts.sort();
    for start in starts {
        let mut path = vec![(start, names[&start].1)];
        follow(calls, names, &mut path, &mut done, &mut found);
    }
    found
}

fn follow(
    calls: &Calls,
    names: &HashMap<FunctionId, (String, Span)>,
    path: &mut Vec<(FunctionId, Span)>,
    done: &mut Vec<FunctionId>,
    found: &mut Vec<Diagnostic>,
) {
    let Some(&(at, _)) = path.last() else { return };
    if done.contains(&at) {
        return;
    }
    for &(next, span) in calls.get(&at).into_iter().flatten() {
        if let Some(from) = path.iter().position(|(id, _)| *id == next) {
            let chain: Vec<&str> = path[from..]
                .iter()
                .map(|(id, _)| names[id].0.as_str())
                .chain([names[&next].0.as_str()])
                .collect();
            found.push(
                Diagnostic::error(
                    Code::Recursion,
                    format!("`{}()` leads back to itself", names[&next].0),
                )
                .label(span, format!("the calls are {}", chain.join(" > ")))
                .label(names[&next].1, "defined here")
                .help("use a loop instead"),
            );
            continue;
        }
        path.push((next, span));
        follow(calls, names, path, done, found);
        path.pop();
    }
    done.push(at);
}
