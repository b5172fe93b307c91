//! The scripts that the documents show, run as they stand.
//!
//! Each is ended by a signal once it has attached, unless it ends by itself. Where a block marked `output` follows, that
//! is what it must print.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Completion, Trial};

use crate::case::Case;
use crate::{facility, session};

/// A block of code in a document.
struct Block {
    /// Line of its first line of code, from 1.
    line: usize,
    text: String,
    output: Option<Vec<String>>,
}

/// Probe types of a script that not every kernel has, and what they need.
const NEEDS: [(&str, &str); 3] =
    [("kprobe:", "kprobe"), ("kretprobe:", "kprobe"), ("uprobe:", "uprobe")];

/// The documents, and how many scripts each has at least.
const DOCUMENTS: [(&str, usize); 2] = [("language", 10), ("output", 2)];

/// One test for each script of the documents.
pub(crate) fn trials(binary: &Path, slowness: u32) -> Vec<Trial> {
    DOCUMENTS.iter().flat_map(|document| of(*document, binary, slowness)).collect()
}

fn of((document, least): (&'static str, usize), binary: &Path, slowness: u32) -> Vec<Trial> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/{document}.md"));
    let text = fs::read_to_string(&path).unwrap_or_default();
    let found = blocks(&text);
    let count = found.len();
    let named = |block: &Block| format!("{document}_md_line_{}", block.line);
    let mut trials: Vec<Trial> = found
        .into_iter()
        .map(|block| trial(named(&block), block, binary.to_owned(), slowness))
        .collect();
    trials.push(Trial::test(format!("{document}_md_has_scripts"), move || match count >= least {
        true => Ok(()),
        false => Err(format!("only {count} scripts were found").into()),
    }));
    trials
}

fn trial(name: String, block: Block, binary: PathBuf, slowness: u32) -> Trial {
    Trial::ignorable_test(name.clone(), move || {
        let needs = NEEDS.iter().filter(|(word, _)| block.text.contains(word));
        let needs: Vec<String> = needs.map(|(_, need)| (*need).to_owned()).collect();
        if let Some(reason) = facility::missing(&needs)? {
            return Ok(Completion::ignored_with(reason));
        }
        let script = std::env::temp_dir().join(format!("{name}-{}.bt", std::process::id()));
        fs::write(&script, &block.text)
            .map_err(|error| format!("{}: {error}", script.display()))?;
        let case = Case::documented(block.output);
        let ended = session::run(&case, &script, &binary, slowness);
        let _ = fs::remove_file(&script);
        case.judge(&ended?).map_err(|fault| format!("{}\n{fault}", block.text))?;
        Ok(Completion::Completed)
    })
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<(&str, usize, Vec<&str>)> = None;
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => open = Some((kind.trim(), index + 2, Vec::new())),
            (None, None) => {}
            (Some((_, _, lines)), None) => lines.push(line),
            (Some((kind, start, lines)), Some(_)) => {
                let lines = lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
                match (*kind, blocks.last_mut()) {
                    ("ebtrace", _) => {
                        let text = lines.join("\n") + "\n";
                        blocks.push(Block { line: *start, text, output: None });
                    }
                    ("output", Some(last)) => last.output = Some(lines),
                    _ => {}
                }
                open = None;
            }
        }
    }
    blocks
}
