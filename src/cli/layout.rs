//! `--fmt`: a script in one layout, printed or put in its place.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use ebtrace::source::Sources;
use ebtrace::{format, syntax};

use super::args::Args;
use super::{report, run};

/// Lays out the script and writes it to standard output, or to the file of `-o`, which may be the script itself. One that
/// cannot be read is left as it is.
pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let mut sources = Sources::new();
    let (file, _) = run::read_script(args, &mut sources)?;
    let (tree, found) = syntax::parse(&sources, file);
    report::diagnostics(&sources, &found);
    if found.has_errors() {
        return Ok(1);
    }
    let text = format::script(&sources, file, &tree);
    match &args.manner.output {
        None => run::put(&text)?,
        Some(path) => replace(path, &text)
            .with_context(|| format!("cannot write the script to {}", path.display()))?,
    }
    Ok(0)
}

/// Puts a text in the place of a file, whole or not at all; who may read and run it does not change.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    // Behind a link is the file that is meant, and what is no file is written to.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let before = path.metadata().ok();
    if before.as_ref().is_some_and(|data| !data.is_file()) {
        return Ok(std::fs::write(path, text)?);
    }
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    // Of these rights the mask takes some away, as of any new file.
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    if let Some(data) = before {
        file.as_file().set_permissions(data.permissions())?;
    }
    file.persist(path)?;
    Ok(())
}
