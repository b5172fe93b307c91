//! Items as text.

use std::fmt::Write as _;

use super::{Level, Printer, escaped};
use crate::syntax::ast::{Item, MacroParamKind, Probe};

impl Printer {
    pub(super) fn item(&mut self, item: &Item) {
        match item {
            Item::Probe(probe) => return self.probe(probe),
            Item::C(text) => self.out.push_str(&text.text),
            Item::Import(import) => {
                let _ = write!(self.out, "import \"{}\";", escaped(import.path.node.as_bytes()));
            }
            Item::Config(config) => {
                self.out.push_str("config = {\n");
                for entry in &config.entries {
                    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                    let value = &entry.value.node;
                    let quote =
                        if !value.is_empty() && value.chars().all(plain) { "" } else { "\"" };
                    let value = escaped(value.as_bytes());
                    let _ = writeln!(self.out, "    {} = {quote}{value}{quote};", entry.key.node);
                }
                self.out.push('}');
            }
            Item::MapDecl(map) => {
                let _ = write!(self.out, "let @{} = {}(", map.name.node, map.kind.node);
                self.expr(&map.entries, Level::Any);
                self.out.push_str(");");
            }
            Item::Macro(item) => {
                let _ = write!(self.out, "macro {}(", item.name.node);
                for (index, param) in item.params.iter().enumerate() {
                    let sigil = match param.kind {
                        MacroParamKind::Variable => "$",
                        MacroParamKind::Map => "@",
                        MacroParamKind::Expr => "",
                    };
                    let comma = if index > 0 { ", " } else { "" };
                    let _ = write!(self.out, "{comma}{sigil}{}", param.name.node);
                }
                self.out.push_str(") ");
                self.block(&item.body);
            }
            Item::Function(function) => {
                let _ = write!(self.out, "fn {}(", function.name.node);
                for (index, (name, ty)) in function.params.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    let _ = write!(self.out, "{comma}${} : ", name.node);
                    self.ty(ty);
                }
                self.out.push_str(") : ");
                self.ty(&function.result);
                self.out.push(' ');
                self.block(&function.body);
            }
        }
        self.out.push('\n');
    }

    fn probe(&mut self, probe: &Probe) {
        let points: Vec<&str> = probe.points.iter().map(|point| point.text.as_str()).collect();
        self.out.push_str(&points.join(", "));
        self.out.push(' ');
        if let Some(predicate) = &probe.predicate {
            self.out.push('/');
            let start = self.out.len();
            self.expr(predicate, Level::Any);
            // `/*` would begin a comment.
            if self.out[start..].starts_with('*') {
                self.out.insert(start, ' ');
            }
            self.out.push_str("/ ");
        }
        self.block(&probe.body);
        self.out.push('\n');
    }
}
