//! Diagnostics as text.

use std::borrow::Cow;

use codespan_reporting::diagnostic as codespan;
use codespan_reporting::term::{self, Config, termcolor};

use super::excerpt::Excerpts;
use super::{Diagnostic, Diagnostics, Label, Severity};
use crate::source::{FileId, LOCAL, Sources, Span};

/// The most calls of macros within macros that are shown with a place.
const MOST_USES: usize = 8;

/// Each diagnostic with the lines it speaks of, remarks under their places, background and help below.
///
/// ```text
/// error[E0304]: `@lat` holds `int64`, so it cannot take a string
///   ┌─ lat.bt:7:12
///   │
/// 4 │     @lat = nsecs - $start;
///   │     ---- became `int64` here
///   ·
/// 7 │     @lat = comm;
///   │            ^^^^ this is `string[16]`
///   │
///   = help: use a second map: `@name = comm`
/// ```
pub fn rich(sources: &Sources, diagnostics: &Diagnostics, color: bool) -> String {
    let texts: Vec<String> = diagnostics.iter().map(|one| rich_one(sources, one, color)).collect();
    texts.join("\n")
}

/// Each diagnostic in a line of its own: `lat.bt:7:12-16: error[E0304]: …`.
pub fn line(sources: &Sources, diagnostics: &Diagnostics) -> String {
    diagnostics.iter().map(|one| place(sources, one) + &head(one) + "\n").collect()
}

fn rich_one(sources: &Sources, diagnostic: &Diagnostic, color: bool) -> String {
    let labels = labels(sources, diagnostic);
    if labels.is_empty() {
        return head(diagnostic) + "\n" + &foot(diagnostic);
    }
    let spans: Vec<Span> = labels.iter().map(|label| label.span).collect();
    let excerpts = Excerpts::new(sources, &spans);
    let labels = labels.into_iter().enumerate().map(|(index, Label { span, text })| {
        let range = excerpts.range(span);
        let made = if index == 0 {
            codespan::Label::primary(span.file, range)
        } else {
            codespan::Label::secondary(span.file, range)
        };
        made.with_message(text)
    });
    let severity = match diagnostic.severity {
        Severity::Error => codespan::Severity::Error,
        Severity::Warning => codespan::Severity::Warning,
    };
    let report = codespan::Diagnostic::new(severity)
        .with_code(diagnostic.code.id())
        .with_message(plain(&diagnostic.headline))
        .with_labels(labels.collect())
        .with_notes(remarks(diagnostic));
    emit(&excerpts, &report, color)
        .unwrap_or_else(|| place(sources, diagnostic) + &head(diagnostic) + "\n")
}

/// The places in what people wrote, and where the macros are called that they come from.
fn labels(sources: &Sources, diagnostic: &Diagnostic) -> Vec<Label> {
    let written = diagnostic.labels.iter().map(|label| Label {
        span: sources.written(label.span),
        text: plain(&label.text).into_owned(),
    });
    let mut all: Vec<Label> = written.collect();
    for (number, label) in diagnostic.labels.iter().enumerate() {
        let origins = sources.origins(label.span);
        // Where an argument went matters only if nothing else is wrong there.
        if number > 0 && origins.first().is_some_and(|origin| origin.argument) {
            continue;
        }
        // The outermost is always shown: that is the line of whoever calls.
        let last = origins.len().saturating_sub(1);
        for (_, origin) in
            origins.iter().enumerate().filter(|(at, _)| *at < MOST_USES || *at == last)
        {
            let text = match origin.argument {
                true => format!("`{}` stands for it here", origin.name),
                false => format!("expanded from this use of `{}`", origin.name),
            };
            let label = Label { span: origin.span, text };
            if !all.contains(&label) {
                all.push(label);
            }
        }
    }
    all
}

/// A text about variables of macros, with the names that they have there.
fn plain(text: &str) -> Cow<'_, str> {
    let mut pieces = text.split(LOCAL);
    let first = pieces.next().unwrap_or_default();
    let rest: Vec<&str> =
        pieces.map(|piece| piece.trim_start_matches(|c: char| c.is_ascii_digit())).collect();
    if rest.is_empty() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(first.to_owned() + &rest.concat())
    }
}

fn emit(
    excerpt: &Excerpts<'_>,
    report: &codespan::Diagnostic<FileId>,
    color: bool,
) -> Option<String> {
    let config = Config::default();
    let text = if color {
        let mut buffer = termcolor::Buffer::ansi();
        term::emit_to_write_style(&mut buffer, &config, excerpt, report).ok()?;
        String::from_utf8(buffer.into_inner()).ok()?
    } else {
        term::emit_into_string(&config, excerpt, report).ok()?
    };
    // Lines that only continue the margin end in a space.
    let lines = text.trim_end().lines().map(str::trim_end);
    Some(lines.flat_map(|line| [line, "\n"]).collect())
}

