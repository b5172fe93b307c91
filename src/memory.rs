//! What a session at a prompt remembers of its entries, so that each new one can be compiled together with them.

use std::collections::BTreeSet;

use crate::source::{FileId, Sources};
use crate::syntax::ast::{Config, Item, Script};
use crate::syntax::{self, Tok};

/// An item that was entered.
#[derive(Debug, Clone)]
pub struct Piece {
    /// As a tree.
    pub item: Item,
    /// As it was typed.
    pub text: String,
    /// The text that it stands in.
    pub file: FileId,
    /// The maps that it names, with their sigils.
    pub maps: BTreeSet<String>,
}

impl Piece {
    /// What another item has to be called to take its place; nothing takes the place of what has no name.
    ///
    /// A probe is called by its attach points as they were typed, anything else by what it defines.
    pub fn name(&self) -> Option<String> {
        match &self.item {
            Item::Probe(probe) => {
                let points = probe.points.iter().map(|point| point.text.as_str());
                Some(points.collect::<Vec<_>>().join(","))
            }
            Item::Macro(item) => Some(format!("macro {}", item.name.node)),
            Item::Function(item) => Some(format!("fn {}", item.name.node)),
            Item::MapDecl(item) => Some(format!("let @{}", item.name.node)),
            Item::Import(item) => Some(format!("import {}", item.path.node)),
            Item::C(item) => c_name(&item.text),
            Item::Config(_) => None,
        }
    }

    /// Whether it is a probe.
    pub fn is_probe(&self) -> bool {
        matches!(self.item, Item::Probe(_))
    }
}

/// `struct pair`, `#define N`, `typedef pair_t`
fn c_name(text: &str) -> Option<String> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut words = text.split(|letter| !is_part(letter)).filter(|word| !word.is_empty());
    let first = words.next()?;
    match first {
        "struct" | "union" | "enum" | "define" => Some(format!("{first} {}", words.next()?)),
        "typedef" => Some(format!("typedef {}", words.next_back()?)),
        _ => None,
    }
}

/// The items of a text that was read without errors, which `script` is the tree of.
pub fn pieces(sources: &Sources, file: FileId, script: &Script) -> Vec<Piece> {
    let text = &sources.get(file).text;
    let raw = syntax::items(text, file).filter(|item| !item.tokens.is_empty());
    let pieces = script.items.iter().zip(raw).map(|(item, raw)| {
        let start = raw.tokens.first().map_or(0, |(start, ..)| *start as usize);
        let end = raw.tokens.last().map_or(start, |(.., end)| *end as usize);
        let maps = raw.tokens.iter().filter_map(|(_, token, _)| match token {
            Tok::Map(name) => Some(format!("@{name}")),
            _ => None,
        });
        let (item, text) = (item.clone(), text[start..end].to_owned());
        Piece { item, text, file, maps: maps.collect() }
    });
    pieces.collect()
}

/// What was entered so far: definitions, and probes that say what maps hold.
#[derive(Debug, Default)]
pub struct Memory {
    definitions: Vec<Piece>,
    witnesses: Vec<Piece>,
}

impl Memory {
    /// Remembers an item; what it takes the place of is forgotten, unless it is a probe: that still says what its maps
    /// hold.
    pub fn add(&mut self, piece: Piece) {
        if piece.is_probe() {
            let known = self.witnesses.iter().any(|known| known.text == piece.text);
            if !known && !piece.maps.is_empty() {
                self.witnesses.push(piece);
            }
            return;
        }
        self.definitions = without_replaced(&self.definitions, std::slice::from_ref(&piece));
        let piece = with_older_options(&mut self.definitions, piece);
        self.definitions.push(piece);
    }

