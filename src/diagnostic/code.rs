//! The table of diagnostic codes: everything that ebtrace can complain of, one entry each.
//!
//! `E01xx` is what cannot be parsed, `E02xx` probes, `E03xx` names and types, `E04xx` builtins, `E05xx` limits,
//! `E06xx` what this kernel or machine lacks, `E07xx` loading and attaching, `E08xx` options and parameters; `Wxxxx` are
//! warnings of the same areas.

/// An entry of the table.
#[derive(Debug)]
pub struct Entry {
    /// Which.
    pub code: Code,
    /// `E0301`
    pub id: &'static str,
    /// What it means, in one line.
    pub meaning: &'static str,
    /// Why the rule is there and how to keep it.
    pub explanation: &'static str,
    /// A script that breaks the rule on the fixture kernel of the tests; empty where only a real kernel can say no.
    pub example: &'static str,
}

macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $name:ident = $id:literal, $explanation:literal, $example:literal;)+) => {
        /// Identifies an entry of the table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $meaning])+ $name,)+ }

        /// All entries, by id.
        pub const CODES: &[Entry] = &[$(Entry {
            code: Code::$name,
            id: $id,
            meaning: concat!($($meaning),+).trim_ascii(),
            explanation: $explanation,
            example: $example,
        },)+];

        impl Code {
            /// `E0301`
            pub fn id(self) -> &'static str {
                match self { $(Code::$name => $id,)+ }
            }
        }
    };
}

/// The entry with this id; letter case does not matter.
pub fn find(id: &str) -> Option<&'static Entry> {
    CODES.iter().find(|entry| entry.id.eq_ignore_ascii_case(id))
}

