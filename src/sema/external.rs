//! Calls of functions in C, of the objects that the script imports.

use super::{Lower, Operand};
use crate::diagnostic::{Code, Diagnostic};
use crate::expand::object::Object;
use crate::host::object::{CType, MOST_ARGUMENTS, Prototype};
use crate::ir::{Expr, ExprId, StmtKind};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind, Tag, UnaryOp};
use crate::types::{Space, Type, TypeId, catalog};

impl<'a> Lower<'a> {
    /// The function in C of this name.
    pub(super) fn external(&self, name: &str) -> Option<(&'a Object, &'a Prototype)> {
        let functions = self
            .objects
            .iter()
            .flat_map(|object| object.functions.iter().map(move |function| (object, function)));
        functions.into_iter().find(|(_, function)| function.name == name)
    }

    /// Names of all functions in C.
    pub(super) fn externals(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let functions = self.objects.iter().flat_map(|object| &object.functions);
        functions.map(|function| function.name.as_str())
    }

    /// A call; `args` is nothing where there are no parentheses.
    pub(super) fn call_external(
        &mut self,
        object: &Object,
        function: &Prototype,
        args: Option<&Vec<ast::Expr>>,
        span: Span,
    ) -> Operand {
        let args = match args {
            Some(args) if args.len() == function.params.len() => args,
            _ => {
                let diagnostic = self.wrong_count(function, args.map(Vec::len), span);
                return self.refuse_call(diagnostic, object);
            }
        };
        if let Some(diagnostic) = out_of_reach(function, span) {
            return self.refuse_call(diagnostic, object);
        }
        let mut passed = Vec::with_capacity(args.len());
        for (number, (arg, (_, ty))) in args.iter().zip(&function.params).enumerate() {
            match self.passed(arg, ty) {
                Ok(value) => passed.push(value),
                Err(found) => {
                    let diagnostic = self.wrong_type((function, number), arg.span, found);
                    self.refuse_call(diagnostic, object);
                    passed.push(None);
                }
            }
        }
        let Some(args) = passed.into_iter().collect::<Option<Vec<ExprId>>>() else {
            return self.poison();
        };
        let external = self.b.external(function);
        let ty = self.of_c(&function.result);
        if ty == TypeId::VOID {
            self.b.stmt(StmtKind::CallExternal { external, args, result: None });
            return self.void();
        }
        let result = self.b.value(ty);
        self.b.stmt(StmtKind::CallExternal { external, args, result: Some(result) });
        let expr = self.b.add(Expr::Value(result), ty);
        self.operand(expr)
    }

    /// What is passed for a parameter: nothing where the argument was complained of, and its type where it does not fit.
    fn passed(&mut self, arg: &ast::Expr, param: &CType) -> Result<Option<ExprId>, TypeId> {
        let pointer = matches!(param, CType::Pointer(_));
        // A plain address would be a number to the kernel, and the function could not look at what stands there.
        if pointer
            && let ExprKind::Unary { op: UnaryOp::AddressOf, operand } = &arg.kind
            && let ExprKind::Variable(name) = &operand.kind
            && let Some(local) = self.variable(name)
        {
            let ty = self.b.local_type(local);
            return match ty {
                TypeId::UNKNOWN => Ok(None),
                _ if self.points_to(param, ty) && self.has_room(param, ty) => {
                    Ok(Some(self.b.address(local, 0)))
                }
                _ => Err(self.b.types().pointer(ty, Space::Kernel)),
            };
        }
        let value = self.expr(arg);
        if is_text(param) && matches!(self.b.types().get(value.ty), Type::Str(_)) {
            return Ok(Some(self.address_of(&value)));
        }
        let fits = match *self.b.types().get(value.ty) {
            Type::Unknown => return Ok(None),
            Type::Int { .. } => true,
            Type::Bool | Type::Enum { .. } => !pointer,
            Type::Pointer { to, .. } => match pointer {
                true => self.points_to(param, to),
                false => param.register() == Some(8),
            },
            _ => false,
        };
        let ty = self.of_c(param);
        if fits { Ok(Some(self.coerce(&value, ty))) } else { Err(value.ty) }
    }

    /// Whether a variable of this type is as large as what a parameter points to, so that a function can write there.
    fn has_room(&mut self, param: &CType, ty: TypeId) -> bool {
        let CType::Pointer(wanted) = param else { return false };
        self.b.types().size(ty) >= wanted.size()
    }

    /// Whether a pointer to this type can be a parameter: those to structs are told apart by their names, those to
    /// integers by their sizes.
    fn points_to(&mut self, param: &CType, to: TypeId) -> bool {
        let CType::Pointer(wanted) = param else { return false };
        let CType::Record { name, .. } = &**wanted else {
            let ints = matches!(**wanted, CType::Int { .. }) && self.b.types().is_int(to);
            return !ints || self.b.types().size(to) == wanted.size();
        };
        let found = match self.b.types().get(to) {
            Type::Struct(_) | Type::Opaque(_) => self.type_name(to),
            _ => return true,
        };
        name.is_empty() || found.rsplit(' ').next() == Some(name)
    }

