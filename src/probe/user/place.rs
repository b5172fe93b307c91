//! What an attach point says about a place in a program, and where that is.

use super::demangle::Language;
use super::error;
use super::instruction::{Boundary, boundary};
use crate::diagnostic::Diagnostic;
use crate::host::program::{Program, UserFunction};
use crate::probe::pattern::Pattern;
use crate::probe::{Part, ProbeError, parse_number};

/// A place as the attach point has it.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// Functions by their names.
    Functions {
        /// A name or pattern.
        name: Name,
        /// Bytes from the start of each.
        offset: u64,
    },
    /// Code at an address.
    Address(u64),
}

/// What functions are meant.
#[derive(Debug, Clone)]
pub(super) struct Name {
    /// One name, or what stands for several, without the offset.
    pub(super) part: Part,
    /// The name that they have in this language; else in the symbol table.
    pub(super) language: Option<Language>,
    /// `*` stands for any text.
    pub(super) pattern: bool,
}

/// A place in a program.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// As the probe's name has it.
    pub(super) label: String,
    /// The function there; empty where it is not known.
    pub(super) function: String,
    /// Offset in the file.
    pub(super) offset: u64,
    /// The address of the function that it is the beginning of.
    pub(super) entry: Option<u64>,
    /// What only `--unsafe` allows.
    pub(super) warning: Option<Diagnostic>,
}

impl Place {
    /// Reads what follows the file.
    pub(super) fn parse(language: Option<&Part>, part: &Part) -> Result<Place, ProbeError> {
        let language = language.map(error::language).transpose()?;
        let (name, offset) = split_offset(part)?;
        let name_part = Part { text: name.clone(), ..part.clone() };
        let pattern = name_part.is_pattern();
        let address = if part.quoted || language.is_some() { None } else { parse_number(&name) };
        match address {
            Some(_) if offset.is_some() => Err(error::offset_of_address(part, &name)),
            Some(address) => Ok(Place::Address(address)),
            None if pattern && offset.is_some_and(|offset| offset > 0) => {
                Err(error::offset_of_pattern(part, &name))
            }
            None => {
                let name = Name { part: name_part, language, pattern };
                Ok(Place::Functions { name, offset: offset.unwrap_or(0) })
            }
        }
    }
}

/// Cuts `function+offset`. In quotes a `+` may be part of a name.
fn split_offset(part: &Part) -> Result<(String, Option<u64>), ProbeError> {
    let Some((name, offset)) = part.text.rsplit_once('+') else {
        return Ok((part.text.clone(), None));
    };
    match parse_number(offset.trim()) {
        Some(_) if name.contains('+') && !part.quoted => Err(error::several_offsets(part)),
        Some(offset) => Ok((name.trim().to_owned(), Some(offset))),
        None if part.quoted => Ok((part.text.clone(), None)),
        None => Err(ProbeError::BadOffset { span: part.span, text: offset.to_owned() }),
    }
}

impl Name {
    /// The functions that are meant, each place once.
    pub(super) fn find<'p>(&self, program: &'p dyn Program) -> Vec<(&'p UserFunction, String)> {
        let all = program.functions();
        let mut found: Vec<(&UserFunction, String)> = match (self.language, self.pattern) {
            (None, false) => {
                let first = all.partition_point(|function| function.name < self.part.text);
                let named =
                    all[first..].iter().take_while(|function| function.name == self.part.text);
                named.map(|function| (function, function.name.clone())).collect()
            }
            (None, true) => {
                let pattern = Pattern::of(&self.part);
                let named = all.iter().filter(|function| pattern.matches(&function.name));
                named.map(|function| (function, function.name.clone())).collect()
            }
            (Some(language), _) => self.find_demangled(language, all),
        };
        found.sort_by_key(|(function, _)| function.address);
        found.dedup_by_key(|(function, _)| function.address);
        found
    }

    /// In these names a `*` can be a pointer: only what is no name is a pattern.
    fn find_demangled<'p>(
        &self,
        language: Language,
        all: &'p [UserFunction],
    ) -> Vec<(&'p UserFunction, String)> {
        let find = |pattern: &Pattern| -> Vec<(&'p UserFunction, String)> {
            let named = all.iter().filter_map(|function| {
                let name = language.demangle(&function.name)?;
                let compared = if self.part.text.contains('(') { &name.whole } else { &name.plain };
                pattern.matches(compared).then_some((function, name.whole))
            });
            named.collect()
        };
        let exact = find(&Pattern::Name(self.part.text.clone()));
        let is_pattern = exact.is_empty() && self.part.text.contains('*');
        if is_pattern { find(&Pattern::with_stars(&self.part.text)) } else { exact }
    }

    /// The part of a probe's name that stands for one of the functions.
    pub(super) fn label(&self, name: &str, offset: u64) -> String {
        let name = match self.language {
            Some(language) => format!("{}:\"{name}\"", language.word()),
            None => name.to_owned(),
        };
        if offset == 0 { name } else { format!("{name}+{offset}") }
    }
}

