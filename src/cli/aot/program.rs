//! The file of a program with a script in it: a copy of this program, and the compiled script at its end.
//!
//! ```text
//! ebtrace │ head, tables (a line of JSON each) │ BPF object │ lengths, checksum, magic
//! ```
//!
//! At each start the last bytes of the running program are looked at; nothing else of it is read where they are no
//! trailer.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use ebtrace_image::Image;
use ebtrace_runtime::kernel;

/// The program that runs.
const OWN: &str = "/proc/self/exe";

/// Ends a program with a script in it.
const MAGIC: [u8; 8] = *b"ebt\x7faot\n";

/// Three numbers and the magic.
const TRAILER: usize = 4 * 8;

/// A compiled script.
#[derive(Debug)]
pub(super) struct Compiled {
    /// Warnings are not shown.
    pub(super) silent: bool,
    pub(super) image: Image,
}

/// What a script was compiled for: the version of ebtrace, the release of the kernel, whose types the code reads, and how
/// many processors there is room for. Then whether warnings are not shown.
type Head = (String, String, usize, bool);

fn head_here(silent: bool) -> anyhow::Result<Head> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok((version, kernel::release(), kernel::possible_cpus()?, silent))
}

/// Refuses a machine that a script was not compiled for.
fn check(head: &Head) -> anyhow::Result<()> {
    let ((version, kernel, processors, _), here) = (head, head_here(false)?);
    if *version != here.0 {
        bail!(
            "the script was compiled by ebtrace {version}, and the program around it is ebtrace {}: compile it again with \
             `--aot`",
            here.0
        );
    }
    if *kernel != here.1 {
        bail!(
            "the script was compiled for Linux {kernel}, and this is Linux {}, whose types may be others: compile it again \
             on this kernel with `--aot`",
            here.1
        );
    }
    if *processors < here.2 {
        bail!(
            "the script was compiled for {processors} processors, and this machine can have {}: compile it again here with \
             `--aot`",
            here.2
        );
    }
    Ok(())
}

/// Where the parts of a program stand in its file.
struct Trailer {
    tables: u64,
    object: u64,
    checksum: u64,
}

impl Trailer {
    fn bytes(&self) -> Vec<u8> {
        let numbers = [self.tables, self.object, self.checksum].map(u64::to_le_bytes);
        [numbers.as_flattened(), &MAGIC].concat()
    }

    /// What the last bytes of a file say.
    fn read(bytes: &[u8; TRAILER]) -> Option<Self> {
        let numbers = bytes.strip_suffix(&MAGIC)?;
        let mut numbers = numbers.chunks_exact(8).map(|number| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(number);
            u64::from_le_bytes(bytes)
        });
        let mut next = || numbers.next();
        Some(Self { tables: next()?, object: next()?, checksum: next()? })
    }
}

/// The script that is at the end of the running program, if there is one.
///
/// # Errors
/// If it is damaged, or was compiled for another machine.
pub(super) fn own() -> anyhow::Result<Option<Compiled>> {
    // Who cannot look at it runs as always.
    let Ok((file, length)) = File::open(OWN).and_then(|file| {
        let length = file.metadata()?.len();
        Ok((file, length))
    }) else {
        return Ok(None);
    };
    read(&file, length)
}

fn read(file: &File, length: u64) -> anyhow::Result<Option<Compiled>> {
    let mut last = [0; TRAILER];
    let Some(end) = length.checked_sub(TRAILER as u64) else { return Ok(None) };
    if file.read_exact_at(&mut last, end).is_err() {
        return Ok(None);
    }
    let Some(Trailer { tables, object, checksum }) = Trailer::read(&last) else { return Ok(None) };
    let damaged =
        "the script at the end of this program is damaged: make the program again with `--aot`";
    let begin =
        tables.checked_add(object).and_then(|both| end.checked_sub(both)).context(damaged)?;
    let mut bytes = vec![0; usize::try_from(end - begin)?];
    file.read_exact_at(&mut bytes, begin).context(damaged)?;
    if checksum_of(&bytes) != checksum {
        bail!(damaged);
    }
    let (tables, object) = bytes.split_at(usize::try_from(tables)?);
    let end_of_head = tables.iter().position(|byte| *byte == b'\n').context(damaged)?;
    let (head, image) = tables.split_at(end_of_head);
    let head: Head = serde_json::from_slice(head).context(damaged)?;
    check(&head)?;
    let image = serde_json::from_slice(image).context(damaged)?;
    Ok(Some(Compiled { silent: head.3, image: Image { object: object.to_vec(), ..image } }))
}

