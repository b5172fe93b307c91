//! Live tests: every `tests/live/NAME.bt` is run by ebtrace on the running kernel, and its output compared with what the
//! comments at its head expect; so are the scripts of the documents, random programs, and whole sessions at a prompt
//! (`tests/live/transcript.rs`). Nothing is run unless `EBTRACE_LIVE=1` is set, for they load BPF programs and need root.
//!
//! A line `// word: value` before the first line of code is a directive; other comments are prose. An unknown word, or a
//! script that expects nothing, fails.
//!
//! | directive | meaning |
//! |---|---|
//! | `needs: kprobe btf …` | facilities of the machine (`no-NAME`: their absence); where one is missing the test is ignored, with the reason |
//! | `builds: NAME.c …` | programs of `tests/live/programs`, which gcc makes `$TMP/NAME` of |
//! | `run: -q --unsafe` | arguments before the script's name |
//! | `args: 5 hello` | arguments after it |
//! | `asks: COMMAND` | run by a shell before; its words are further arguments |
//! | `cmd: cat /etc/hostname` | traced command (`-c`) |
//! | `stdin: yes` | the script comes on standard input (`-`) |
//! | `before: COMMAND` | run by a shell in the project's folder before ebtrace is started; must succeed |
//! | `process: COMMAND` | started after that by a shell, and ended with the test; its number is `$PROCESS` |
//! | `ready: COMMAND` | repeated by a shell until it succeeds, before ebtrace is started |
//! | `after: COMMAND` | run by a shell when ebtrace has said `Attached N probes`; may stand several times |
//! | `signal: INT` | sent to ebtrace when it has attached and every `after` is done |
//! | `then: COMMAND` | run by a shell when ebtrace has ended; must succeed |
//! | `expect: LINE`, `expect_re: REGEX`, `expect_none: REGEX` | a line of standard output that must, or must not, be there |
//! | `expect_err: LINE`, `expect_err_re: REGEX`, `expect_err_none: REGEX` | the same of standard error |
//! | `out\| LINE` | standard output is these lines and no others (no colon; the text begins one blank after the bar) |
//! | `exit: 1` | exit status (0) |
//! | `timeout: 20` | seconds (20), multiplied by `EBTRACE_LIVE_SLOW` |
//!
//! In `run`, `args`, `cmd`, `before`, `process`, `ready`, `after` and `then`, `$TMP` is a folder of the test's own, and in `after` `$PID` is
//! ebtrace's process. Arguments are split at blanks.
//! The binary is `EBTRACE_BIN`, or else the release build.

#[path = "live/aot.rs"]
mod aot;
#[path = "live/build.rs"]
mod build;
#[path = "live/case.rs"]
mod case;
#[path = "live/doctor.rs"]
mod doctor;
#[path = "live/documents.rs"]
mod documents;
#[path = "live/facility.rs"]
mod facility;
#[path = "live/interpreter.rs"]
mod interpreter;
#[path = "live/iterator.rs"]
mod iterator;
#[path = "live/leftover.rs"]
mod leftover;
#[path = "live/listing.rs"]
mod listing;
#[path = "live/loss.rs"]
mod loss;
#[path = "live/output.rs"]
mod output;
#[path = "live/place.rs"]
mod place;
#[path = "live/programs.rs"]
mod programs;
#[path = "live/prompt.rs"]
mod prompt;
#[path = "live/pty.rs"]
mod pty;
#[path = "live/random/mod.rs"]
mod random;
#[path = "live/schema.rs"]
mod schema;
#[path = "live/session.rs"]
mod session;
#[path = "live/surroundings.rs"]
mod surroundings;
#[path = "live/terminal.rs"]
mod terminal;
#[path = "live/tour.rs"]
mod tour;
#[path = "live/transcript.rs"]
mod transcript;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use case::Case;
use schema::Schema;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The tests wait more than they compute.
    arguments.test_threads.get_or_insert(2);
    if std::env::var_os("EBTRACE_LIVE").is_none_or(|value| value != "1") {
        return libtest_mimic::run(&arguments, Vec::new()).exit_code();
    }
    let before = leftover::programs();
    let scripts = libtest_mimic::run(&arguments, trials());
    if arguments.list || arguments.filter.is_some() {
        return scripts.exit_code();
    }
    let last =
        Trial::ignorable_test("nothing_stays_in_the_kernel", move || leftover::check(before));
    let leftovers = libtest_mimic::run(&arguments, vec![last]);
    if scripts.has_failed() || leftovers.has_failed() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn trials() -> Vec<Trial> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live");
    let mut scripts: Vec<PathBuf> = match folder.read_dir() {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
        Err(error) => {
            let message = format!("cannot read {}: {error}", folder.display());
            return vec![Trial::test("scripts", || Err(Failed::from(message)))];
        }
    };
    scripts.retain(|path| path.extension() == Some(OsStr::new("bt")));
    scripts.sort();
    let mut trials: Vec<Trial> = scripts.into_iter().map(trial).collect();
    trials.extend(listing::trials(&binary()));
    trials.extend(documents::trials(&binary(), slowness()));
    trials.push(interpreter::trial(&binary()));
    trials.push(programs::trial(&binary()));
    trials.push(doctor::trial(&binary()));
    trials.extend(aot::trials(&binary()));
    trials.extend(surroundings::trials(&binary()));
    trials.extend(loss::trials(&binary()));
    trials.extend(output::trials(&binary(), slowness()));
    trials.extend(iterator::trials(&binary()));
    trials.extend(prompt::trials(&binary(), slowness()));
    trials.extend(terminal::trials(&binary(), slowness()));
    trials.extend(tour::trials(&binary(), slowness()));
    trials.extend(transcript::trials(&binary(), slowness()));
    trials.extend(random::trials(binary(), slowness()));
    trials
}

fn trial(script: PathBuf) -> Trial {
    let name = script.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Trial::ignorable_test(name, move || {
        let case = Case::read(&script)?;
        if let Some(reason) = facility::missing(&case.needs)? {
            return Ok(Completion::ignored_with(reason));
        }
        let ended = session::run(&case, &script, &binary(), slowness())?;
        case.judge(&ended)?;
        if case.run.iter().any(|word| word == "json") {
            Schema::get()?.check(&ended.stdout)?;
        }
        Ok(Completion::Completed)
    })
}

fn binary() -> PathBuf {
    std::env::var_os("EBTRACE_BIN").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/ebtrace"),
        PathBuf::from,
    )
}

/// How many times longer everything may take: in an emulated machine, about ten.
fn slowness() -> u32 {
    std::env::var("EBTRACE_LIVE_SLOW").ok().and_then(|value| value.parse().ok()).unwrap_or(1)
}

/// `Duration` of so many seconds, as slow as this machine is.
fn slowed(seconds: u64, slowness: u32) -> Duration {
    Duration::from_secs(seconds) * slowness
}
