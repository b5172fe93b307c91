//! Reading the verifier's log.

use std::io;

use super::Place;

/// What a log says about the end of it all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// Index of the instruction that was refused, from the start of the program.
    pub(super) instruction: Option<usize>,
    /// The source line above it, where the log has a file and a number (kernel 6.10 and newer).
    pub(super) place: Option<Place>,
    /// Why.
    pub(super) reason: String,
}

/// Name of the program and log in a message of libbpf that carries one.
pub(super) fn program_log(message: &str) -> Option<(&str, &str)> {
    let (head, rest) = message.split_once("-- BEGIN PROG LOAD LOG --\n")?;
    let name = head.split_once('\'')?.1.split_once('\'')?.0;
    Some((name, rest.split_once("-- END PROG LOAD LOG --").map_or(rest, |(log, _)| log)))
}

/// Finds the last instruction that was looked at and the words that came after it, or what the error number tells.
pub(super) fn read(log: &str, error: &io::Error) -> Finding {
    let mut finding = Finding { instruction: None, place: None, reason: String::new() };
    for line in log.lines().map(str::trim_end) {
        if let Some(index) = instruction(line) {
            finding.instruction = Some(index);
        } else if let Some(source) = line.strip_prefix("; ") {
            finding.place = place(source).or(finding.place);
        } else if is_words(line) {
            finding.reason = line.to_owned();
        }
    }
    if finding.reason.is_empty() {
        finding.reason = match error.raw_os_error() {
            Some(libc::E2BIG) => "it gave no reason but `E2BIG`".to_owned(),
            _ => "it gave no reason".to_owned(),
        };
    }
    // Structure is checked before instructions are walked through: then only the words have the number.
    finding.instruction = finding.instruction.or_else(|| mentioned(&finding.reason));
    finding
}

/// The index in a line such as `12: (85) call bpf_probe_read#4`.
fn instruction(line: &str) -> Option<usize> {
    let (index, rest) = line.split_once(": ")?;
    let code = rest.strip_prefix('(')?.split_once(')')?.0;
    let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_code { index.parse().ok() } else { None }
}

/// File and line in `@start[tid] = nsecs; @ lat.bt:7`.
fn place(source: &str) -> Option<Place> {
    let (file, line) = source.rsplit_once(" @ ")?.1.rsplit_once(':')?;
    Some(Place { file: file.to_owned(), line: line.parse().ok()?, column: 0 })
}

/// The number in `unreachable insn 5`, `back-edge from insn 9 to 3`.
fn mentioned(reason: &str) -> Option<usize> {
    let number = reason.split_once("insn ")?.1.split(|c: char| !c.is_ascii_digit()).next()?;
    number.parse().ok()
}

/// Whether a line speaks to people: it is neither the state of registers, nor bookkeeping, nor statistics.
fn is_words(line: &str) -> bool {
    const BOOKKEEPING: [&str; 19] = [
        "processed ",
        "verification time ",
        "stack depth ",
        "insns total",
        "from ",
        "func#",
        "Func#",
        "last_idx ",
        "regs=",
        "parent ",
        "mark_precise: ",
        "mark_read",
        "propagating ",
        "reg type unsupported for arg#",
        "arg#",
        "caller:",
        "callee:",
        "frame",
        "returning from callee:",
    ];
    let line = line.trim();
    let is_state = |text: &str| {
        let mut word = text.split(['=', '_', ' ']);
        word.next().is_some_and(|register| {
            matches!(register.as_bytes(), [b'R', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
        }) && text.split(' ').next().is_some_and(|first| first.contains('='))
    };
    let after_index = match line.split_once(": ") {
        Some((index, rest)) if index.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => line,
    };
    let safe = line == "safe" || line.ends_with(": safe") || line.starts_with("to ");
    !line.is_empty()
        && !safe
        && !is_state(after_index)
        && !BOOKKEEPING.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(log: &str) -> Finding {
        super::read(log, &io::Error::from_raw_os_error(libc::EINVAL))
    }

    const LOG_6_1: &str = "\
reg type unsupported for arg#0 function kprobe_vfs_read_1#25
0: R1=ctx(off=0,imm=0) R10=fp0
; @x = *(uint64 *)arg0;
0: (79) r6 = *(u64 *)(r1 +112)        ; R1=ctx(off=0,imm=0) R6_w=scalar()
1: (79) r3 = *(u64 *)(r6 +0)
R6 invalid mem access 'scalar'
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
";

    const LOG_6_18: &str = "\
func#0 @0
0: R1=ctx() R10=fp0
; @big[str(arg0)] = 1; @ lat.bt:7
0: (b7) r1 = 0                        ; R1_w=0
1: (7b) *(u64 *)(r10 -520) = r1
invalid write to stack R10 off=-520 size=8
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
";

    #[test]
    fn old_logs() {
        let finding = read(LOG_6_1);
        assert_eq!(finding.instruction, Some(1));
        assert_eq!(finding.reason, "R6 invalid mem access 'scalar'");
        assert_eq!(finding.place, None);
    }

    #[test]
    fn new_logs_name_the_line() {
        let finding = read(LOG_6_18);
        assert_eq!(finding.instruction, Some(1));
        assert_eq!(finding.reason, "invalid write to stack R10 off=-520 size=8");
        assert_eq!(finding.place, Some(Place { file: "lat.bt".to_owned(), line: 7, column: 0 }));
    }

    #[test]
    fn structure_is_refused_before_any_instruction() {
        let finding = read("func#0 @0\nunreachable insn 5\nprocessed 0 insns (limit 1000000)\n");
        assert_eq!((finding.instruction, finding.reason.as_str()), (Some(5), "unreachable insn 5"));
        let finding =
            read("BPF program is too large. Processed 1000001 insn\nprocessed 1000001 insns\n");
        assert_eq!(finding.reason, "BPF program is too large. Processed 1000001 insn");
    }

    #[test]
    fn states_between_instructions_are_no_reason() {
        let log = "\
3: (95) exit
from 1 to 3: R0=1 R1=ctx() R10=fp0
3: R0=1 R10=fp0
3: (85) call bpf_get_stack#67
R3 unbounded memory access, use 'var &= const' or 'if (var < const)'
stack depth 8
4: safe
";
        let finding = read(log);
        assert_eq!(finding.instruction, Some(3));
        assert!(finding.reason.starts_with("R3 unbounded memory access"));
    }

    #[test]
    fn libbpf_wraps_the_log() {
        let message = "libbpf: prog 'begin_1': -- BEGIN PROG LOAD LOG --\n0: (95) exit\n-- END PROG LOAD LOG --\n";
        assert_eq!(program_log(message), Some(("begin_1", "0: (95) exit\n")));
        assert_eq!(program_log("libbpf: something else"), None);
        assert_eq!(read("").reason, "it gave no reason");
        let silent = super::read("", &io::Error::from_raw_os_error(libc::E2BIG));
        assert_eq!(silent.reason, "it gave no reason but `E2BIG`");
    }
}