codes! {
    /// The text cannot be cut into tokens here.
    BadToken = "E0101",
        "A character that the language does not use stands outside of a string or comment.",
        "begin { $x = 1 ` 2; }";
    /// Something else was expected here.
    Unexpected = "E0102",
        "The script does not follow the grammar at this place. The message lists what could stand here.",
        "begin { $x = ; }";
    /// A string, comment or block is not closed.
    Unclosed = "E0103",
        "Every `\"`, `/*`, `(`, `[` and `{` needs its counterpart; a string cannot continue on the next line.",
        "begin { print(\"abc); }";
    /// An integer literal is malformed or too large.
    BadInteger = "E0104",
        "Integers are decimal, 0x hexadecimal, 0 octal or 0b binary, up to 2^64-1, with `_` between digits, an \
         optional suffix (u, ul, ull, l, ll), or a duration unit (ns, us, ms, s, m, h, d).",
        "begin { $x = 12abc; }";
    /// A string has an escape that does not exist.
    BadEscape = "E0105",
        "Known escapes are \\n \\t \\r \\\" \\\\, octal \\0 to \\377 and hexadecimal \\xHH.",
        "begin { print(\"\\q\"); }";
    /// This cannot be assigned to.
    BadTarget = "E0106",
        "Only variables (`$x`) and maps (`@x`, `@x[key]`) can be assigned, incremented or decremented.",
        "begin { pid = 2; }";
    /// Nested too deep, or an expression with too many operators.
    TooDeep = "E0107",
        "Blocks, brackets and `else if`s nest at most 200 levels deep, and an expression has at most 500 operators, \
         which keeps the compiler within its stack. Variables for the inner parts help.",
        "begin { $x = \
         (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((\
         (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((\
         (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((\
         1\
         )))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))\
         )))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))\
         ))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))); }";
    /// A positional parameter is not `$1` to `$9223372036854775807`.
    BadPositional = "E0108",
        "Positional parameters count from 1, and nothing but digits follows the `$`. `$#` is how many there are.",
        "begin { print($0); }";
    /// An item stands in another section's place.
    Misplaced = "E0109",
        "A script begins with its C (definitions and preprocessor lines), then come `config` and imports, then probes, \
         macros, functions and declared maps.",
        "begin { } config = { max_strlen = 64 }";
    /// There is no probe type of this name.
    UnknownProbe = "E0201",
        "An attach point starts with the name of a probe type, such as `kprobe` or `tracepoint`.",
        "krpobe:vfs_read { }";
    /// An attach point has too few or too many parts.
    ProbeArity = "E0202",
        "Each probe type wants certain parts after its name, separated by colons; `tracepoint` wants a category and \
         an event.",
        "tracepoint:sched { }";
    /// An offset in an attach point is not possible.
    BadOffset = "E0203",
        "`function+offset` probes an instruction within a function: a number of bytes, at entry probes only.",
        "kretprobe:vfs_read+4 { }";
    /// This machine has no such function, tracepoint or file.
    NotFound = "E0204",
        "Probes are checked against the running kernel and the files of this machine before anything is loaded.",
        "kprobe:vfs_raed { }";
    /// The period of a timer is not possible.
    BadPeriod = "E0205",
        "`interval` and `profile` take a unit and a count (`hz:99`, `ms:100`) or a duration of at least 1us; `software` and \
         `hardware` take the number of events from one time to the next.",
        "interval:s:0 { }";
    /// The script has no probes.
    NoProbes = "E0206",
        "A script needs at least one probe: an attach point and a block, such as `begin { }`.",
        "// nothing here";
    /// A probe that has to be alone is not.
    NotAlone = "E0207",
        "An iterator runs once and is done, so no other probe would have its time: it is the only probe of its script.",
        "iter:task { } iter:task_file { }";
    /// Memory cannot be watched like that.
    BadWatchpoint = "E0208",
        "The processor watches a few places at a time, each of 1, 2, 4 or 8 bytes, from a multiple of as many.",
        "watchpoint:0x1000:3:w { }";
    /// There is no builtin or function of this name.
    UnknownName = "E0301",
        "A bare name is a builtin such as `pid`; a name with parentheses is a function such as `printf()`. Variables \
         start with `$`, maps with `@`.",
        "begin { print(pdi); }";
    /// A variable is used that was never assigned.
    UnknownVariable = "E0302",
        "A variable exists from its first assignment to the end of the block that contains it.",
        "begin { print($x); }";
    /// A map is used that is never assigned.
    UnknownMap = "E0303",
        "A map gets its type from what is assigned to it, in any probe of the script.",
        "begin { print(@x); }";
    /// A variable or map holds one type and is given another.
    TypeClash = "E0304",
        "Every variable, map key and map value has one type. Integers widen to fit all that is assigned, strings \
         grow; anything else must be the same everywhere.",
        "begin { @x = 1; @x = \"a\"; }";
    /// A map is used both with and without a key.
    KeyClash = "E0305",
        "A map is scalar (`@x`) or keyed (`@x[k]`), with the same number and types of keys everywhere.",
        "begin { @x = 1; @x[2] = 1; }";
    /// An operator does not apply to these types.
    BadOperand = "E0306",
        "Arithmetic is for integers; strings can be compared with `==` and `!=`, and literals joined with `+`.",
        "begin { print(comm * 2); }";
    /// A condition is needed here.
    BadCondition = "E0307",
        "A condition is a bool, an integer (true if not 0) or an address; compare anything else with something.",
        "begin { if (comm) { } }";
    /// This has no fields, or none of this name.
    UnknownField = "E0308",
        "Fields are read from `args` of a tracepoint; the message lists them.",
        "tracepoint:syscalls:sys_enter_openat { print(args.filname); }";
    /// An operation on literals gives no 64-bit result.
    LiteralOverflow = "E0309",
        "What can be computed before the script runs is computed then, and must fit 64 bits.",
        "begin { print(1 / 0); }";
    /// This value cannot be stored, printed or used as a key.
    BadValue = "E0310",
        "Some expressions have no value (`printf()`), and aggregations live in maps only.",
        "begin { $x = printf(\"a\"); }";
    /// A value cannot be cast to this type.
    BadCast = "E0321",
        "Integers, bools, enums and addresses can be cast to one another, integers and arrays of the same size too, and \
         strings to arrays of characters or longer strings.",
        "begin { print((int64)comm); }";
    /// There is no type of this name.
    UnknownType = "E0330",
        "Types are those of the language (`bool`, `int8` to `uint64`, `string[N]`, `buffer[N]`), those that the script \
         or a header that it includes defines, and those of the kernel.",
        "begin { print(sizeof(struct tsak_struct)); }";
    /// This is no pointer, or one to something whose size is not known.
    BadPointer = "E0331",
        "`*` reads what stands at an address, which needs a pointer to a type with a size. `void *` and pointers to \
         types that are declared and not defined are cast first: `*(uint64 *)p`.",
        "begin { print(*comm); }";
    /// An index is no integer, or there is no such element.
    BadIndex = "E0332",
        "Elements of arrays, tuples and strings are counted from 0 to one less than the length. An element of a tuple is \
         chosen by a literal number, since each has a type of its own.",
        "tracepoint:raw_syscalls:sys_enter { print(args.args[6]); }";
    /// A type that cannot be, or not here.
    BadType = "E0333",
        "Arrays have a length of at least 1 and elements with a size; what has no size cannot be measured.",
        "begin { print(sizeof(void)); }";
    /// A feature that may still change is used without saying so.
    Gated = "E0334",
        "What it does may be another thing in the next version. An option of the `config` block allows it.",
        "begin { print(typeinfo(pid)); }";
    /// A definition in C cannot be read.
    BadC = "E0335",
        "The C of a script is `struct`, `union`, `enum` and `typedef` definitions and the lines of the preprocessor. \
         The message says what was expected.",
        "struct pair { int a int b; };\nbegin { }";
    /// A `#define` cannot be used here.
    BadMacro = "E0336",
        "A `#define` without parameters stands for its text where its name is used, which must be an expression there.",
        "#define TWICE(x) (x + x)\nbegin { print(TWICE(1)); }";
    /// A header cannot be included.
    BadInclude = "E0337",
        "Headers are read by libclang, which has to be installed. The kernel's types need no header where the kernel \
         has BTF.",
        "";
    /// A variable is declared although there is one of the name.
    Shadowed = "E0341",
        "A name means one variable: neither an inner block nor a loop can have another one of the same name.",
        "begin { $x = 1; let $x = 2; }";
    /// A jump stands outside of a loop.
    NotInLoop = "E0342",
        "`break` and `continue` belong to `for` and `while`; `return` ends a probe, and `unroll` repeats what it holds \
         to the end.",
        "begin { break; }";
    /// A block or `if` is used as a value and has none.
    NoValue = "E0343",
        "The value of a block is an expression at its end that no semicolon follows. An `if` has a value where all of \
         its branches have one.",
        "begin { $x = { print(1); }; }";
    /// A loop goes over what cannot be gone through.
    BadLoop = "E0344",
        "`for` goes over a range (`0..10`) or over a map with keys, whose values can be read one by one.",
        "begin { @x = 1; for ($kv : @x) { print($kv); } }";
    /// An expression is not known before the script runs.
    NotComptime = "E0345",
        "After `comptime` everything must be known when the script is compiled: literals, types, sizes, parameters.",
        "begin { print(comptime pid); }";
    /// A value cannot be returned.
    BadReturn = "E0346",
        "A probe returns an integer or nothing, a function what its definition says.",
        "begin { return \"a\"; }";
    /// The declaration of a map is wrong.
    BadMap = "E0347",
        "Maps are declared once, above the probes: `let @a = lruhash(100);`. The kinds are hash and lruhash for plain \
         values, percpuhash and percpulruhash for aggregations.",
        "let @a = tree(5); begin { @a[1] = 1; }";
    /// Functions call each other in a circle.
    Recursion = "E0348",
        "The kernel has no room for calls without end, so no function may lead back to itself.",
        "fn f($x : int64) : int64 { return f($x); } begin { print(f(1)); }";
    /// A variable has no type.
    NoType = "E0349",
        "A variable gets its type from its declaration or from what is assigned to it.",
        "begin { let $x; $x++; }";
    /// Two macros that take the same arguments have the same name.
    MacroRedefined = "E0350",
        "Macros may share a name if they take another number of arguments, or a map where the other takes an \
         expression. A variable is an expression, so `f($v)` and `f(e)` are the same.",
        "macro f($v) { $v } macro f(e) { e } begin { print(f(1)); }";
    /// A macro is used with arguments that it does not take.
    MacroArguments = "E0351",
        "A parameter `$v` takes a variable, `@m` a map without a key, and a name without sigil any expression, or a \
         type in `typeof(…)`.",
        "macro inc($v) { $v += 1; } begin { inc(5); }";
    /// A macro leads back to itself.
    MacroRecursion = "E0352",
        "A use of a macro is a copy of its body, so a macro that uses itself would never end.",
        "macro f(x) { f(x + 1) } begin { print(f(1)); }";
    /// A macro touches something that it was not given.
    MacroHygiene = "E0353",
        "A macro works wherever it is used, so it knows only its parameters and its own variables: maps have to be \
         passed, and `break`, `continue` and `return` do not reach the caller.",
        "macro inc() { @total += 1; } begin { inc(); }";
    /// A parameter of a macro cannot have this name.
    MacroParameter = "E0354",
        "Its name must not be that of a type, of a builtin that the language itself knows, or of another parameter.",
        "macro add(pid, y) { pid + y } begin { print(add(1, 2)); }";
    /// A type stands where a value is needed.
    TypeArgument = "E0355",
        "`typeof(…)` passes a type to a macro, or says one in `let $x : typeof(…)`, a cast, `sizeof` and the like.",
        "begin { print(typeof(int32)); }";
    /// A file cannot be imported.
    BadImport = "E0356",
        "Paths begin at the folder of the script that has the `import`. Scripts (`.bt`), definitions in C (`.h`), \
         functions in C for BPF (`.bpf.c`, compiled by clang, or `.bpf.o`) and folders with such files can be imported, \
         unless everyone may change them.",
        "import \"nowhere.bt\"; begin { }";
    /// A function got too few or too many arguments.
    CallArity = "E0401",
        "The message shows how the function is called.",
        "begin { print(str()); }";
    /// A function got an argument of the wrong kind.
    BadArgument = "E0402",
        "The message shows how the function is called and what it got instead.",
        "begin { printf(pid); }";
    /// This builtin means nothing in this probe.
    NotHere = "E0403",
        "Some builtins read what only certain probe types have: `args` a tracepoint's record, `retval` a function's \
         result.",
        "begin { print(retval); }";
    /// An aggregation is not assigned to a map.
    LooseAggregate = "E0404",
        "`count()` and its like add to a map and are written as its assignment: `@x = count();`.",
        "begin { $x = count(); }";
    /// A format does not fit its arguments.
    BadFormat = "E0405",
        "Every conversion such as `%d` takes one argument of a fitting type.",
        "begin { printf(\"%d\\n\", comm); }";
    /// A map function got something else than a map.
    NotAMap = "E0406",
        "`clear()`, `zero()` and `delete()` take a map: `clear(@x)`.",
        "begin { clear(1); }";
    /// What does more than look is used without saying so.
    Unsafe = "E0407",
        "A few builtins change what they trace. They want `--unsafe` on the command line.",
        "";
    /// The script itself says that it cannot be compiled.
    Failed = "E0408",
        "`fail()` and `static_assert()` say what the author of a script or macro wanted said here.",
        "begin { fail(\"not %s\", \"here\"); }";
    /// A string is too long.
    StringTooLong = "E0501",
        "A string and its NUL must fit the largest string size, which the option `max_strlen` sets.",
        "config = { max_strlen = 4 } begin { print(\"abcd\"); }";
    /// A program's values need more memory than a CPU has for it.
    TooLarge = "E0502",
        "Large values of one probe together get at most 32 KiB. Split the probe, or read shorter strings: `str(p, 64)`.",
        "";
    /// A script has too many attach points.
    TooManyProbes = "E0503",
        "Each attach point becomes a program of its own. The options `max_probes` and `max_bpf_progs` set other limits.",
        "config = { max_probes = 1 } begin { } end { }";
    /// A probe is too long.
    TooLong = "E0504",
        "What `unroll` repeats counts each time. The kernel takes programs of limited length.",
        "begin { unroll (100) { unroll (100) { @ = count(); } } }";
    /// Macros make too much.
    MacroTooLarge = "E0505",
        "Each use of a macro is a copy of its body with the arguments in it; macros that use macros several times \
         multiply.",
        "";
    /// A probe needs more stack than there is.
    OutOfStack = "E0506",
        "A BPF program has 512 bytes of stack. Variables move elsewhere when they are many, but what one expression \
         computes with at a time does not.",
        "";
    /// The kernel was built without a facility.
    KernelLacks = "E0601",
        "The kernel's build options decide which probes it has. `scripts/ebtrace` runs such a script in a virtual \
         machine.",
        "";
    /// Something on this machine cannot be read.
    Unreadable = "E0602",
        "The file is there, but the kernel or the file's permissions do not let it be read, or its format is damaged.",
        "";
    /// Tracing needs privileges.
    NotRoot = "E0603",
        "Loading BPF programs needs root, or CAP_BPF and CAP_PERFMON.",
        "";
    /// The machine lacks something that no kernel could replace.
    MachineLacks = "E0604",
        "Counters are a part of the processor, and a virtual machine has them only where its host lends them.",
        "";
    /// The kernel refused a program.
    Rejected = "E0701",
        "The kernel's verifier could not show that the program is safe. The message has its reason; `-v` shows its \
         whole log.",
        "";
    /// A program could not be loaded or attached.
    NotAttached = "E0702",
        "The kernel refused to load or attach a program, for the reason shown. Nothing was left attached.",
        "";
    /// There is no option of this name, or it cannot be set here.
    UnknownOption = "E0801",
        "The options that a script can set in its `config` block are those of the reference. A few can only be set in the \
         environment.",
        "config = { max_strln = 64 } begin { }";
    /// An option does not take this value.
    BadOptionValue = "E0802",
        "The message says what the option takes.",
        "config = { missing_probes = maybe } begin { }";
    /// Options are set twice.
    OptionTwice = "E0803",
        "A script has one `config` block, which sets each option once, under whatever name.",
        "config = { max_strlen = 64; max_strlen = 32 } begin { }";
    /// The script has no parameter of this name.
    UnknownParameter = "E0804",
        "Words with two dashes after `--` are named parameters, which the script asks for with `getopt()`. `-- --help` lists \
         them.",
        "";
    /// A named parameter has a value of another kind.
    BadParameter = "E0805",
        "The default says what a named parameter is: a number, text, or `true` and `false`.",
        "";
    /// A named parameter is declared in two ways.
    ParameterClash = "E0806",
        "`getopt()` has the same default and description wherever it asks for the same name.",
        "begin { print(getopt(\"n\", 1)); print(getopt(\"n\", 2)); }";
    /// A probe is left out because it does not exist.
    MissingProbe = "W0201",
        "The option `missing_probes` says that the script runs without the probes that this machine does not have; or a \
         pattern fits nothing, but stands beside attach points of the same probe that are there.",
        "config = { missing_probes = warn } kprobe:vfs_raed, begin { }";
    /// A probe may break what it traces.
    UnsafePlace = "W0202",
        "`--unsafe` was given, and the probe is placed where perhaps no instruction begins. A breakpoint within an \
         instruction changes what the program does.",
        "";
    /// A name stands for several files.
    SeveralFiles = "W0203",
        "Several folders of PATH have a program of this name, and all are probed. A path names one.",
        "uprobe:tool:main { }";
    /// A probe on what the kernel does for each probe.
    DangerousPlace = "W0204",
        "Some functions of the kernel, such as those that take locks, are called for nearly everything that a probe does. \
         Where such a probe is running on a CPU, no other of them runs on it, or they would follow each other for ever.",
        "fentry:_raw_spin_lock { @ = count(); }";
    /// A value is computed and not used.
    Unused = "W0301",
        "The statement has no effect. Assign the value, print it, or remove the statement.",
        "begin { 5; }";
    /// Integers of different signs meet.
    MixedSigns = "W0302",
        "A signed and an unsigned integer of the same size have no type that holds both; the value may change.",
        "begin { @x = -1; @x = nsecs; }";
    /// A positional parameter was not given.
    MissingParam = "W0303",
        "`$1` is 0, or an empty string, when the command line has no such parameter.",
        "begin { print($1); }";
    /// Nothing after this statement runs.
    Unreachable = "W0304",
        "`exit()` ends the probe at once.",
        "begin { exit(); print(1); }";
    /// An argument has no effect.
    Ignored = "W0305",
        "The message says what happens instead.",
        "begin { print(str(\"abc\", 4096)); }";
    /// A value is cut to fit the type of its place.
    Narrowed = "W0306",
        "The place has a declared type that does not hold every value of the other type. A cast says that it is meant.",
        "";
    /// A cast to the type that the value has already.
    Unneeded = "W0307",
        "The cast changes nothing and can be left out.",
        "begin { print((uint32)pid); }";
    /// Which memory an address belongs to is not known, or two that belong to different ones meet.
    AddressSpace = "W0330",
        "Kernel and process have addresses of their own. In probes that say nothing about whose an address is, \
         `kptr(p)` and `uptr(p)` do; otherwise the machine's one read for both is used, which not every machine has.",
        "begin { $p = 16; print(*$p); }";
    /// Pointers to different types are compared.
    DistinctPointers = "W0331",
        "They are only equal by accident, or because one type is the beginning of the other.",
        "begin { $a = 1; $b = \"x\"; print(&$a == &$b); }";
    /// A feature that may still change is used.
    Unstable = "W0332",
        "What it does may be another thing in the next version.",
        "";
    /// A type of the script takes the place of another one of the kernel.
    ReplacesKernelType = "W0340",
        "Where the kernel's own types and functions mention a type that the script defines too, the script's counts. If \
         its fields are elsewhere, what is read is wrong.",
        "";
    /// A variable is read above the place that assigns it.
    Unassigned = "W0341",
        "It is zero or empty until something is assigned.",
        "begin { let $x; print($x); $x = 1; }";
    /// A variable is declared and nothing is assigned to it.
    NeverAssigned = "W0342",
        "It stays zero or empty.",
        "begin { let $x : int32; }";
    /// Something old is used that has a better successor.
    Deprecated = "W0343",
        "It works as ever, and may be gone in a later version of the language.",
        "begin { $i = 0; while ($i < 3) { $i++; } }";
    /// A map is declared and not used.
    UnusedMap = "W0344",
        "Nothing in the script mentions the map.",
        "let @a = hash(5); begin { print(1); }";
    /// A macro has the name of a builtin that cannot be replaced.
    MacroUnused = "W0345",
        "The names that the language itself knows mean the builtin everywhere.",
        "macro pid() { 1 } begin { print(pid); }";
    /// A text is always empty.
    AlwaysEmpty = "W0346",
        "`str($1 + 5)` leaves out the first five characters of `$1`, and there are no more.",
        "";
    /// Something is used that is meant for finding mistakes only.
    ForDebugging = "W0347",
        "What `debugf()` prints is in `/sys/kernel/tracing/trace_pipe`, among what others print there.",
        "begin { debugf(\"%d\", pid); exit(); }";
    /// An option has another name now.
    OptionRenamed = "W0801",
        "It still works under the name that it had.",
        "config = { strlen = 64 } begin { }";
    /// An option has no effect.
    OptionIgnored = "W0802",
        "It once had one, or has one in other tools.",
        "config = { symbol_source = dwarf } begin { }";
}