    /// The type of the language that a value in C has.
    fn of_c(&mut self, ty: &CType) -> TypeId {
        match ty {
            CType::Void | CType::Array(..) | CType::Other => TypeId::VOID,
            CType::Int { size, signed } | CType::Enum { size, signed, .. } => {
                TypeId::int((size * 8) as u8, *signed)
            }
            CType::Bool => TypeId::BOOL,
            CType::Pointer(to) => {
                let to = self.of_c(to);
                self.b.types().pointer(to, Space::Kernel)
            }
            CType::Record { name, union, .. } => {
                let tag = if *union { Tag::Union } else { Tag::Struct };
                let host = self.host;
                let known = catalog::resolve_name(self.b.types(), host, Some(tag), name);
                let spelt = format!("{} {name}", tag.word());
                known.unwrap_or_else(|| self.b.types().intern(Type::Opaque(spelt)))
            }
        }
    }

    /// As one would write a call, with the types.
    fn signature_in_c(&mut self, function: &Prototype) -> String {
        let params = function.params.iter().map(|(name, ty)| {
            let ty = match ty {
                CType::Array(..) | CType::Other => "…".to_owned(),
                ty => {
                    let ty = self.of_c(ty);
                    self.type_name(ty)
                }
            };
            if name.is_empty() { ty } else { format!("{ty} {name}") }
        });
        let params: Vec<String> = params.collect();
        format!("{}({})", function.name, params.join(", "))
    }

    fn refuse_call(&mut self, diagnostic: Diagnostic, object: &Object) -> Operand {
        self.complain(diagnostic.label(object.span, format!("{} has it", object.path)));
        self.poison()
    }

    /// `found` is how many arguments there are, if there are parentheses for them.
    fn wrong_count(
        &mut self,
        function: &Prototype,
        found: Option<usize>,
        span: Span,
    ) -> Diagnostic {
        let (wanted, name) = (function.params.len(), &function.name);
        let plural = |count: usize| match count {
            1 => "1 argument".to_owned(),
            count => format!("{count} arguments"),
        };
        let takes = if wanted == 0 { "no arguments".to_owned() } else { plural(wanted) };
        let shown = self.signature_in_c(function);
        let diagnostic = match found {
            Some(found) => {
                Diagnostic::error(Code::CallArity, format!("`{name}()` takes {takes}, not {found}"))
                    .label(span, format!("{} here", plural(found)))
            }
            None => Diagnostic::error(Code::UnknownName, format!("`{name}` is a function"))
                .label(span, "it is not called here"),
        };
        diagnostic.help(format!("it is called as `{shown}`"))
    }

    fn wrong_type(
        &mut self,
        (function, number): (&Prototype, usize),
        span: Span,
        found: TypeId,
    ) -> Diagnostic {
        let (param, ty) = &function.params[number];
        let wanted = self.of_c(ty);
        let (wanted, found) = (self.type_name(wanted), self.type_name(found));
        let param = match &**param {
            "" => format!("argument {}", number + 1),
            name => format!("`{name}`"),
        };
        let rule =
            format!("{param} of `{}()` is `{wanted}`, so it cannot be `{found}`", function.name);
        let diagnostic =
            Diagnostic::error(Code::BadArgument, rule).label(span, format!("this is `{found}`"));
        match ty {
            CType::Pointer(_) => diagnostic
                .help(format!("pass such a pointer, the address of a variable (`&$x`), or cast the value: `({wanted})…`")),
            _ => diagnostic.help("pass an integer, or cast the value to one"),
        }
    }
}

/// Whether a parameter takes the address of text: `char *`, or `void *`.
fn is_text(param: &CType) -> bool {
    matches!(param, CType::Pointer(to) if matches!(**to, CType::Void | CType::Int { size: 1, .. }))
}

/// Why a function cannot be called by a script at all, if that is so.
fn out_of_reach(function: &Prototype, span: Span) -> Option<Diagnostic> {
    let strange = |ty: &CType| ty.register().is_none();
    let why = if function.params.len() > MOST_ARGUMENTS {
        format!("BPF functions take at most {MOST_ARGUMENTS} arguments")
    } else if let Some((name, _)) = function.params.iter().find(|(_, ty)| strange(ty)) {
        format!("its parameter `{name}` is neither a number nor a pointer to data")
    } else if strange(&function.result) && function.result != CType::Void {
        "what it returns is neither a number nor a pointer to data".to_owned()
    } else {
        return None;
    };
    let rule = format!("`{}()` cannot be called by scripts", function.name);
    Some(
        Diagnostic::error(Code::BadArgument, rule).label(span, why).help(
            "call it from another function in C, which takes and returns numbers and pointers",
        ),
    )
}
