//! Scripts that follow the grammar.

use std::fmt::Write as _;

use crate::random::Random;

/// A script that follows the grammar.
pub(crate) fn script(random: &mut Random) -> String {
    let mut text = String::new();
    preamble(random, &mut text);
    for _ in 0..=random.below(3) {
        let points = [
            "begin",
            "END",
            "kprobe:vfs_read",
            "kretprobe:f*,k:g",
            "u:\"/a b\":\"f<{>\" ,",
            "interval:s:1",
            "$1:g",
            "mine=end",
        ];
        text.push_str(random.pick(&points));
        text.push_str(random.pick(&[" ", "\n", " // c\n", " /* c */ "]));
        if random.one_in(3) {
            text.push('/');
            predicate(random, &mut text);
            text.push_str("/ ");
        }
        if random.one_in(4) {
            text.push('<');
            stmts(random, &mut text, 2);
            text.push_str(" >\n");
        } else {
            block(random, &mut text, 2);
            text.push('\n');
        }
    }
    text
}

/// Anything without braces, which end a predicate.
fn predicate(random: &mut Random, text: &mut String) {
    loop {
        let mut found = String::new();
        expr(random, &mut found, 2);
        if !found.contains('{') && !found.starts_with('*') {
            return text.push_str(&found);
        }
    }
}

/// What comes before the probes.
fn preamble(random: &mut Random, text: &mut String) {
    let c = [
        "",
        "",
        "",
        "#define LIMIT (1 + 2)\n",
        "struct pair { int a; unsigned b : 3; };\n",
        "enum color { RED, GREEN = 5 }\n",
        "typedef unsigned int word;\n",
        "union u { int a; struct { char b; } c[2]; } __attribute__((packed));",
    ];
    text.push_str(random.pick(&c));
    text.push_str(random.pick(&[
        "",
        "",
        "config = { max_strlen = 64 } ",
        "config = { stack_mode = perf; };",
    ]));
    for _ in 0..random.below(3) {
        text.push_str(random.pick(&[
            "let @d = hash(10);\n",
            "macro one { 1 }\n",
            "macro add($v, @w, e) ",
            "fn twice($v : int64, $p : struct pair *) : int64 ",
        ]));
        if text.ends_with(") ") || text.ends_with("int64 ") {
            block(random, text, 2);
            text.push('\n');
        }
    }
}

fn block(random: &mut Random, text: &mut String, depth: usize) {
    text.push('{');
    stmts(random, text, depth);
    text.push_str(random.pick(&["}", " }", "\n}"]));
}

fn stmts(random: &mut Random, text: &mut String, depth: usize) {
    let count = random.below(4);
    for index in 0..count {
        text.push_str(random.pick(&[" ", "\n    "]));
        let braces = stmt(random, text, depth);
        let last = index + 1 == count;
        let bare = braces || last;
        text.push_str(if bare && random.one_in(2) { "" } else { ";" });
    }
}

/// Writes a statement; says whether it ends in a block.
fn stmt(random: &mut Random, text: &mut String, depth: usize) -> bool {
    match random.below(if depth > 0 { 12 } else { 4 }) {
        0 | 1 => {
            target(random, text, depth);
            text.push_str(random.pick(&[" = ", "=", " += ", " <<= ", "/=", " &= "]));
            expr(random, text, depth);
        }
        2 => {
            target(random, text, depth);
            text.push_str(random.pick(&["++", "--", ""]));
        }
        3 | 4 => {
            text.push_str(random.pick(&[
                "print(",
                "printf(\"%d\", ",
                "(",
                "exit() + (",
                "++$x + (",
            ]));
            expr(random, text, depth);
            text.push(')');
        }
        5 => {
            text.push_str(random.pick(&[
                "let $z",
                "let $z : int32 = 5",
                "let $z : struct pair * = 0",
                "break",
                "continue",
                "return",
                "return 1 + pid",
                "_ = pid",
                "let $z : typeof($x)",
                "let $z : string[10]",
            ]));
        }
        6 => {
            text.push_str(random.pick(&[
                "for ($i : 0..10) ",
                "for $i : $x..(1 + pid) ",
                "for ($kv : @m) ",
            ]));
            block(random, text, depth - 1);
            return true;
        }
        7 => {
            text.push_str(random.pick(&["while ($x < 5) ", "while 1 ", "while(pid)"]));
            block(random, text, depth - 1);
            return true;
        }
        8 => {
            block(random, text, depth - 1);
            return true;
        }
        9 => {
            text.push_str("unroll (");
            expr(random, text, depth - 1);
            text.push_str(") ");
            block(random, text, depth - 1);
            return true;
        }
        _ => {
            text.push_str(random.pick(&["if (", "if(", "if !(", "if -("]));
            expr(random, text, depth - 1);
            text.push_str(") ");
            block(random, text, depth - 1);
            if random.one_in(2) {
                text.push_str(random.pick(&[" else if pid ", " else ", "\nelse if $x "]));
                block(random, text, depth - 1);
            }
            return true;
        }
    }
    false
}

