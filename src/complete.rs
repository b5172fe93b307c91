//! How an unfinished script can go on: for the shell, and for whoever types at a prompt.

mod member;
mod name;
mod word;

use crate::host::Host;
use crate::list::{self, Manner};
use crate::pipeline;
use crate::probe;
use crate::sema::Known;
use crate::source::Sources;
use crate::syntax::cursor::{self, End, Place};

/// Of more than so many probes nobody reads the names.
const MOST_PROBES: usize = 2000;

/// Words that begin an item.
pub(crate) const ITEMS: &[(&str, &str)] = &[
    ("config", "options of the script"),
    ("fn", "a function"),
    ("import", "brings what another file defines"),
    ("let", "says how large a map is, and of which kind"),
    ("macro", "a piece of code with a name"),
];

/// What a word can become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The whole word.
    pub text: String,
    /// What it is, in a line; empty where the word says it.
    pub help: String,
}

impl Candidate {
    fn new(text: impl Into<String>, help: impl Into<String>) -> Self {
        Self { text: text.into(), help: help.into() }
    }
}

/// Where the last word of an unfinished script begins, and what it can become, sorted.
pub fn complete(script: &str, host: &dyn Host) -> (usize, Vec<Candidate>) {
    complete_after("", script, host)
}

/// The same for a script that stands below others, whose definitions and maps it knows. What is above may also end
/// within a body, `begin {`, for what is a statement or an expression by itself.
pub fn complete_after(above: &str, script: &str, host: &dyn Host) -> (usize, Vec<Candidate>) {
    let whole = match above {
        "" => script.to_owned(),
        above => format!("{above}\n{script}"),
    };
    let (start, mut found) = candidates(&whole, host);
    let word = &whole[start..];
    found.retain(|candidate| candidate.text.starts_with(word));
    found.sort_by(|one, other| one.text.cmp(&other.text));
    found.dedup_by(|one, other| one.text == other.text);
    (start.saturating_sub(whole.len() - script.len()), found)
}

fn candidates(script: &str, host: &dyn Host) -> (usize, Vec<Candidate>) {
    let start = script.trim_end_matches(cursor::is_part_of_word).len();
    let is_named = script[..start].ends_with(['$', '@']);
    let found = match cursor::end(script) {
        End::Text => Vec::new(),
        End::Outside => return outside(script, host),
        End::Inside(place) if is_named => {
            return (start - 1, name::names(script, place.as_ref(), host));
        }
        End::Inside(_) => word::words(script),
        End::Option => word::options(),
        End::Value(option) => word::values(option),
        End::Tag(tag) => name::tagged(script, tag, &script[start..], host),
        End::Member(base, place) => member::fields(script, base, &place, host),
    };
    (start, found)
}

/// Between items: attach points, and what begins another item.
fn outside(script: &str, host: &dyn Host) -> (usize, Vec<Candidate>) {
    let start = script.rfind([' ', '\t', '\n', ',', '}', ';', '>']).map_or(0, |at| at + 1);
    let word = &script[start..];
    if word.contains(':') {
        let listing = list::search(&format!("{word}*"), host, &Manner::default());
        let found = listing.labels().take(MOST_PROBES);
        return (start, found.map(|label| Candidate::new(label, "")).collect());
    }
    let kinds = probe::kinds().map(|kind| {
        let colon = if kind.shape.is_empty() { "" } else { ":" };
        Candidate::new(format!("{}{colon}", kind.name), kind.summary)
    });
    let items = ITEMS.iter().map(|(word, help)| Candidate::new(*word, *help));
    (start, kinds.chain(items).collect())
}

/// A field that no struct has, by which the type of what stands before it is asked for.
const FIELD: &str = "ebtrace_completes_this";

/// What the checker knows of a script, and of what has the field of this name.
fn known(script: String, host: &dyn Host) -> Option<Known> {
    let mut sources = Sources::new();
    let file = sources.add("unfinished", script);
    pipeline::ask(&mut sources, file, host, FIELD)
}

/// What stands before the last item's body. A pattern's first probe stands for all: there may be tens of thousands.
fn head(script: &str, place: &Place, host: &dyn Host) -> String {
    let head = &script[place.head.clone()];
    let is_probe = head.split(':').next().is_some_and(probe::is_kind);
    if !is_probe || !head.contains('*') {
        return head.to_owned();
    }
    let listing = list::search(head, host, &Manner::default());
    listing.labels().next().unwrap_or(head).to_owned()
}

