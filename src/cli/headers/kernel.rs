//! The headers that the kernel was built with, for scripts that include what only those have.

use std::path::{Path, PathBuf};

use ebtrace::environment::{KERNEL_BUILD, KERNEL_SOURCE};

use crate::cli::environment::value;

/// As the kernel calls the instruction set.
const ARCH: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86" };

/// Folders of the kernel's sources, and of what was generated from them.
pub(super) struct Headers {
    source: PathBuf,
    build: PathBuf,
}

impl Headers {
    /// Those that the environment names, or else those of the running kernel.
    pub(super) fn find() -> Option<Headers> {
        let named = |variable| value(variable).map(|(_, folder)| PathBuf::from(folder));
        let (source, build) = (named(&KERNEL_SOURCE), named(&KERNEL_BUILD));
        if let Some(one) = source.clone().or(build.clone()) {
            let other = |folder: Option<PathBuf>| folder.unwrap_or_else(|| one.clone());
            return Some(Headers { source: other(source), build: other(build) });
        }
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
        let modules = Path::new("/lib/modules").join(release.trim());
        let build = Some(modules.join("build")).filter(|build| build.is_dir())?;
        let source = Some(modules.join("source")).filter(|source| source.is_dir());
        Some(Headers { source: source.unwrap_or_else(|| build.clone()), build })
    }

    /// What the kernel's own headers need.
    pub(super) fn arguments(&self) -> Vec<String> {
        let arch = Path::new("arch").join(ARCH);
        let folders = [
            self.source.join(&arch).join("include"),
            self.build.join(&arch).join("include/generated"),
            self.source.join("include"),
            self.build.join("include"),
            self.source.join(&arch).join("include/uapi"),
            self.build.join(&arch).join("include/generated/uapi"),
            self.source.join("include/uapi"),
            self.build.join("include/generated/uapi"),
        ];
        let mut words = vec!["-nostdinc".to_owned(), "-D__KERNEL__".to_owned()];
        for folder in folders.iter().filter(|folder| folder.is_dir()) {
            words.extend(["-I".to_owned(), folder.display().to_string()]);
        }
        let options = self.source.join("include/linux/kconfig.h");
        if options.is_file() {
            words.extend(["-include".to_owned(), options.display().to_string()]);
        }
        words
    }
}
