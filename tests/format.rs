//! The layout of scripts: laid out again it stays as it is, means the same, and has all comments.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};

use ebtrace::format;
use ebtrace::source::Sources;
use ebtrace::syntax::{self, print};

/// The layout of a script and what it means; nothing of one that cannot be read.
fn laid_out(text: &str) -> Option<(String, String)> {
    let mut sources = Sources::new();
    let file = sources.add("x.bt", text.to_owned());
    let (tree, diagnostics) = syntax::parse(&sources, file);
    if diagnostics.has_errors() {
        return None;
    }
    Some((format::script(&sources, file, &tree), meaning(&print::script(&tree))))
}

/// A canonical script, where the last of a block's statements may have a semicolon or not.
fn meaning(script: &str) -> String {
    let lines: Vec<&str> = script.lines().map(|line| line.trim().trim_end_matches(';')).collect();
    lines.join("\n")
}

/// The words of a script's comments, without what marks them.
fn comments(text: &str) -> Vec<String> {
    let mut sources = Sources::new();
    let file = sources.add("x.bt", text.to_owned());
    let found = syntax::comments(text, file);
    let words = found.iter().flat_map(|span| {
        let comment = &text[span.start as usize..span.end as usize];
        comment.split(|letter: char| letter.is_whitespace() || "/*".contains(letter))
    });
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// What is wrong with the layout of a script.
fn fault(name: &str, text: &str) -> Option<String> {
    let (once, meant) = laid_out(text)?;
    let Some((twice, still)) = laid_out(&once) else {
        return Some(format!("{name} cannot be read again:\n{once}"));
    };
    if still != meant {
        return Some(format!("{name} means something else:\n{once}\n--- {meant}\n--- {still}"));
    }
    if comments(text) != comments(&once) {
        return Some(format!("{name} has other comments: {:?}\n{once}", comments(text)));
    }
    (once != twice).then(|| format!("{name} changes again:\n{once}\n--- then\n{twice}"))
}

/// All files below a folder whose names end so.
fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

/// Every script of the project: those of tests, of documents and of the library.
fn scripts() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut paths, mut documents) = (Vec::new(), Vec::new());
    files(&root.join("tests"), "bt", &mut paths);
    files(&root.join("src"), "bt", &mut paths);
    files(&root.join("docs"), "md", &mut documents);
    let mut all = Vec::new();
    for path in paths {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        all.push((path.display().to_string(), text));
    }
    for path in documents {
        let text = fs::read_to_string(&path).unwrap();
        let blocks = text.split("```ebtrace\n").skip(1);
        let scripts = blocks.filter_map(|block| block.split("```").next());
        all.extend(scripts.map(|script| (path.display().to_string(), script.to_owned())));
    }
    all
}

#[test]
fn scripts_of_the_project_keep_their_meaning_and_comments() {
    let scripts = scripts();
    let faults: Vec<String> = scripts.iter().filter_map(|(name, text)| fault(name, text)).collect();
    let read = scripts.iter().filter(|(_, text)| laid_out(text).is_some()).count();
    assert!(read > 700, "only {read} scripts could be read");
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n=====\n"));
}

/// Between any two tokens a comment may stand.
#[test]
fn comments_anywhere_are_kept() {
    let script = "config = { max_strlen = 64 }\nlet @m = hash(10);\nmacro add(a, $b) { a + $b }\n\
                  kprobe:f, kprobe:g /pid == 1 && comm == \"a\"/ { @[1, $x.y] = hist(args.z + 2 * 3, 2); \
                  if ($x > 5) { print(\"a\") } else { print((1, (a = 2))) } for ($i : 0..5) { break; } \
                  $x = $c ? -1 : *(int8 *)$p; while (1) { $x++ } return (uint8)$a[3]; }\nend { }";
    let plain = laid_out(script).expect("a script").1;
    for (at, _) in script.match_indices(' ') {
        for comment in ["/* here */", "// here\n", "/* he\n * re */"] {
            let text = format!("{} {comment} {}", &script[..at], &script[at..]);
            let Some((_, meant)) = laid_out(&text) else { continue };
            assert_eq!(meant, plain, "{text}");
            assert_eq!(fault("a script", &text), None);
        }
    }
}
