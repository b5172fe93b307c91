//! Items: one below the other.

use pretty::RcDoc;

use super::stmt::braced;
use super::{Doc, Format, Lines};
use crate::syntax::ast::{Block, Config, Function, Item, Macro, MacroParamKind, MapDecl, Probe};
use crate::syntax::print::escaped;

impl<'s> Format<'s> {
    pub(super) fn items(&self, items: &[Item]) -> Doc<'s> {
        let mut lines = Lines::new();
        for item in items {
            let (start, end) = self.place(item);
            lines.push_comments(self, start);
            lines.push(self.text, (start, end), self.item(item));
        }
        lines.push_comments(self, u32::MAX);
        lines.doc
    }

    /// Where an item begins and ends.
    fn place(&self, item: &Item) -> (u32, u32) {
        let before = |name: u32, word: &str| {
            let text = &self.text[..name as usize];
            text.rfind(word).map_or(name, |at| at as u32)
        };
        match item {
            Item::Probe(probe) => {
                let start =
                    probe.points.first().map_or(probe.body.span.start, |point| point.span.start);
                (start, probe.body.span.end)
            }
            Item::Macro(item) => (before(item.name.span.start, "macro"), item.body.span.end),
            Item::Function(item) => (before(item.name.span.start, "fn"), item.body.span.end),
            Item::MapDecl(map) => (before(map.name.span.start, "let"), map.entries.span.end),
            Item::Config(config) => (config.span.start, self.config_end(config) + 1),
            Item::Import(import) => {
                (before(import.path.span.start, "import"), import.path.span.end)
            }
            Item::C(text) => (text.span.start, text.span.end),
        }
    }

    fn item(&self, item: &Item) -> Doc<'s> {
        match item {
            Item::Probe(probe) => self.probe(probe),
            Item::Macro(item) => self.macro_item(item),
            Item::Function(function) => self.function(function),
            Item::MapDecl(map) => self.map_decl(map),
            Item::Config(config) => self.config(config),
            Item::Import(import) => {
                RcDoc::text(format!("import \"{}\";", escaped(import.path.node.as_bytes())))
            }
            Item::C(text) => {
                let lines = self.written(text.span).lines().map(RcDoc::text);
                RcDoc::intersperse(lines, RcDoc::hardline())
            }
        }
    }

    fn probe(&self, probe: &Probe) -> Doc<'s> {
        let mut lines = Lines::new();
        let last = probe.points.len().saturating_sub(1);
        for (index, point) in probe.points.iter().enumerate() {
            let comma = if index < last { "," } else { "" };
            lines.push_comments(self, point.span.start);
            let doc = RcDoc::text(self.written(point.span)).append(comma);
            lines.push("", (point.span.start, point.span.end), doc);
        }
        if let Some(predicate) = &probe.predicate {
            lines.push_comments(self, predicate.span.start);
            let mut doc = self.value(predicate);
            // `/*` would begin a comment.
            if self.written(predicate.span).starts_with('*') {
                doc = RcDoc::space().append(doc);
            }
            let doc = RcDoc::text("/").append(doc).append("/").group();
            lines.push("", (predicate.span.start, predicate.span.end), doc);
        }
        self.with_body(lines, &probe.body, false)
    }

    fn macro_item(&self, item: &Macro) -> Doc<'s> {
        let sigil = |kind| match kind {
            MacroParamKind::Variable => "$",
            MacroParamKind::Map => "@",
            MacroParamKind::Expr => "",
        };
        let params: Vec<String> = item
            .params
            .iter()
            .map(|param| format!("{}{}", sigil(param.kind), param.name.node))
            .collect();
        let head = RcDoc::text(format!("macro {}({})", item.name.node, params.join(", ")));
        self.headed(head, &item.body, true)
    }

    fn function(&self, function: &Function) -> Doc<'s> {
        let params = function
            .params
            .iter()
            .map(|(name, ty)| RcDoc::text(format!("${} : ", name.node)).append(self.ty(ty)));
        let params = RcDoc::intersperse(params, RcDoc::text(", "));
        let head = RcDoc::text(format!("fn {}(", function.name.node))
            .append(params)
            .append(") : ")
            .append(self.ty(&function.result));
        self.headed(head, &function.body, true)
    }

    fn headed(&self, head: Doc<'s>, body: &Block, valued: bool) -> Doc<'s> {
        let mut lines = Lines::new();
        lines.push("", (0, 0), head);
        self.with_body(lines, body, valued)
    }

    /// A body on lines of its own, below what it belongs to.
    fn with_body(&self, mut lines: Lines<'s>, body: &Block, valued: bool) -> Doc<'s> {
        lines.push_comments(self, body.span.start);
        let doc = self.block(body, valued);
        lines.push("", (body.span.start, body.span.end), doc);
        lines.doc
    }

    fn map_decl(&self, map: &MapDecl) -> Doc<'s> {
        RcDoc::text(format!("let @{} = {}(", map.name.node, map.kind.node))
            .append(self.value(&map.entries))
            .append(");")
    }

    /// Where the closing brace of a `config` block is.
    fn config_end(&self, config: &Config) -> u32 {
        let last = config.entries.last().map_or(config.span.end, |entry| entry.value.span.end);
        self.comments.find(self.text, '}', last).unwrap_or(last)
    }

    fn config(&self, config: &Config) -> Doc<'s> {
        let mut lines = Lines::new();
        for entry in &config.entries {
            let place = (entry.key.span.start, entry.value.span.end);
            lines.push_comments(self, place.0);
            let (key, value) = (self.written(entry.key.span), self.written(entry.value.span));
            lines.push(self.text, place, RcDoc::text(format!("{key} = {value};")));
        }
        lines.push_comments(self, self.config_end(config));
        RcDoc::text("config = ").append(braced(lines))
    }
}
