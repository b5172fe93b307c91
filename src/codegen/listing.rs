//! Shows the instructions of each program below the lines of the script that they come from.
//!
//! What LLVM writes for an assembler is read again: its directives say where functions begin and end, and which line the
//! next instructions are from.

use std::collections::{HashMap, HashSet};

use ebtrace_image as image;

use super::lines::source_of;
use crate::ir::layout::Layout;
use crate::source::{Source, Sources};

/// Where the kernel's programs are not: functions that they call.
const FUNCTIONS: &str = ".text";

const CALL: &str = "call";
/// What ends an instruction that takes the room of two.
const WIDE: &str = "ll";

/// A line of a script.
#[derive(Clone, Copy)]
struct Line<'a> {
    source: &'a Source,
    number: u32,
}

impl PartialEq for Line<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.source, other.source) && self.number == other.number
    }
}

struct Instruction<'a> {
    /// Where it comes from, if LLVM says so.
    line: Option<Line<'a>>,
    text: &'a str,
    /// How many of the kernel's instructions before it the function has.
    at: usize,
}

/// A program, or a function that programs call.
#[derive(Default)]
struct Function<'a> {
    name: &'a str,
    section: &'a str,
    instructions: Vec<Instruction<'a>>,
    /// The kernel's instructions in all.
    size: usize,
}

/// Everything that LLVM's text says.
#[derive(Default)]
struct Assembly<'a> {
    functions: Vec<Function<'a>>,
    /// Where jumps lead, from the beginning of the function.
    labels: HashMap<&'a str, usize>,
}

/// The programs of LLVM's text one after the other, each with the functions that it calls, as the kernel gets it.
pub(super) fn list(
    text: &str,
    helpers: &HashMap<u32, &'static str>,
    layout: &Layout,
    sources: &Sources,
) -> String {
    let image = &layout.image;
    let assembly = read(text, sources);
    let listing = Listing { assembly: &assembly, helpers, image };
    let functions = listing.assembly.functions.iter();
    let programs = functions.filter(|function| function.section != FUNCTIONS);
    let shown: Vec<String> = programs.map(|program| listing.program(program)).collect();
    shown.join("\n")
}

fn read<'a>(text: &'a str, sources: &'a Sources) -> Assembly<'a> {
    let mut assembly = Assembly::default();
    let mut files: HashMap<&str, &Source> = HashMap::new();
    let mut starting = HashSet::new();
    let (mut section, mut line) = (FUNCTIONS, None);
    let mut open: Option<Function<'_>> = None;
    for row in text.lines() {
        let Some(row) = row.strip_prefix('\t') else {
            let Some(label) = row.strip_suffix(':') else { continue };
            if starting.remove(label) {
                let new = Function { name: label, section, ..Function::default() };
                assembly.functions.extend(open.replace(new));
                line = None;
            } else if let Some(function) = &open {
                assembly.labels.insert(label, function.size);
            }
            continue;
        };
        let (word, rest) = row.split_once(['\t', ' ']).unwrap_or((row, ""));
        match word {
            ".text" => section = FUNCTIONS,
            ".section" => section = rest.split(',').next().unwrap_or(rest),
            ".type" => {
                starting.extend(rest.strip_suffix(",@function"));
            }
            ".size" => assembly.functions.extend(open.take()),
            ".file" => {
                if let Some((number, name)) = rest.split_once(' ') {
                    let name = name.replace("\" \"", "/");
                    let source = source_of(name.trim_matches('"').as_bytes(), sources);
                    files.extend(source.map(|source| (number, source)));
                }
            }
            ".loc" => line = place(rest, &files).or(line),
            _ if word.starts_with(['.', '#']) => {}
            _ => {
                if let Some(function) = &mut open {
                    let at = function.size;
                    function.instructions.push(Instruction { line, text: row, at });
                    function.size += slots(row);
                }
            }
        }
    }
    assembly
}

/// `1 5 23 prologue_end`: the file, the line and the column. What comes from no line belongs to what is around it.
fn place<'a>(row: &str, files: &HashMap<&str, &'a Source>) -> Option<Line<'a>> {
    let mut words = row.split(' ');
    let source = *files.get(words.next()?)?;
    let number = words.next()?.parse().ok().filter(|number| *number > 0)?;
    Some(Line { source, number })
}

