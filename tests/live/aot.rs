//! Programs that `--aot` makes of scripts.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Failed, Trial};

const SCRIPT: &str = r#"
enum color { RED, BLUE = 7 }
begin {
  printf("%s %d %d %d %s\n", getopt("who", "world"), getopt("n", 5), getopt("neg", -3), getopt("loud"), str($1));
  @color = (enum color)7;
  if (has_cpid) { print(cpid > 0); }
  if (!getopt("stay")) { exit(getopt("n", 5) == 6 ? 9 : 0); }
}
interval:s:100 { @never = 1; }
end { printf("end\n"); }
"#;

pub(crate) fn trials(binary: &Path) -> Vec<Trial> {
    let tests: [(&'static str, Test); 4] = [
        ("a_program_of_a_script_takes_its_parameters", parameters),
        ("a_program_of_a_script_ends_with_the_status_of_the_script", status),
        ("a_program_of_a_script_writes_where_it_is_told", output),
        ("a_program_of_a_script_runs_a_command", command),
    ];
    let trial = |(name, test): (&'static str, Test)| {
        let binary = binary.to_owned();
        let folder = std::env::temp_dir().join(format!("ebtrace-{name}.{}", std::process::id()));
        Trial::test(name, move || {
            std::fs::create_dir(&folder).map_err(|error| error.to_string())?;
            let result = make(&binary, &folder).and_then(|program| test(&program));
            drop(std::fs::remove_dir_all(&folder));
            result.map_err(Failed::from)
        })
    };
    tests.into_iter().map(trial).collect()
}

type Test = fn(&Path) -> Result<(), String>;

fn make(binary: &Path, folder: &Path) -> Result<PathBuf, String> {
    let program = folder.join("greet");
    let output =
        Command::new(binary).arg("--aot").arg(&program).args(["-e", SCRIPT, "given"]).output();
    expect(output, "", 0)?;
    Ok(program)
}

/// Whether a program wrote this and ended so.
fn expect(ran: std::io::Result<Output>, stdout: &str, status: i32) -> Result<(), String> {
    let ran = ran.map_err(|error| error.to_string())?;
    let found = (String::from_utf8_lossy(&ran.stdout).into_owned(), ran.status.code());
    match found == (stdout.to_owned(), Some(status)) {
        true => Ok(()),
        false => Err(format!("{found:?}\n{}", String::from_utf8_lossy(&ran.stderr))),
    }
}

fn parameters(program: &Path) -> Result<(), String> {
    let end = "end\n\n\n@color: BLUE\n";
    expect(Command::new(program).output(), &format!("world 5 -3 0 given\n{end}"), 0)?;
    let words = ["-q", "--", "--who=you", "--n=0x10", "--neg=-9", "--loud"];
    let output = Command::new(program).args(words).output();
    expect(output, &format!("you 16 -9 1 given\n{end}"), 0)
}

fn status(program: &Path) -> Result<(), String> {
    let output = Command::new(program).args(["--", "--n=6"]).output();
    expect(output, "world 6 -3 0 given\nend\n\n\n@color: BLUE\n", 9)
}

fn output(program: &Path) -> Result<(), String> {
    let file = program.with_extension("out");
    let output = Command::new(program).args(["-f", "json", "-q", "-o"]).arg(&file).output();
    expect(output, "", 0)?;
    let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
    match text.starts_with("{\"type\": \"printf\", \"data\": \"world 5") {
        true => Ok(()),
        false => Err(text),
    }
}

fn command(program: &Path) -> Result<(), String> {
    let output = Command::new(program).args(["-c", "echo command", "--", "--stay"]).output();
    expect(output, "world 5 -3 0 given\ntrue\ncommand\nend\n\n\n@color: BLUE\n", 0)
}