/// Where to look for a place, and how what is wrong there is taken.
pub(super) struct Lookup<'a> {
    /// What the attach point says.
    pub(super) part: &'a Part,
    /// The program.
    pub(super) program: &'a dyn Program,
    /// Whether it fires at returns.
    pub(super) ret: bool,
    /// Whether a place that is no good is warned of only.
    pub(super) forced: bool,
}

impl Lookup<'_> {
    /// All places that are meant; none where there is no such function.
    pub(super) fn find(&self, place: &Place) -> Result<Vec<Found>, ProbeError> {
        match place {
            Place::Address(address) => Ok(vec![self.address(*address)?]),
            Place::Functions { name, offset } => {
                let functions = name.find(self.program).into_iter();
                functions
                    .map(|(function, full)| self.within(function, name, &full, *offset))
                    .collect()
            }
        }
    }

    fn within(
        &self,
        function: &UserFunction,
        name: &Name,
        full: &str,
        offset: u64,
    ) -> Result<Found, ProbeError> {
        Ok(Found {
            label: name.label(full, offset),
            function: full.to_owned(),
            offset: function.offset.wrapping_add(offset),
            entry: (offset == 0).then_some(function.address),
            warning: self.check(function, offset)?,
        })
    }

    fn address(&self, address: u64) -> Result<Found, ProbeError> {
        let function = self.program.functions().iter().find(|function| function.holds(address));
        let at_start = || self.program.functions().iter().find(|one| one.address == address);
        let function = function.or_else(at_start);
        let warning = match function {
            Some(function) if self.ret && function.address != address => {
                return Err(error::return_within(
                    self.part,
                    &function.name,
                    address - function.address,
                ));
            }
            Some(function) => self.check(function, address - function.address)?,
            None => self.forgive(error::no_function_at(self.part, address))?,
        };
        let offset = self.program.offset(address);
        let offset = offset.or_else(|| self.forced.then_some(address));
        Ok(Found {
            label: format!("{address:#x}"),
            function: function.map_or(String::new(), |function| function.name.clone()),
            entry: function.map(|function| function.address).filter(|start| *start == address),
            offset: offset.ok_or_else(|| error::said(error::no_function_at(self.part, address)))?,
            warning,
        })
    }

    /// The address of the function that has code at this address.
    pub(super) fn function_at(&self, address: u64) -> Option<u64> {
        let function = self.program.functions().iter().find(|function| function.holds(address));
        function.map(|function| function.address)
    }

    /// The place of a source line.
    pub(super) fn line(&self, label: &str, address: u64) -> Result<Found, ProbeError> {
        let function = self.program.functions().iter().find(|function| function.holds(address));
        let offset = self.program.offset(address);
        Ok(Found {
            label: label.to_owned(),
            function: function.map_or(String::new(), |function| function.name.clone()),
            offset: offset.ok_or_else(|| error::said(error::no_function_at(self.part, address)))?,
            entry: function.map(|function| function.address).filter(|start| *start == address),
            warning: match function {
                Some(function) => self.check(function, address - function.address)?,
                None => None,
            },
        })
    }

    /// What is wrong with an offset into a function, where that is allowed.
    fn check(
        &self,
        function: &UserFunction,
        offset: u64,
    ) -> Result<Option<Diagnostic>, ProbeError> {
        if offset == 0 {
            return Ok(None);
        }
        let UserFunction { name, address, size, .. } = function;
        let wrong = match size {
            0 => error::no_size(self.part, name),
            size if offset >= *size => error::outside(self.part, name, offset, *size),
            size => {
                let code = self.program.code(*address, *size);
                match boundary(self.program.instructions(), code, offset) {
                    Boundary::Here => return Ok(None),
                    Boundary::Within { from, next } => {
                        let next = (next < *size).then_some(next);
                        error::within(self.part, name, offset, (from, next))
                    }
                    Boundary::Unreadable { from } => error::unreadable(self.part, name, from),
                }
            }
        };
        self.forgive(wrong)
    }

    fn forgive(&self, wrong: Diagnostic) -> Result<Option<Diagnostic>, ProbeError> {
        if self.forced { Ok(Some(error::forced(wrong))) } else { Err(error::said(wrong)) }
    }
}
