//! Layouts are those of the machine's C compiler: the same definitions are given to it and to ebtrace.

use std::fmt::Write as _;
use std::process::Command;

use ebtrace::diagnostic::render;
use ebtrace::host::fixture::Fixture;
use ebtrace::source::Sources;
use ebtrace::syntax;
use ebtrace::syntax::ast::Tag;
use ebtrace::types::catalog::{fields, resolve_name};
use ebtrace::types::{Access, Type, Types, c};

use super::random::Random;

/// Definitions of `struct s0`, `struct s1` and so on; the names of all members begin with `m`, of bit fields with `b`.
const BODIES: &[&str] = &[
    "struct s0 { char m1; int m2; char m3; long m4; short m5; };",
    "struct s1 { char m1; long long int m2; unsigned short int m3; } __attribute__((packed));",
    "struct __attribute__((packed)) s2 { char m1; struct s0 m2; short m3; };",
    "struct s3 { int b1 : 3; int b2 : 30; unsigned b3 : 1; char m1; };",
    "struct s4 { char m1; int b1 : 3; short b2 : 9; long b3 : 40; };",
    "struct s5 { int b1 : 3; int : 0; int b2 : 3; char m1; };",
    "struct s6 { char m1; int : 5; char b1 : 4; unsigned long b2 : 60; };",
    "struct s7 { int b1 : 7; int b2 : 27; long b3 : 33; } __attribute__((packed));",
    "struct s8 { char m1; union { int m2; long m3; struct { char m4; short m5; }; }; char m6; };",
    "struct s9 { char m1; struct { char m2; int m3; } m4; union { char m5[3]; short m6; } m7; };",
    "struct s10 { char m1[3]; int m2[2][5]; char m3[]; };",
    "struct s11 { void *m1; int (*m2)(int, char *); char *m3[4]; int (*m4)[3]; };",
    "struct s12 { char m1; int m2 __attribute__((aligned(16))); char m3; };",
    "struct s13 { char m1; int m2 __attribute__((packed)); char m3; long m4; };",
    "struct s14 { char m1; } __attribute__((aligned(32)));",
    "typedef int wide __attribute__((aligned(8))); struct s15 { char m1; wide m2; char m3; };",
    "enum e1 { A1, A2 = 5 }; enum e2 { B1 = -1 }; enum e3 { C1 = 1UL << 40 };
     struct s16 { char m1; enum e1 m2; char m3; enum e2 m4; char m5; enum e3 m6; };",
    "enum e4 { D1, D2 = 200 } __attribute__((packed)); struct s17 { char m1; enum e4 m2; short m3; };",
    "struct s18 { _Bool m1; _Bool b1 : 1; unsigned char b2 : 7; unsigned char b3 : 2; };",
    "struct s19 { float m1; double m2; char m3; long double m4; __int128 m5; };",
    "#define N 4\n#define M (N * 2 + 1)\nstruct s20 { char m1[N]; int m2[M]; char m3[sizeof(struct s0)]; };",
    "struct s21 { struct s21 *m1, *m2; const volatile unsigned char m3, m4[2], *m5; };",
    "typedef struct { char m1; long m2; } pair; struct s22 { char m1; pair m2; pair *m3; pair m4[3]; };",
    "struct s23 { char m1; struct s14 m2; char m3; };",
    "struct s24 { long b1 : 63; long b2 : 1; long b3 : 2; int m1; };",
    "struct s25 { short b1 : 16; char b2 : 8; int b3 : 16; int b4 : 16; };",
    "union u26 { int m1; char m2[5]; }; struct s26 { char m1; union u26 m2; };",
    "struct s27 { char m1; int b1 : 5 __attribute__((packed)); int b2 : 30; };",
    "struct s28 { unsigned int b1 : 4, b2 : 4, : 8, b3 : 16; unsigned char b4 : 3, m1; };",
    "struct s29 { char m1[(1 ? 3 : 9) + ('a' == 97)]; int m2[~0U == 0xffffffff]; char m3[-7 / 2 + 4]; };",
    "struct s30 { }; struct s31 { char m1; struct s30 m2; int m3; };",
    "struct s31b { int m1; }; struct s32 { char m1; _Alignas(8) char m2; short m3; };",
    "struct s33 { char m1; struct { int b1 : 2; long b2 : 50; }; char m2; };",
    "union u34 { int b1 : 7; char b2 : 3; long b3 : 33; }; struct s34 { char m1; union u34 m2; };",
    "struct s35 { int m1; struct { char m2; long m3; } __attribute__((packed)) m4; char m5; };",
    "struct s36 { long : 3; char m1; int : 0; char m2; };",
    "struct s37 { char m1; short b1 : 9; int b2 : 20; char b3 : 5; char m2; } __attribute__((packed, aligned(4)));",
];