fn target(random: &mut Random, text: &mut String, depth: usize) {
    text.push_str(random.pick(&["$x", "$y", "@", "@m", "@m[pid]", "@a[1, comm]"]));
    if text.ends_with("@m") && random.one_in(2) {
        text.push('[');
        expr(random, text, depth.saturating_sub(1));
        text.push(']');
    }
}

fn expr(random: &mut Random, text: &mut String, depth: usize) {
    let atoms = [
        "1",
        "0x7f",
        "5ms",
        "pid",
        "comm",
        "\"s\\n\\x00\"",
        "true",
        "$x",
        "@m[1]",
        "@",
        "$1",
        "$#",
        "args.f",
        "count()",
    ];
    if depth == 0 || random.one_in(3) {
        return text.push_str(random.pick(&atoms));
    }
    let operators = [
        "+", "-", "*", "/", "%", "<<", ">>", "<", ">=", "<=", "==", "!=", "&", "^", "|", "&&", "||",
    ];
    match random.below(13) {
        8 => {
            text.push_str(random.pick(&[
                "(uint8)",
                "(struct pair *)",
                "(int8[])",
                "*",
                "comptime ",
                "(typeof($x))",
            ]));
            text.push('(');
            expr(random, text, depth - 1);
            text.push(')');
        }
        9 => {
            text.push('(');
            expr(random, text, depth - 1);
            text.push_str(random.pick(&[", 1)", ",)", ", (2, 3)).1", ", 4)[0]"]));
        }
        10 => {
            text.push_str(random.pick(&["(a = ", "(if = 1, let = "]));
            expr(random, text, depth - 1);
            text.push(')');
        }
        11 => {
            text.push_str(random.pick(&["if (pid) { ", "if $x { $x = 1; "]));
            expr(random, text, depth - 1);
            text.push_str(" } else { 2 }");
        }
        12 => text.push_str(random.pick(&[
            "sizeof(struct pair)",
            "sizeof((pid))",
            "offsetof(struct pair, a.b)",
            "typeinfo($x)",
            "&$x",
            "f(typeof(int32))",
            "{ $x = 1; $x + 2 }",
            "$t.0.let[1]",
            "LIMIT",
        ])),
        0 | 1 => {
            expr(random, text, depth - 1);
            let _ = write!(text, " {} ", random.pick(&operators));
            expr(random, text, depth - 1);
        }
        2 => {
            text.push_str(random.pick(&["-", "!", "~", "- -", "!!"]));
            // Two signs in a row would be one of the other operators.
            text.push('(');
            expr(random, text, depth - 1);
            text.push(')');
        }
        3 => {
            text.push('(');
            expr(random, text, depth - 1);
            text.push(')');
            text.push_str(random.pick(&["", ".len", "->if", " > (1)"]));
        }
        4 => {
            expr(random, text, depth - 1);
            text.push_str(" ? ");
            if random.one_in(2) {
                expr(random, text, depth - 1);
            }
            text.push_str(" : ");
            expr(random, text, depth - 1);
        }
        5 => {
            text.push_str(random.pick(&["str(", "hist(", "f(1, "]));
            expr(random, text, depth - 1);
            text.push(')');
        }
        6 => text.push_str(random.pick(&["$x++", "--$y", "@m[comm]--", "++@"])),
        _ => target(random, text, depth - 1),
    }
}