/// The script up to the statement at hand, with something else in its place. What is open is closed at its end.
fn with_statement(script: &str, place: &Place, head: &str, statement: &str) -> String {
    if place.in_predicate {
        return with_only_statement(script, place, head, statement);
    }
    let (before, body) = (&script[..place.head.start], &script[place.head.end..place.statement]);
    format!("{before}{head} {body} {statement}")
}

/// The script with just one statement below the last item's head.
fn with_only_statement(script: &str, place: &Place, head: &str, statement: &str) -> String {
    format!("{}{head} {{ {statement}", &script[..place.head.start])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::Fixture;

    fn found(script: &str) -> Vec<Candidate> {
        complete(script, &Fixture::new()).1
    }

    fn texts(script: &str) -> Vec<String> {
        found(script).into_iter().map(|candidate| candidate.text).collect()
    }

    /// The help of the only candidate.
    fn help(script: &str) -> String {
        match &found(script)[..] {
            [one] => one.help.clone(),
            other => panic!("{script}: {other:?}"),
        }
    }

    #[test]
    fn attach_points_and_items_begin() {
        assert_eq!(texts("kpr"), ["kprobe:"]);
        assert_eq!(texts("begin { exit(); } be"), ["begin", "bench:"]);
        assert_eq!(texts("begin { print((1); } be"), ["begin", "bench:"]);
        assert_eq!(texts("ma"), ["macro"]);
        assert!(texts("").contains(&"tracepoint:".to_owned()));
        assert!(texts("kprobe:vfs_re").contains(&"kprobe:vfs_read".to_owned()));
        assert!(texts("kprobe:vfs_read, kprobe:vfs_wr").contains(&"kprobe:vfs_write".to_owned()));
    }

    #[test]
    fn bodies_have_builtins_words_and_names() {
        assert_eq!(texts("begin { @ = cou"), ["count("]);
        assert_eq!(texts("kprobe:f /com"), ["comm", "comptime"]);
        assert_eq!(texts("begin { whi"), ["while"]);
        assert_eq!(texts("begin { $start = 1; @start = 2; $other = $st"), ["$start"]);
        assert_eq!(texts("begin { @start = 1; } end { print(@"), ["@start"]);
        let (start, found) = complete("begin { hist", &Fixture::new());
        assert_eq!(start, 8);
        assert!(found[0].help.starts_with("hist(n[, bits]): "), "{found:?}");
    }

    #[test]
    fn variables_are_those_of_the_probe() {
        assert_eq!(texts("begin { $start = 1; } end { $stop = 1; print($st"), ["$stop"]);
        assert!(texts("begin { $start = 1; } end { print($").is_empty());
    }

    #[test]
    fn names_have_types() {
        assert_eq!(help("begin { $task = curtask; print($t"), "struct task_struct *");
        assert_eq!(
            help("begin { @n[pid, comm] = 1; } end { print(@"),
            "int8 for each (uint32,string[16])"
        );
        assert_eq!(help("begin { @n = count(); if (1 == @"), "count_t");
        assert_eq!(help("fn f($a : int32) : int32 { return $"), "int32");
    }

    #[test]
    fn definitions_of_the_script_are_known() {
        let script =
            "macro twice($x) { $x * 2 } fn thrice($x : int64) : int64 { return $x * 3; } begin { t";
        let found = found(script);
        let has = |text: &str, help: &str| found.contains(&Candidate::new(text, help));
        assert!(has("twice(", "macro twice($x)"), "{found:?}");
        assert!(has("thrice(", "fn thrice($x : int64) : int64"), "{found:?}");
    }

    #[test]
    fn arguments_have_names() {
        let script = "tracepoint:syscalls:sys_enter_openat { print(args.";
        let found = texts(script);
        assert!(found.contains(&"filename".to_owned()), "{found:?}");
        assert_eq!(help(&format!("{script}fil")), "const char * filename");
        assert_eq!(texts("tracepoint:syscalls:sys_enter_openat { print(args->fil"), ["filename"]);
        assert_eq!(texts("t:syscalls:sys_enter_op* { print(args.fil"), ["filename"]);
    }

    #[test]
    fn values_have_fields() {
        let base = |text: &str| format!("begin {{ {text}");
        for text in [
            "curtask->tg",
            "print(curtask.tg",
            "$t = curtask; if ($t->tg",
            "$t = curtask; if ($t->pid == 1) { @[pid] = $t->tg",
            "@last = curtask; print((1, @last->tg",
            "@last[pid] = curtask; print(@last[pid].tg",
            "for ($i : 0..curtask->tg",
            "$x = ; curtask->tg",
            "print(curtask->parent->tg",
            "$r = (a = curtask, b = 1); print($r.a->tg",
        ] {
            assert_eq!(texts(&base(text)), ["tgid"], "{text}");
        }
        assert_eq!(texts("kprobe:vfs_read { $x = 1 + ((struct task_struct *)arg0)->tg"), ["tgid"]);
        assert_eq!(texts("kprobe:f /pid == 1 && curtask->tg"), ["tgid"]);
        assert_eq!(texts("kprobe:no_such_function { curtask->tg"), ["tgid"]);
        assert_eq!(texts("begin < print(curtask->tg"), ["tgid"]);
        assert_eq!(texts("fn f($t : struct task_struct *) : int64 { return $t->tg"), ["tgid"]);
        assert_eq!(texts("macro t() { curtask } begin { t()->tg"), ["tgid"]);
        assert_eq!(
            texts("struct s { int tgid; char name[4]; };\nbegin { ((struct s *)1)->"),
            ["name", "tgid"]
        );
    }

    #[test]
    fn fields_have_types() {
        assert_eq!(help("begin { curtask->tg"), "pid_t tgid");
        assert_eq!(help("struct s { int a; };\nbegin { ((struct s *)1)->"), "int32 a");
        assert_eq!(help("begin { $r = (left = 1, right = \"x\"); $r.r"), "string[2] right");
        assert_eq!(help("begin { $t = (1, \"ab\"); $t.1"), "string[3]");
        assert_eq!(texts("begin { @n[comm] = 1; } end { for ($kv : @n) { print($kv."), ["0", "1"]);
        assert_eq!(texts("begin { @t[1] = curtask; for ($kv : @t) { print($kv.1->tg"), ["tgid"]);
        assert!(help("begin { print(config.max_strl").contains("max_strlen"));
    }

    #[test]
    fn what_has_no_fields_has_no_candidates() {
        for text in
            ["pid.", "1.", "$unknown.", "print(.", "\"x\".", "@a.b.c.", "->", "curtask->pid."]
        {
            assert!(texts(&format!("begin {{ {text}")).is_empty(), "{text}");
        }
    }

    #[test]
    fn structs_are_those_of_kernel_and_script() {
        assert_eq!(texts("begin { $x = (struct task_str"), ["task_struct"]);
        assert_eq!(texts("struct own { int x; };\nbegin { sizeof(struct ow"), ["own"]);
        assert_eq!(texts("struct own { int x; };\nbegin { sizeof(struct "), ["own"]);
        assert!(texts("begin { sizeof(struct ").is_empty());
    }

    #[test]
    fn options_and_their_values_are_known() {
        assert_eq!(texts("config = { max_strl"), ["max_strlen"]);
        assert_eq!(texts("config = { max_strlen = 64; stack_mo"), ["stack_mode"]);
        assert_eq!(texts("config = { stack_mode = b"), ["bpftrace", "build_id"]);
        assert_eq!(texts("config = { print_maps_on_exit = t"), ["true"]);
        assert!(texts("config = { max_strlen = ").is_empty());
    }

    #[test]
    fn what_stands_above_is_known() {
        let after = |above: &str, script: &str| {
            let (start, found) = complete_after(above, script, &Fixture::new());
            (start, found.into_iter().map(|one| one.text).collect::<Vec<_>>())
        };
        let above = "macro twice($x) { $x * 2 }\nbegin { @last = curtask; $own = 1; }";
        assert_eq!(after(above, "end { print(@la"), (12, vec!["@last".to_owned()]));
        assert_eq!(after(above, "end { @last->tg"), (13, vec!["tgid".to_owned()]));
        assert_eq!(after(above, "end { twi"), (6, vec!["twice(".to_owned()]));
        assert_eq!(after(above, "kpr"), (0, vec!["kprobe:".to_owned()]));
        assert_eq!(after(&format!("{above}\nbegin {{"), "@last->tg"), (7, vec!["tgid".to_owned()]));
        assert_eq!(after("begin {", "nsec"), (0, vec!["nsecs".to_owned()]));
    }

    #[test]
    fn nothing_goes_on_in_text() {
        assert!(texts("begin { printf(\"cou").is_empty());
        assert!(texts("// cou").is_empty() && texts("begin { /* cou").is_empty());
    }
}