/// The structs that are compared.
fn names(words: &str) -> Vec<String> {
    let number = |rest: &str| rest.split(|c: char| !c.is_ascii_digit()).next().map(str::to_owned);
    let mut names: Vec<String> =
        words.split(" s").filter_map(number).filter(|n| !n.is_empty()).collect();
    names.sort_by_key(|name| name.parse::<u32>().unwrap());
    names.dedup();
    names.into_iter().map(|name| format!("s{name}")).collect()
}

/// Size, alignment and fields of each struct as ebtrace has them; bits as the mask of their bytes.
fn ours(definitions: &str) -> String {
    let (mut types, host) = (Types::new(), Fixture::new());
    let mut sources = Sources::new();
    let file = sources.add("x.bt", definitions.to_owned() + "begin { }");
    let (script, diagnostics) = syntax::parse(&sources, file);
    assert!(!diagnostics.has_errors(), "{}", render::rich(&sources, &diagnostics, false));
    let (_, diagnostics) = c::declare(&script, None, &host, &mut types);
    assert!(!diagnostics.has_errors(), "{}", render::rich(&sources, &diagnostics, false));
    let mut out = String::new();
    for name in names(definitions) {
        let ty = resolve_name(&mut types, &host, Some(Tag::Struct), &name).unwrap();
        let Type::Struct(id) = *types.get(ty) else { panic!("{name}") };
        writeln!(out, "{name} {} {}", types.size(ty), types.align(ty)).unwrap();
        for field in fields(&mut types, &host, id) {
            match field.access {
                Access::Bits { bytes: read, from, width } => {
                    let first = field.offset * 8 + u32::from(from);
                    let bits: Vec<u32> = (first..first + u32::from(width)).collect();
                    let mut bytes = vec![0u8; types.size(ty) as usize];
                    bits.iter().for_each(|bit| bytes[*bit as usize / 8] |= 1 << (bit % 8));
                    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                    writeln!(out, "  {} {hex}", field.name).unwrap();
                    let end = field.offset + u32::from(read);
                    assert!(
                        end <= types.size(ty),
                        "{name}.{} is read beyond its struct",
                        field.name
                    );
                }
                _ => writeln!(out, "  {} {}", field.name, field.offset).unwrap(),
            }
        }
    }
    out
}

/// The same from the compiler, asked for the same fields.
fn theirs(definitions: &str, ours: &str) -> Option<String> {
    let mut program =
        String::from("#include <stdio.h>\n#include <stddef.h>\n#include <string.h>\n");
    program += definitions;
    program += "static void hex(void *p, int n) { unsigned char *c = p; while (n--) printf(\"%02x\", *c++); }\n\
                int main(void) {\n";
    let mut current = "";
    for line in ours.lines() {
        let name = line.split_whitespace().next().unwrap();
        if !line.starts_with(' ') {
            current = name;
            writeln!(
                program,
                "printf(\"{name} %zu %zu\\n\", sizeof(struct {name}), _Alignof(struct {name}));"
            )
        } else if name.starts_with('b') {
            writeln!(
                program,
                "{{ struct {current} s; memset(&s, 0, sizeof s); s.{name} = -1; printf(\"  {name} \"); \
                 hex(&s, sizeof s); puts(\"\"); }}"
            )
        } else {
            writeln!(program, "printf(\"  {name} %zu\\n\", offsetof(struct {current}, {name}));")
        }
        .unwrap();
    }
    program += "}\n";
    let thread = std::thread::current().id();
    let folder = format!("ebtrace-layout-{}-{thread:?}", std::process::id());
    let folder = std::env::temp_dir().join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    let (source, binary) = (folder.join("x.c"), folder.join("x"));
    std::fs::write(&source, program).unwrap();
    let compiler = Command::new("cc").arg("-w").arg("-o").arg(&binary).arg(&source).output();
    let run = compiler.ok().map(|compiled| {
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        Command::new(&binary).output().unwrap()
    });
    std::fs::remove_dir_all(&folder).unwrap();
    Some(String::from_utf8(run?.stdout).unwrap())
}