/// What is put behind a program.
fn appended(head: &Head, image: &Image) -> anyhow::Result<Vec<u8>> {
    let tables = format!("{}\n{}", serde_json::to_string(head)?, serde_json::to_string(image)?);
    let bytes = [tables.as_bytes(), &image.object].concat();
    let trailer = Trailer {
        tables: tables.len() as u64,
        object: image.object.len() as u64,
        checksum: checksum_of(&bytes),
    };
    Ok([bytes, trailer.bytes()].concat())
}

/// Makes a program of a script.
///
/// # Errors
/// If it cannot be written; nothing is left then.
pub(super) fn write(path: &Path, compiled: &Compiled) -> anyhow::Result<()> {
    let make = || -> anyhow::Result<()> {
        let appended = appended(&head_here(compiled.silent)?, &compiled.image)?;
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        // Who may run it, the mask says, as of any program.
        let mut file = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o777))
            .tempfile_in(folder.unwrap_or(Path::new(".")))?;
        io::copy(&mut File::open(OWN)?, file.as_file_mut())?;
        file.write_all(&appended)?;
        file.persist(path)?;
        Ok(())
    };
    if fs::metadata(path).is_ok_and(|data| !data.is_file()) {
        bail!("cannot write the program to {}: this is no file", path.display());
    }
    make().with_context(|| format!("cannot write the program to {}", path.display()))
}

/// FNV-1a, over words.
fn checksum_of(bytes: &[u8]) -> u64 {
    let mut chunks = bytes.chunks_exact(8);
    let mut sum = 0xcbf2_9ce4_8422_2325_u64 ^ bytes.len() as u64;
    let mut take = |word: u64| sum = (sum ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        take(u64::from_le_bytes(word));
    }
    chunks.remainder().iter().for_each(|byte| take((*byte).into()));
    sum
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_a_trailer_or_not() {
        let trailer = Trailer { tables: 5, object: 6, checksum: 7 }.bytes();
        let read = Trailer::read(trailer.as_slice().try_into().unwrap()).unwrap();
        assert_eq!((read.tables, read.object, read.checksum), (5, 6, 7));
        assert!(Trailer::read(&[0; TRAILER]).is_none());
    }

    /// What a program would say of itself that has this at its end.
    fn said(appended: &[u8]) -> anyhow::Result<Option<Compiled>> {
        let mut file = tempfile::tempfile()?;
        file.write_all(b"program")?;
        file.write_all(appended)?;
        read(&file, 7 + appended.len() as u64)
    }

    fn image() -> Image {
        let text = r#"{"maps": [], "events": [], "probes": [], "sites": [], "settings": {"ring_buffer_bytes": 4096,
            "print_maps_on_exit": true, "truncation_trailer": "", "max_strlen": 64, "max_cat_bytes": 1,
            "missing_probes": "Error", "symbols": {"demangle": true, "source_lines": true}}}"#;
        Image { object: b"object".to_vec(), ..serde_json::from_str(text).unwrap() }
    }

    #[test]
    fn what_was_written_is_read() {
        let head = head_here(true).unwrap();
        let compiled = said(&appended(&head, &image()).unwrap()).unwrap().unwrap();
        assert!(compiled.silent && compiled.image == image());
        assert!(said(b"and nothing else in it whatsoever").unwrap().is_none());
        assert!(said(b"").unwrap().is_none());
    }

    #[test]
    fn other_machines_and_versions_are_refused() {
        let refused = |change: fn(&mut Head)| {
            let mut head = head_here(false).unwrap();
            change(&mut head);
            said(&appended(&head, &image()).unwrap()).unwrap_err().to_string()
        };
        let version = refused(|head| head.0 = "99.0".to_owned());
        assert!(version.contains("compiled by ebtrace 99.0"), "{version}");
        let kernel = refused(|head| head.1 = "2.6.18".to_owned());
        assert!(kernel.contains("compiled for Linux 2.6.18"), "{kernel}");
        let processors = refused(|head| head.2 = 0);
        assert!(processors.contains("compiled for 0 processors"), "{processors}");
    }

    #[test]
    fn damage_is_noticed() {
        let whole = appended(&head_here(false).unwrap(), &image()).unwrap();
        for index in 0..whole.len() - MAGIC.len() {
            let mut other = whole.clone();
            other[index] ^= 1;
            let error = said(&other).unwrap_err().to_string();
            assert!(error.contains("is damaged"), "{index}: {error}");
        }
    }

    #[test]
    fn a_changed_bit_changes_the_sum() {
        let bytes = [7; 100];
        for index in 0..bytes.len() {
            let mut other = bytes;
            other[index] ^= 1;
            assert_ne!(checksum_of(&other), checksum_of(&bytes), "{index}");
        }
        assert_ne!(checksum_of(&[0; 8]), checksum_of(&[0; 16]));
    }
}
