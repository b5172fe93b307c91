//! The tables of a file: `.eh_frame`, a program for each function, run once and laid out in rows.

use ebtrace_image::unwind::{Frame, Pointer, Row, Rule};
use gimli::{
    BaseAddresses, CfaRule, CieOrFde, EhFrame, EndianSlice, FrameDescriptionEntry, LittleEndian,
    Operation, Register, RegisterRule, UnwindContext, UnwindExpression, UnwindSection,
    UnwindTableRow, X86_64,
};
use object::{Architecture, Object, ObjectSection, ObjectSegment};

type Slice<'a> = EndianSlice<'a, LittleEndian>;
type Operations<'a> = Vec<Operation<Slice<'a>>>;

/// Where the address that a call returns to is, from where the frame begins.
const RETURN_AT: i64 = -8;

/// A part of a file that is in memory when it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// Where it is in the file, and how long.
    offset: u64,
    size: u64,
    /// Its address in the file's own counting.
    address: u64,
}

/// What a file says about its code.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) segments: Vec<Segment>,
    /// Sorted.
    pub(super) rows: Vec<Row>,
}

impl Table {
    /// That of an ELF file; without rows where it has none that are understood.
    pub(super) fn read(bytes: &[u8]) -> Table {
        let Ok(file) = object::File::parse(bytes) else { return Table::default() };
        if file.architecture() != Architecture::X86_64 {
            return Table::default();
        }
        let segments = file.segments().map(|segment| {
            let (offset, size) = segment.file_range();
            Segment { offset, size, address: segment.address() }
        });
        let section = file.section_by_name(".eh_frame");
        let rows = section.and_then(|section| {
            let address = |name| file.section_by_name(name).map_or(0, |section| section.address());
            let bases = BaseAddresses::default()
                .set_eh_frame(section.address())
                .set_text(address(".text"))
                .set_got(address(".got"));
            Some(rows(&section.uncompressed_data().ok()?, &bases))
        });
        Table { segments: segments.collect(), rows: rows.unwrap_or_default() }
    }
}

/// The address of what stands in a file at an offset.
pub(super) fn address_at(segments: &[Segment], offset: u64) -> Option<u64> {
    let within = |segment: &&Segment| offset.wrapping_sub(segment.offset) < segment.size;
    segments.iter().find(within).map(|segment| offset - segment.offset + segment.address)
}

fn rows(section: &[u8], bases: &BaseAddresses) -> Vec<Row> {
    let section = EhFrame::new(section, LittleEndian);
    let (mut rows, mut context) = (Vec::new(), UnwindContext::new());
    let mut entries = section.entries(bases);
    // What follows a damaged entry cannot be found.
    while let Ok(Some(entry)) = entries.next() {
        let CieOrFde::Fde(partial) = entry else { continue };
        // Of a damaged function nothing is known from there on.
        if let Ok(function) = partial.parse(EhFrame::cie_from_offset) {
            let _ = add_function(&section, bases, &mut context, &function, &mut rows);
        }
    }
    // Where one function ends and another begins, the other counts; where one has two rows, the later.
    rows.sort_by_key(|row| (row.start, row.rule != Rule::UNKNOWN.packed()));
    let mut sorted: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        match sorted.last_mut() {
            Some(last) if last.start == row.start => *last = row,
            _ => sorted.push(row),
        }
    }
    sorted.dedup_by_key(|row| row.rule);
    sorted
}

fn add_function<'a>(
    section: &EhFrame<Slice<'a>>,
    bases: &BaseAddresses,
    context: &mut UnwindContext<usize>,
    function: &FrameDescriptionEntry<Slice<'a>>,
    rows: &mut Vec<Row>,
) -> gimli::Result<()> {
    rows.push(Row { start: function.end_address(), rule: Rule::UNKNOWN.packed() });
    // A function that was left out when the program was linked has kept its entry.
    if function.initial_address() == 0 {
        return Ok(());
    }
    let mut table = function.rows(section, bases, context)?;
    while let Some(row) = table.next_row()? {
        let reader = Reader { section, encoding: function.cie().encoding() };
        let rule = reader.rule(row).unwrap_or(Rule::UNKNOWN);
        rows.push(Row { start: row.start_address(), rule: rule.packed() });
    }
    Ok(())
}

/// Reads the rules of a function.
struct Reader<'s, 'a> {
    section: &'s EhFrame<Slice<'a>>,
    encoding: gimli::Encoding,
}

