//! What a script may only use where it, or who runs it, says so.

use super::Lower;
use crate::builtin::Permit;
use crate::diagnostic::{Code, Diagnostic};
use crate::options::{Gate, Options};
use crate::source::Span;

impl Lower<'_> {
    /// Whether something can be used; complains where it cannot, or where that is doubtful.
    pub(super) fn permits(&mut self, permit: Permit, what: &str, span: Span) -> bool {
        let (may, complaint) = judge(permit, what, span, self.options);
        if let Some(complaint) = complaint {
            self.complain(complaint);
        }
        may
    }
}

fn judge(permit: Permit, what: &str, span: Span, options: &Options) -> (bool, Option<Diagnostic>) {
    match permit {
        Permit::Free => (true, None),
        Permit::Unsafe if options.unsafe_mode => (true, None),
        Permit::Unsafe => {
            let headline = format!("{what} can change the machine that is traced");
            let diagnostic = Diagnostic::error(Code::Unsafe, headline)
                .label(span, "this does more than look")
                .help("where that is meant, run the script with `--unsafe`");
            (false, Some(diagnostic))
        }
        // With what may change, ebtrace's own library keeps up.
        Permit::Unstable(_) if span.file.is_embedded() => (true, None),
        Permit::Unstable(unstable) => {
            let headline = format!("{what} may still change");
            let (may, diagnostic) = match options.gate(unstable) {
                Gate::Open => return (true, None),
                Gate::Doubtful => (true, Diagnostic::warning(Code::Unstable, headline)),
                Gate::Closed => {
                    let headline = format!("{what} has to be enabled, for it may still change");
                    (false, Diagnostic::error(Code::Gated, headline))
                }
            };
            let option = unstable.option();
            let diagnostic = diagnostic.label(span, "not stable yet").help(format!(
                "to use it as it is, write `config = {{ {option} = enable }}` above the probes"
            ));
            (may, Some(diagnostic))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Unstable;
    use crate::source::FileId;

    fn judged(permit: Permit, options: &Options) -> (bool, Option<Code>) {
        let span = Span::new(FileId::default(), 0, 1);
        let (may, complaint) = judge(permit, "`x`", span, options);
        (may, complaint.map(|complaint| complaint.code))
    }

    #[test]
    fn what_is_unsafe_wants_an_option_of_the_command_line() {
        let mut options = Options::default();
        assert_eq!(judged(Permit::Free, &options), (true, None));
        assert_eq!(judged(Permit::Unsafe, &options), (false, Some(Code::Unsafe)));
        options.unsafe_mode = true;
        assert_eq!(judged(Permit::Unsafe, &options), (true, None));
    }

    #[test]
    fn what_is_unstable_wants_an_option_of_the_script() {
        let mut options = Options::default();
        let permit = Permit::Unstable(Unstable::Tseries);
        assert_eq!(judged(permit, &options), (true, Some(Code::Unstable)));
        options.tseries = Gate::Closed;
        assert_eq!(judged(permit, &options), (false, Some(Code::Gated)));
        options.tseries = Gate::Open;
        assert_eq!(judged(permit, &options), (true, None));
    }
}