/// How many of the kernel's instructions one is: a constant of 64 bits takes two.
fn slots(instruction: &str) -> usize {
    let is_wide = instruction.rsplit(' ').next() == Some(WIDE);
    if is_wide { 2 } else { 1 }
}

struct Listing<'a> {
    assembly: &'a Assembly<'a>,
    helpers: &'a HashMap<u32, &'static str>,
    image: &'a image::Image,
}

impl<'a> Listing<'a> {
    fn program(&self, program: &'a Function<'a>) -> String {
        let (mut parts, mut end) = (Vec::new(), 0);
        self.collect(program, &mut parts, &mut end);
        let mut probes = self.image.probes.iter();
        let probe = probes.find(|probe| probe.program == program.name);
        let mut out = format!("{}\n", probe.map_or(program.name, |probe| &probe.label));
        let own = program.instructions.iter().find_map(|instruction| instruction.line);
        for (number, (part, start)) in parts.iter().enumerate() {
            if number > 0 {
                out.push_str(&format!("  function {}\n", part.name));
            }
            self.function(part, *start, own, &mut out);
        }
        out
    }

    /// A program or function, and behind it what it calls and nobody before: so the loader puts them together.
    fn collect(
        &self,
        function: &'a Function<'a>,
        parts: &mut Vec<(&'a Function<'a>, usize)>,
        end: &mut usize,
    ) {
        parts.push((function, *end));
        *end += function.size;
        for instruction in &function.instructions {
            let callee = target(instruction.text).and_then(|name| self.function_named(name));
            if let Some(callee) = callee
                && !parts.iter().any(|(known, _)| known.name == callee.name)
            {
                self.collect(callee, parts, end);
            }
        }
    }

    fn function_named(&self, name: &str) -> Option<&'a Function<'a>> {
        self.assembly.functions.iter().find(|function| function.name == name)
    }

    /// Instructions that are numbered from `start` on, below their lines.
    fn function(
        &self,
        function: &Function<'_>,
        start: usize,
        own: Option<Line<'_>>,
        out: &mut String,
    ) {
        let mut last = None;
        for Instruction { line, text, at } in &function.instructions {
            if let Some(line) = line.filter(|line| Some(*line) != last) {
                last = Some(line);
                out.push_str(&shown(line, own));
            }
            out.push_str(&format!("{:>11}  {}\n", start + at, self.instruction(text, start)));
        }
    }

    /// With the names that the script and the kernel have, and jumps to numbers.
    fn instruction(&self, text: &str, start: usize) -> String {
        let (before, last) = text.rsplit_once(' ').unwrap_or(("", text));
        if let Some(label) = self.assembly.labels.get(last) {
            return format!("{before} {}", start + label);
        }
        if let Some(name) = last.parse().ok().and_then(|id: u32| self.helpers.get(&id))
            && before == CALL
        {
            return format!("{CALL} {name}");
        }
        let map = target(text)
            .and_then(|symbol| self.image.maps.iter().find(|map| map.symbol == symbol))
            .filter(|_| last == WIDE);
        match (map, text.split_once(' ')) {
            (Some(map), Some((register, _))) => format!("{register} = {} {WIDE}", map.name),
            _ => text.to_owned(),
        }
    }
}

/// The line of a script that instructions come from; of which script, where it is not that of the program itself.
fn shown(line: Line<'_>, own: Option<Line<'_>>) -> String {
    let Line { source, number } = line;
    let text = source.line(number).trim();
    match own.is_some_and(|own| std::ptr::eq(own.source, source)) {
        true => format!("{number:>5} │ {text}\n"),
        false => format!("{}:{number} │ {text}\n", source.name),
    }
}

/// What an instruction calls, or whose address it loads.
fn target(text: &str) -> Option<&str> {
    let (before, last) = text.rsplit_once(' ')?;
    if last == WIDE { before.rsplit(' ').next() } else { (before == CALL).then_some(last) }
}