impl<'a> Reader<'_, 'a> {
    /// The rule of a row, if programs can follow it.
    fn rule(&self, row: &UnwindTableRow<usize>) -> Option<Rule> {
        let returns = row.register(X86_64::RA);
        if returns == Some(RegisterRule::Undefined) {
            return Some(Rule { frame: Frame::Outermost, ..Rule::UNKNOWN });
        }
        let (pointer, pointer_offset) = self.pointer(row.register(X86_64::RBP));
        let rule = |frame, offset: i64| {
            let frame_offset = i32::try_from(offset).ok()?;
            Some(Rule { frame, frame_offset, pointer, pointer_offset })
        };
        let found = match row.cfa() {
            CfaRule::RegisterAndOffset { register: X86_64::RSP, offset } => {
                rule(Frame::Stack, *offset)
            }
            CfaRule::RegisterAndOffset { register: X86_64::RBP, offset } => {
                rule(Frame::Base, *offset)
            }
            CfaRule::RegisterAndOffset { .. } => None,
            CfaRule::Expression(expression) => match &self.operations(expression)[..] {
                [of, Operation::Deref { .. }] => match register(of)? {
                    (X86_64::RSP, offset) => rule(Frame::AtStack, offset),
                    (X86_64::RBP, offset) => rule(Frame::AtBase, offset),
                    _ => None,
                },
                [of, Operation::Deref { .. }, Operation::PlusConstant { value: 8 }] => {
                    match register(of)? {
                        (X86_64::RSP, offset) => rule(Frame::AtStackPlus8, offset),
                        _ => None,
                    }
                }
                operations => {
                    let (offset, from) = linkage(operations)?;
                    let rule = rule(Frame::Linkage, offset)?;
                    (rule.pointer == Pointer::Same).then_some(Rule { pointer_offset: from, ..rule })
                }
            },
        }?;
        match returns? {
            RegisterRule::Offset(RETURN_AT) => Some(found),
            // A frame that the kernel made for a signal: all registers are there, one after the other.
            RegisterRule::Expression(expression) if found.frame == Frame::AtStack => {
                let [of] = &self.operations(&expression)[..] else { return None };
                let (base, offset) = register(of)?;
                let next = base == X86_64::RSP && offset == i64::from(found.frame_offset) + 8;
                next.then_some(Rule { frame: Frame::Signal, ..found })
            }
            _ => None,
        }
    }

    /// Where the caller's frame pointer is.
    fn pointer(&self, rule: Option<RegisterRule<usize>>) -> (Pointer, i16) {
        let at = |pointer, offset: i64| match i16::try_from(offset) {
            Ok(offset) => (pointer, offset),
            Err(_) => (Pointer::Lost, 0),
        };
        match rule {
            None | Some(RegisterRule::Undefined | RegisterRule::SameValue) => (Pointer::Same, 0),
            Some(RegisterRule::Offset(offset)) => at(Pointer::Frame, offset),
            Some(RegisterRule::Expression(expression)) => match &self.operations(&expression)[..] {
                [of] => match register(of) {
                    Some((X86_64::RBP, offset)) => at(Pointer::Base, offset),
                    Some((X86_64::RSP, offset)) => at(Pointer::Stack, offset),
                    _ => (Pointer::Lost, 0),
                },
                _ => (Pointer::Lost, 0),
            },
            _ => (Pointer::Lost, 0),
        }
    }

    /// The operations of an expression; none of a damaged one.
    fn operations(&self, expression: &UnwindExpression<usize>) -> Operations<'a> {
        let Ok(expression) = expression.get(self.section) else { return Vec::new() };
        let (mut all, mut operations) = (Vec::new(), expression.operations(self.encoding));
        loop {
            match operations.next() {
                Ok(Some(operation)) => all.push(operation),
                Ok(None) => return all,
                Err(_) => return Vec::new(),
            }
        }
    }
}

fn register(operation: &Operation<Slice<'_>>) -> Option<(Register, i64)> {
    match operation {
        Operation::RegisterOffset { register, offset, .. } => Some((*register, *offset)),
        _ => None,
    }
}

/// What linkers write for entries of the procedure linkage table: `sp + offset + ((ip & 15) >= from) << 3`.
fn linkage(operations: &[Operation<Slice<'_>>]) -> Option<(i64, i16)> {
    use Operation::{And, Ge, Plus, RegisterOffset, Shl, UnsignedConstant};
    match operations {
        [
            RegisterOffset { register: X86_64::RSP, offset, .. },
            RegisterOffset { register: X86_64::RA, offset: 0, .. },
            UnsignedConstant { value: 15 },
            And,
            UnsignedConstant { value: from @ 0..=15 },
            Ge,
            UnsignedConstant { value: 3 },
            Shl,
            Plus,
        ] => Some((*offset, *from as i16)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Table {
        Table::read(&std::fs::read("/proc/self/exe").unwrap())
    }

    #[test]
    fn our_own_code_has_rows_in_order() {
        let table = own();
        assert!(table.rows.len() > 1000);
        assert!(table.rows.is_sorted_by(|one, next| one.start < next.start));
        // Where nothing was pushed, a frame begins just above the return address.
        let entry = Rule {
            frame: Frame::Stack,
            frame_offset: 8,
            pointer: Pointer::Same,
            pointer_offset: 0,
        };
        assert!(table.rows.iter().any(|row| row.rule == entry.packed()));
        assert!(table.rows.iter().any(|row| row.rule & 0xff == Frame::Outermost as u64));
        assert!(table.rows.iter().any(|row| row.rule & 0xff == Frame::Unknown as u64));
    }

    #[test]
    fn offsets_in_files_have_addresses() {
        let segments = [
            Segment { offset: 0, size: 0x100, address: 0x40_0000 },
            Segment { offset: 0x1000, size: 0x10, address: 0x40_3000 },
        ];
        assert_eq!(address_at(&segments, 0x1008), Some(0x40_3008));
        assert_eq!(address_at(&segments, 0xff), Some(0x40_00ff));
        assert_eq!(address_at(&segments, 0x1010), None);
    }

    #[test]
    fn what_is_no_program_has_no_rows() {
        assert_eq!(Table::read(b"\x7fELF but not really"), Table::default());
        assert_eq!(Table::read(b""), Table::default());
    }
}