/// `error[E0301]: …`
fn head(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    format!("{severity}[{}]: {}", diagnostic.code.id(), plain(&diagnostic.headline))
}

fn remarks(diagnostic: &Diagnostic) -> Vec<String> {
    let notes = diagnostic.notes.iter().map(|note| format!("note: {}", plain(note)));
    notes.chain(diagnostic.help.iter().map(|help| format!("help: {}", plain(help)))).collect()
}

fn foot(diagnostic: &Diagnostic) -> String {
    remarks(diagnostic).iter().map(|remark| format!("  = {remark}\n")).collect()
}

/// `lat.bt:7:12-16: `, the end being the column after the last; over several lines `lat.bt:7:12-9:2: `.
fn place(sources: &Sources, diagnostic: &Diagnostic) -> String {
    let Some(span) = diagnostic.labels.first().map(|label| sources.written(label.span)) else {
        return String::new();
    };
    let source = sources.get(span.file);
    let (start, end) = (source.position(span.start), source.position(span.end));
    let range = match (start.line == end.line, start == end) {
        (_, true) => format!("{}", start.column),
        (true, _) => format!("{}-{}", start.column, end.column),
        (false, _) => format!("{}-{}:{}", start.column, end.line, end.column),
    };
    format!("{}:{}:{range}: ", source.name, start.line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    fn with(text: &str, spans: &[(usize, usize)]) -> (Sources, Diagnostics) {
        let mut sources = Sources::new();
        let file = sources.add("x.bt", text.to_owned());
        let error = Diagnostic::error(Code::Unexpected, "expected `;`");
        let error = spans
            .iter()
            .fold(error, |error, &(start, end)| error.label(Span::new(file, start, end), "here"));
        let mut diagnostics = Diagnostics::new();
        diagnostics.push(error.note("why").help("what"));
        (sources, diagnostics)
    }

    #[test]
    fn any_span_of_any_text_renders() {
        let long = "é".repeat(3000) + "\n\t“x”\n";
        for text in ["", "\n", "a", "a\n", "\té\r\n\tb", long.as_str()] {
            for start in (0..text.len() + 2).step_by(1 + text.len() / 40) {
                for end in [start, start + 1, text.len(), text.len() + 9] {
                    let (sources, diagnostics) = with(text, &[(start, end), (end, start), (0, 1)]);
                    assert!(rich(&sources, &diagnostics, true).contains("here"));
                    assert!(
                        rich(&sources, &diagnostics, false)
                            .lines()
                            .all(|line| line.chars().count() < 400)
                    );
                    assert!(line(&sources, &diagnostics).starts_with("x.bt:"));
                }
            }
        }
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("a\n{}@x{}\nb", "-".repeat(5000), "+".repeat(5000));
        let (sources, diagnostics) = with(&text, &[(5002, 5004)]);
        let shown = rich(&sources, &diagnostics, false);
        assert!(
            shown.contains("x.bt:2:5001") && shown.contains("…---") && shown.contains("---@x+++"),
            "{shown}"
        );
        assert!(shown.contains("+++…\n") && shown.contains(" ^^ here\n"), "{shown}");
    }

    #[test]
    fn one_line_form() {
        let (sources, diagnostics) = with("a\n@x = 1\ny", &[(2, 4)]);
        assert_eq!(line(&sources, &diagnostics), "x.bt:2:1-3: error[E0102]: expected `;`\n");
        let (sources, diagnostics) = with("a\n@x = 1\ny", &[(3, 10)]);
        assert_eq!(line(&sources, &diagnostics), "x.bt:2:2-3:2: error[E0102]: expected `;`\n");
        let (sources, diagnostics) = with("", &[]);
        assert_eq!(line(&sources, &diagnostics), "error[E0102]: expected `;`\n");
        assert_eq!(
            rich(&sources, &diagnostics, false),
            "error[E0102]: expected `;`\n  = note: why\n  = help: what\n"
        );
    }

    #[test]
    fn rich_form() {
        let (sources, diagnostics) = with("a\n\t@x = 1\ny", &[(3, 5), (8, 9)]);
        let shown = "error[E0102]: expected `;`
  ┌─ x.bt:2:2
  │
2 │     @x = 1
  │     ^^   - here
  │     │
  │     here
  │
  = note: why
  = help: what
";
        assert_eq!(rich(&sources, &diagnostics, false), shown);
    }
}