    /// The script of all that counts where new items come to it. They come last, so that what is remembered keeps its
    /// meaning.
    pub fn script(&self, new: &[Piece]) -> Script {
        let mut definitions = without_replaced(&self.definitions, new);
        let with_older = |piece: &Piece| with_older_options(&mut definitions, piece.clone());
        let new: Vec<Piece> = new.iter().map(with_older).collect();
        let fresh = |piece: &&Piece| !new.iter().any(|new| new.text == piece.text);
        let all = definitions.iter().chain(self.witnesses.iter().filter(fresh)).chain(&new);
        Script { items: all.map(|piece| piece.item.clone()).collect() }
    }

    /// Forgets the items of a text; false if there are none.
    pub fn forget_file(&mut self, file: FileId) -> bool {
        let before = self.witnesses.len();
        self.witnesses.retain(|piece| piece.file != file);
        self.witnesses.len() < before
    }

    /// Forgets what was said of a map, given with its sigil.
    pub fn forget_map(&mut self, name: &str) {
        self.witnesses.retain(|piece| !piece.maps.contains(name));
        let declaration = format!("let {name}");
        self.definitions.retain(|piece| piece.name().as_ref() != Some(&declaration));
    }

    /// All that is remembered, as a script.
    pub fn text(&self) -> String {
        let all = self.definitions().chain(&self.witnesses);
        all.map(|piece| format!("{}\n", piece.text)).collect()
    }

    /// The definitions as text, in the order that a script needs.
    pub fn definitions(&self) -> impl Iterator<Item = &Piece> {
        let rank = |piece: &Piece| match piece.item {
            Item::C(_) => 0,
            Item::Config(_) => 1,
            Item::Import(_) => 2,
            _ => 3,
        };
        (0..=3).flat_map(move |wanted| {
            self.definitions.iter().filter(move |piece| rank(piece) == wanted)
        })
    }
}

/// The definitions that new ones leave standing.
fn without_replaced(definitions: &[Piece], new: &[Piece]) -> Vec<Piece> {
    let names: Vec<String> = new.iter().filter_map(Piece::name).collect();
    let stays = |piece: &&Piece| piece.name().is_none_or(|name| !names.contains(&name));
    let keys = new.iter().filter_map(|piece| match &piece.item {
        Item::Config(config) => Some(config.entries.iter().map(|entry| entry.key.node.as_str())),
        _ => None,
    });
    let keys: Vec<&str> = keys.flatten().collect();
    let stay = definitions.iter().filter(stays).cloned().map(|piece| without_keys(piece, &keys));
    stay.filter(|piece| !matches!(&piece.item, Item::Config(config) if config.entries.is_empty()))
        .collect()
}

/// A `config` block without the options that are set anew.
fn without_keys(piece: Piece, keys: &[&str]) -> Piece {
    let Item::Config(config) = &piece.item else { return piece };
    let entries = config.entries.iter();
    let entries: Vec<_> =
        entries.filter(|entry| !keys.contains(&entry.key.node.as_str())).cloned().collect();
    if entries.len() == config.entries.len() {
        return piece;
    }
    let config = Config { entries, span: config.span };
    with_options(piece, config)
}

/// A `config` block together with the options that stand in an older one, which is taken: a script has one block.
fn with_older_options(definitions: &mut Vec<Piece>, piece: Piece) -> Piece {
    let Item::Config(config) = &piece.item else { return piece };
    let older = definitions.iter().position(|piece| matches!(piece.item, Item::Config(_)));
    let Some(Item::Config(older)) = older.map(|at| definitions.remove(at).item) else {
        return piece;
    };
    let entries = older.entries.into_iter().chain(config.entries.iter().cloned()).collect();
    let config = Config { entries, span: config.span };
    with_options(piece, config)
}

