//! Declarations of variables, and what is said of them when their block ends.

use super::facts::{Slot, Timed};
use super::{Lower, Operand, Variable};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::LocalId;
use crate::source::Span;
use crate::syntax::ast;
use crate::types::{Type, TypeId};

impl Lower<'_> {
    /// `let $x : type = value`
    pub(super) fn declare(
        &mut self,
        name: &ast::Name,
        ty: Option<&ast::TypeExpr>,
        value: Option<&ast::Expr>,
    ) {
        let value = value.map(|value| (self.expr(value), value.span));
        let ty = ty
            .map(|ty| (self.declared_type(ty, value.as_ref().map(|(value, _)| value.ty)), ty.span));
        if self.complain_shadow(name) {
            return;
        }
        let local = self.new_variable(name, ty.map(|(ty, span)| Slot::fixed(ty, span)));
        match value {
            Some((value, span)) => self.store_variable(&name.node, name.span, value, span),
            None => self.clear(local),
        }
    }

    /// Makes a variable in the innermost block, of this type or of what is assigned to it.
    pub(super) fn new_variable(&mut self, name: &ast::Name, slot: Option<Slot>) -> LocalId {
        let key = (self.probe, name.span);
        if let Some(slot) = slot.filter(|slot| slot.ty != TypeId::UNKNOWN) {
            self.found.variables.insert(key, slot);
        }
        let learnt = self.known.variables.get(&key).map_or(TypeId::UNKNOWN, |slot| slot.ty);
        let ty = slot.map_or(learnt, |slot| self.b.types().with_space_of(slot.ty, learnt));
        let local = self.b.local(&format!("${}", name.node), ty);
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.node.clone(), Variable { local, key });
        }
        local
    }

    /// A variable without a value is zero, whatever was in its place before.
    fn clear(&mut self, local: LocalId) {
        let ty = self.b.local_type(local);
        if self.b.types().is_scalar(ty) {
            let zero = self.b.int(0, ty);
            self.b.store(local, zero);
        } else if ty != TypeId::UNKNOWN {
            self.b.zero(local);
        }
    }

    /// Whether there is a variable of the name already, which is complained of.
    pub(super) fn complain_shadow(&mut self, name: &ast::Name) -> bool {
        let Some(variable) = self.lookup(&name.node) else { return false };
        self.complain(
            Diagnostic::error(Code::Shadowed, format!("`${}` exists already", name.node))
                .label(name.span, "declared again")
                .label(variable.key.1, "first here")
                .help(format!(
                    "give it another name, or assign to it without `let`: `${} = …`",
                    name.node
                )),
        );
        true
    }

    /// The type of a declaration; texts and buffers without a size have that of their first value.
    fn declared_type(&mut self, ty: &ast::TypeExpr, value: Option<TypeId>) -> TypeId {
        let declared = self.resolve_type(ty);
        let given = value.map(|value| self.b.types().get(value).clone());
        let open = match (self.b.types().get(declared), given) {
            (Type::Str(0), Some(Type::Str(_))) | (Type::Buffer(0), Some(Type::Buffer(_))) => value,
            (Type::Array { of, len: 0 }, Some(Type::Array { of: other, .. })) if *of == other => {
                value
            }
            (Type::Str(0), _) => {
                let size = self.max_strlen();
                Some(self.b.types().string(size))
            }
            _ => None,
        };
        let declared = open.unwrap_or(declared);
        if declared != TypeId::UNKNOWN && !self.b.types().is_value(declared) {
            let found = self.type_name(declared);
            self.complain(
                Diagnostic::error(
                    Code::BadValue,
                    format!("`{found}` cannot be the type of a variable"),
                )
                .label(ty.span, "no value of a variable has it")
                .help("declare a type of values, such as `uint64`; aggregations are kept in maps"),
            );
            return TypeId::UNKNOWN;
        }
        declared
    }

    /// A variable is read: says so if nothing was assigned to it above.
    pub(super) fn check_assigned(&mut self, name: &str, span: Span) {
        let Some(variable) = self.lookup(name) else { return };
        if !self.assigned.contains(&variable.key) && self.warned.insert(variable.key) {
            self.complain(
                Diagnostic::warning(
                    Code::Unassigned,
                    format!("nothing was assigned to `${name}` before this"),
                )
                .label(span, "so this is zero or empty")
                .label(variable.key.1, "declared here")
                .help("assign it first, or give it a value where it is declared"),
            );
        }
    }

    /// A block ends: what was never assigned or has no type is complained of.
    pub(super) fn check_unassigned(&mut self, name: &str, variable: &Variable) {
        let span = variable.key.1;
        if self.b.local_type(variable.local) == TypeId::UNKNOWN {
            if !self.diagnostics.has_errors() {
                self.complain(
                    Diagnostic::error(Code::NoType, format!("`${name}` has no type"))
                        .label(span, "nothing says what it holds")
                        .help(format!("declare the type, as in `let ${name} : int64;`, or assign a value to it")),
                );
            }
        } else if !self.assigned.contains(&variable.key) && !self.warned.contains(&variable.key) {
            self.complain(
                Diagnostic::warning(
                    Code::NeverAssigned,
                    format!("nothing is ever assigned to `${name}`"),
                )
                .label(span, "declared here")
                .help("remove the declaration, or assign a value"),
            );
        }
    }

    /// What a variable holds.
    pub(super) fn read_named(&mut self, name: &str, span: Span) -> Operand {
        match self.variable(name) {
            Some(local) if self.b.local_type(local) == TypeId::UNKNOWN => self.poison(),
            Some(local) => {
                self.check_assigned(name, span);
                let operand = self.local_operand(local);
                if let Some(variable) = self.lookup(name) {
                    self.recall_clock(Timed::Variable(variable.key), &operand);
                }
                operand
            }
            None => self.missing_variable(name, span),
        }
    }
}