fn compare(definitions: &str) {
    let ours = ours(definitions);
    // A machine without a C compiler has nothing to compare with.
    let Some(theirs) = theirs(definitions, &ours) else { return };
    let mut of = "";
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        of = if ours.starts_with(' ') { of } else { ours };
        let name = format!("struct {} {{", of.split(' ').next().unwrap());
        let text = definitions.lines().find(|line| line.starts_with(&name));
        assert_eq!(ours, theirs, "ebtrace on the left, the C compiler on the right; {text:?}");
    }
    assert_eq!(ours.lines().count(), theirs.lines().count());
}

#[test]
fn layouts_are_those_of_the_compiler() {
    let definitions = BODIES.join("\n") + "\n";
    assert!(names(&definitions).len() > 30);
    compare(&definitions);
}

/// `LAYOUT_SEEDS=1000` tries more of them.
#[test]
fn layouts_of_random_structs_are_those_of_the_compiler() {
    let seeds = std::env::var("LAYOUT_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    for seed in 0..seeds.unwrap_or(3u64) {
        let mut random = Random(seed);
        let structs: Vec<String> = (0..100).map(|number| random.structure(number)).collect();
        compare(&structs.join("\n"));
    }
}

impl Random {
    /// `struct s7 { … };`, which may have earlier ones in it.
    fn structure(&mut self, number: usize) -> String {
        let mut members = 0;
        let body = self.body(number, 0, &mut members);
        let attribute = self.pick(&[
            "",
            "",
            "",
            " __attribute__((packed))",
            " __attribute__((packed, aligned(2)))",
            " __attribute__((aligned(8)))",
        ]);
        format!("struct s{number} {{ {body}}}{attribute};")
    }

    fn body(&mut self, number: usize, depth: usize, members: &mut usize) -> String {
        (0..1 + self.below(6)).map(|_| self.member(number, depth, members)).collect()
    }

    fn member(&mut self, number: usize, depth: usize, members: &mut usize) -> String {
        let integers = [
            ("char", 8),
            ("signed char", 8),
            ("unsigned short", 16),
            ("int", 32),
            ("unsigned", 32),
            ("long", 64),
            ("unsigned long long", 64),
            ("_Bool", 1),
        ];
        let (integer, most) = integers[self.below(integers.len())];
        *members += 1;
        let name = *members;
        let attribute = self.pick(&[
            "",
            "",
            "",
            "",
            "",
            " __attribute__((packed))",
            " __attribute__((aligned(4)))",
        ]);
        match self.below(12) {
            _ if self.one_in(24) => format!("struct {{ }} m{name}; "),
            0..=4 => format!("{integer} b{name} : {}{attribute}; ", 1 + self.below(most)),
            5 => format!("{integer} : {}; ", self.below(most + 1)),
            6 => format!("{integer} m{name}[{}]; ", 1 + self.below(5)),
            7 if depth < 2 => {
                let tag = self.pick(&["struct", "union"]);
                let packed = self.pick(&["", "", " __attribute__((packed))"]);
                let body = self.body(number, depth + 1, members);
                format!("{tag} {{ {body}}}{packed}; ")
            }
            8 if number > 0 => format!("struct s{} m{name}; ", self.below(number)),
            9 => format!("void *m{name}{attribute}; "),
            _ => format!("{integer} m{name}{attribute}; "),
        }
    }
}
