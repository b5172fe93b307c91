//! What tests of sessions at a prompt begin and end with.

use std::path::{Path, PathBuf};
use std::time::Duration;

use libtest_mimic::{Completion, Failed, Trial};

use crate::session::Scratch;
use crate::{leftover, slowed};

/// A test by its name.
pub(crate) type Test = (&'static str, fn(&Place) -> Result<(), String>);

/// Where sessions run.
pub(crate) struct Place {
    pub(crate) binary: PathBuf,
    pub(crate) scratch: Scratch,
    /// How long anything is waited for.
    pub(crate) patience: Duration,
}

/// The tests of a group, which wait so many seconds on a machine of usual speed; nothing may be left in the kernel.
pub(crate) fn trials(
    group: &str,
    tests: &[Test],
    (binary, seconds, slowness): (&Path, u64, u32),
) -> Vec<Trial> {
    let trial = |&(name, test): &Test| {
        let binary = binary.to_owned();
        Trial::ignorable_test(format!("{group}/{name}"), move || {
            let binary = binary.canonicalize().map_err(|error| error.to_string())?;
            let before = leftover::programs();
            let patience = slowed(seconds, slowness);
            let place = Place { binary, scratch: Scratch::new()?, patience };
            test(&place).map_err(Failed::from)?;
            match before {
                Ok(_) => leftover::check(before),
                Err(_) => Ok(Completion::Completed),
            }
        })
    };
    tests.iter().map(trial).collect()
}
