//! What builtins ask about the machine and the command line.

use super::lvalue::Lvalue;
use super::{Literal, Lower, Operand, Placed};
use crate::builtin::{self, Call};
use crate::config;
use crate::diagnostic::{Code, Diagnostic};
use crate::host::{HostError, Version};
use crate::options::{self, Setting};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};
use crate::types::{TypeId, gfp};

impl Lower<'_> {
    /// What the bits of the kernel's allocation flags are called.
    pub fn allocation_flags(&mut self) -> Vec<(u64, String)> {
        let host = self.host;
        gfp::flags(self.b.types(), host)
    }

    /// Version of the running kernel.
    pub fn kernel(&self) -> Version {
        self.host.version()
    }

    /// Number of CPUs that the machine can have.
    pub fn possible_cpus(&self) -> u32 {
        self.host.possible_cpus()
    }

    /// Number of the cgroup whose folder this is.
    ///
    /// # Errors
    /// As for [`crate::host::Host::cgroup_id`].
    pub fn cgroup_id(&self, path: &str) -> Result<u64, HostError> {
        self.host.cgroup_id(path)
    }

    /// All options of the script as a record.
    pub fn settings(&mut self, span: Span) -> Operand {
        let names = options::ENTRIES.iter().map(|entry| entry.name.to_owned()).collect();
        let parts: Vec<Placed> =
            options::ENTRIES.iter().map(|entry| (self.setting(entry), span)).collect();
        self.record_of(names, &parts, span)
    }

    fn setting(&mut self, entry: &options::Entry) -> Operand {
        match self.options.setting(entry) {
            Setting::Number(number) => self.number_of_type(number.into(), TypeId::U64),
            Setting::Truth(truth) => self.boolean(truth),
            Setting::Text(text) => self.text(text.as_bytes()),
        }
    }

    /// One of the options where all of them are `base`: nothing has to be computed for it.
    pub(super) fn one_setting(
        &mut self,
        base: &ast::Expr,
        name: &str,
        name_span: Span,
    ) -> Option<Operand> {
        let (ExprKind::Ident(builtin) | ExprKind::Call { name: builtin, .. }) = &base.kind else {
            return None;
        };
        if builtin != builtin::SETTINGS {
            return None;
        }
        if let Some(entry) = options::entry(name) {
            return Some(self.setting(entry));
        }
        self.complain(config::unknown(name, name_span));
        Some(self.poison())
    }

    /// Whether a command is run and traced.
    pub fn has_command(&self) -> bool {
        self.options.command
    }

    /// A number that is known now, in a type of its own.
    pub fn number_of_type(&mut self, number: i128, ty: TypeId) -> Operand {
        let expr = self.b.int(number as u64, ty);
        Operand { expr, ty, literal: Some(Literal::Int(number)) }
    }

    /// What of an argument is known before the script runs. Nothing is computed.
    pub fn literal_arg(&mut self, call: &Call<'_>, index: usize) -> Option<Literal> {
        let arg = call.args.get(index)?;
        let mut literal = None;
        self.unevaluated(|lower| {
            let operand = lower.expr(arg);
            literal = operand.literal.clone();
            Lvalue::Value(operand)
        });
        literal
    }

    /// Warns of what is nothing without a command.
    pub fn warn_without_command(&mut self, call: &Call<'_>) {
        let name = call.name;
        self.complain(
            Diagnostic::warning(
                Code::MissingParam,
                format!("there is no command, so `{name}` is 0"),
            )
            .label(call.span, "no process")
            .help("run one with `-c COMMAND`"),
        );
    }

    /// Complains of a kernel that is too old.
    pub fn complain_kernel(&mut self, call: &Call<'_>, headline: String, help: &str) -> Operand {
        let (major, minor, _) = self.kernel();
        self.complain(
            Diagnostic::error(Code::KernelLacks, headline)
                .label(call.span, format!("this kernel is Linux {major}.{minor}"))
                .help(help),
        );
        self.poison()
    }

    /// Complains of an argument in words of its own.
    pub fn complain_in_words(
        &mut self,
        (call, index): (&Call<'_>, usize),
        headline: String,
        reason: &str,
        help: &str,
    ) -> Operand {
        let span = call.args.get(index).map_or(call.span, |arg| arg.span);
        self.complain(
            Diagnostic::error(Code::BadArgument, headline).label(span, reason).help(help),
        );
        self.poison()
    }
}