fn with_options(piece: Piece, config: Config) -> Piece {
    let item = Item::Config(config);
    let text = syntax::print::script(&Script { items: vec![item.clone()] });
    Piece { item, text: text.trim_end().to_owned(), ..piece }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::Fixture;
    use crate::options::Options;
    use crate::{entry, pipeline};

    /// A session that only compiles.
    #[derive(Default)]
    struct Prompt {
        sources: Sources,
        memory: Memory,
    }

    impl Prompt {
        /// The maps that the last probe of an entry names; or the first message.
        fn enter(&mut self, text: &str) -> Result<String, String> {
            let read = entry::read(&mut self.sources, "entry", text);
            let first = |found: &crate::diagnostic::Diagnostics| {
                found.iter().next().map(|one| one.headline.clone()).unwrap_or_default()
            };
            let read = read.map_err(|wrong| first(&wrong))?;
            let new = pieces(&self.sources, read.file, &read.script);
            let options = Options { at_prompt: true, ..Options::default() };
            let mut maps = String::new();
            for place in new.iter().filter_map(|piece| entry::place(&piece.item)) {
                let (script, at) = (self.memory.script(&new), (read.file, place));
                let host = Fixture::new();
                let checked = pipeline::check_probe(script, at, &mut self.sources, &host, &options);
                let (checked, found) = checked.map_err(|bug| bug.0)?;
                let checked = checked.ok_or_else(|| first(&found))?;
                assert_eq!(checked.program.probes.len(), 1);
                let types = &checked.program.types;
                let named = |map: &crate::ir::Map| {
                    new.iter().any(|piece| piece.maps.contains(&format!("@{}", map.name)))
                };
                let all = checked.program.maps.iter().filter(|(_, map)| named(map));
                let all = all.map(|(_, map)| {
                    let key = map.key.map(|key| format!("[{}]", types.name(key)));
                    format!("@{}{}: {}", map.name, key.unwrap_or_default(), types.name(map.value))
                });
                maps = all.collect::<Vec<_>>().join(", ");
            }
            new.into_iter().for_each(|piece| self.memory.add(piece));
            Ok(maps)
        }
    }

    #[test]
    fn later_entries_know_the_maps_of_earlier_ones() {
        let mut prompt = Prompt::default();
        assert_eq!(
            prompt.enter("kprobe:vfs_read { @[comm] = count(); }"),
            Ok("@[string[64]]: count_t".into())
        );
        assert_eq!(prompt.enter("print(@, 5)"), Ok("@[string[64]]: count_t".into()));
        assert_eq!(prompt.enter("@x = 5"), Ok("@x: int64".into()));
        assert_eq!(prompt.enter("@x"), Ok("@x: int64".into()));
        assert!(prompt.enter("@x = \"five\"").is_err());
        assert_eq!(prompt.enter("@x"), Ok("@x: int64".into()));
        prompt.memory.forget_map("@x");
        assert_eq!(prompt.enter("@x = (1, \"a\")"), Ok("@x: (int64,string[64])".into()));
    }

    #[test]
    fn definitions_stay_and_can_be_replaced() {
        let mut prompt = Prompt::default();
        assert!(prompt.enter("macro twice(x) { x * 2 }").is_ok());
        assert_eq!(prompt.enter("@a = twice(4)"), Ok("@a: int64".into()));
        assert!(prompt.enter("macro twice(x) { str(x) }").is_ok());
        assert!(prompt.enter("@b = twice(4)").is_ok_and(|maps| maps.starts_with("@b: string")));
        assert!(prompt.enter("struct pair { int a; };").is_ok());
        assert!(prompt.enter("struct pair { int b; };").is_ok());
        assert!(prompt.enter("@c = ((struct pair *)0).b").is_ok());
        assert!(prompt.enter("config = { max_map_keys = 3; max_strlen = 64 }").is_ok());
        assert!(prompt.enter("config = { max_strlen = 32 }").is_ok());
        assert_eq!(prompt.enter("@d = 1"), Ok("@d: int64".into()));
        let texts = prompt.memory.definitions().map(|piece| piece.text.as_str());
        let texts: Vec<&str> = texts.collect();
        assert_eq!(texts[0], "struct pair { int b; };");
        assert!(texts[1].contains("max_map_keys = 3") && texts[1].contains("max_strlen = 32"));
        assert!(!texts[1].contains("64") && texts.len() == 3, "{texts:?}");
    }
}
