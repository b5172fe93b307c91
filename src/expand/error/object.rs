//! What is said of objects, and of C that becomes one.

use std::path::Path;

use crate::diagnostic::{Code, Diagnostic};
use crate::host::headers::Complaint;
use crate::host::object::Unusable;
use crate::source::Span;

pub(in crate::expand) fn no_compiler(span: Span, reason: &str) -> Diagnostic {
    Diagnostic::error(Code::BadImport, "functions in C are compiled by `clang`, which is not here")
        .label(span, "this is to be compiled")
        .note(reason.to_owned())
        .help(
            "install it: `apt install clang` on Debian and Ubuntu, `dnf install clang` on Fedora; or compile the file \
             elsewhere, with `clang -target bpf -g -O2 -c`, and import the `.bpf.o`",
        )
}

pub(in crate::expand) fn refused(
    path: &Path,
    import: Span,
    line: Option<Span>,
    complaint: &Complaint,
) -> Diagnostic {
    let headline = format!("the C compiler says: {}", complaint.message);
    let diagnostic = Diagnostic::error(Code::BadImport, headline);
    let diagnostic = match line {
        Some(line) => diagnostic.label(line, "at this line").label(import, "imported here"),
        None => diagnostic.label(import, format!("{} cannot be compiled", path.display())),
    };
    let diagnostic = match &complaint.within {
        Some(within) => diagnostic.note(format!("the place is {within}")),
        None => diagnostic,
    };
    match complaint.message.ends_with("file not found") {
        true => diagnostic.help(
            "say with `-I FOLDER` where it is, or install the package that has it: `<bpf/…>` is in `libbpf-dev` on Debian \
             and Ubuntu, in `libbpf-devel` on Fedora",
        ),
        false => diagnostic,
    }
}

pub(in crate::expand) fn unusable(path: &Path, span: Span, reason: Unusable) -> Diagnostic {
    let shown = path.display();
    let diagnostic = match reason {
        Unusable::NotBpf => {
            Diagnostic::error(Code::BadImport, format!("{shown} is no object for BPF"))
                .label(span, "its machine is another, or it is no object at all")
        }
        Unusable::NoBtf => {
            let rule = format!("{shown} does not say what its functions take");
            Diagnostic::error(Code::BadImport, rule).label(span, "it has no BTF")
        }
    };
    diagnostic.help("compile it so: `clang -target bpf -g -O2 -c functions.bpf.c`")
}

pub(in crate::expand) fn license(path: &Path, span: Span, found: &str, wanted: &str) -> Diagnostic {
    let rule = format!("{} has another licence than the script", path.display());
    Diagnostic::error(Code::BadImport, rule)
        .label(span, format!("this is \"{found}\", and the script \"{wanted}\""))
        .note("the kernel gets them as one program")
        .help(format!("if both may have it, write `config = {{ license = \"{found}\" }}`"))
}

pub(in crate::expand) fn twice(
    name: &str,
    (path, span): (&str, Span),
    (other, first): (&str, Span),
) -> Diagnostic {
    Diagnostic::error(Code::BadImport, format!("`{name}` is defined twice"))
        .label(span, format!("{path} defines it"))
        .label(first, format!("so does {other}"))
        .help("leave out one of the two imports, or declare it `static` in one of the files")
}
