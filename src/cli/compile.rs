//! Functions in C become BPF objects: by clang, which is only run for a script that imports some.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ebtrace::host::headers::{Complaint, Trouble};

use super::headers::MULTIARCH;

/// Versions that a package can have in the name of its program, the newest first.
const VERSIONS: std::ops::RangeInclusive<u32> = 12..=40;

/// What headers for BPF want to know of the machine.
const ARCH: &str =
    if cfg!(target_arch = "aarch64") { "-D__TARGET_ARCH_arm64" } else { "-D__TARGET_ARCH_x86" };

/// The object of a file in C.
pub(super) fn compile(path: &Path, folders: &[PathBuf]) -> Result<Vec<u8>, Trouble> {
    let Some(output) = run(path, folders)? else {
        return Err(Trouble::NoCompiler("no folder of PATH has `clang`".to_owned()));
    };
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let mut complaints: Vec<Complaint> =
        said.lines().filter_map(|line| complaint(line, path)).collect();
    if complaints.is_empty() {
        let message = said.lines().next().unwrap_or("nothing, and fails").to_owned();
        complaints.push(Complaint { message, line: None, within: None });
    }
    Err(Trouble::Wrong(complaints))
}

/// Runs the compiler of the first name that there is.
fn run(path: &Path, folders: &[PathBuf]) -> Result<Option<Output>, Trouble> {
    let versions = VERSIONS.rev().map(|version| format!("clang-{version}"));
    for name in ["clang".to_owned()].into_iter().chain(versions) {
        let mut command = Command::new(&name);
        command.args(["-target", "bpf", "-mcpu=v3", "-g", "-O2", ARCH]);
        command.args(["-fno-color-diagnostics", "-fno-caret-diagnostics"]);
        folders.iter().for_each(|folder| _ = command.arg("-I").arg(folder));
        command.args(["-idirafter", MULTIARCH, "-c", "-o", "-", "--"]).arg(path);
        match command.stdin(Stdio::null()).output() {
            Ok(output) => return Ok(Some(output)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Trouble::NoCompiler(format!("`{name}` cannot be run: {error}")));
            }
        }
    }
    Ok(None)
}

/// A line of the compiler's: `lib.bpf.c:3:5: error: use of undeclared identifier 'x'`.
fn complaint(said: &str, path: &Path) -> Option<Complaint> {
    let (place, message) =
        said.split_once(": error: ").or_else(|| said.split_once(": fatal error: "))?;
    let mut parts = place.rsplitn(3, ':');
    let (_, line, file) = (parts.next()?, parts.next()?, parts.next()?);
    let line = line.parse().ok().filter(|_| Path::new(file) == path);
    let within = line.is_none().then(|| place.to_owned());
    Some(Complaint { message: message.to_owned(), line, within })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_have_their_places() {
        let path = Path::new("lib/x.bpf.c");
        let own = complaint("lib/x.bpf.c:3:5: error: expected ';'", path);
        let own = own.map(|own| (own.message, own.line, own.within));
        assert_eq!(own, Some(("expected ';'".to_owned(), Some(3), None)));
        let other = complaint("lib/y.h:1:2: fatal error: 'z.h' file not found", path);
        let other = other.map(|other| (other.line, other.within));
        assert_eq!(other, Some((None, Some("lib/y.h:1:2".to_owned()))));
        assert_eq!(complaint("1 error generated.", path), None);
    }
}
