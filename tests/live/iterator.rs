//! What iterators find of a process, beside what `/proc` says of it, both ways; and iterators that stay in the kernel.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use libtest_mimic::{Completion, Failed, Trial};

use crate::facility;

type Finding = Result<(), String>;
type Test = fn(&Path, &Traced) -> Finding;

pub(crate) fn trials(binary: &Path) -> Vec<Trial> {
    let tests: [(&str, Test); 5] = [
        ("iterator_tasks_are_those_of_proc", tasks),
        ("iterator_files_are_those_of_proc", files),
        ("iterator_pieces_of_memory_are_those_of_proc", memory),
        ("iterator_is_restricted_to_a_process", restricted),
        ("iterator_that_stays_gives_the_same_text", stays),
    ];
    let trial = |(name, test): (&str, Test)| {
        let binary = binary.to_owned();
        Trial::ignorable_test(name, move || {
            if let Some(reason) = facility::missing(&["btf".to_owned()])? {
                return Ok(Completion::ignored_with(reason));
            }
            test(&binary, &Traced::start()?).map_err(Failed::from)?;
            Ok(Completion::Completed)
        })
    };
    tests.map(trial).into()
}

/// A process that does nothing until it is dropped.
struct Traced(Child);

impl Traced {
    fn start() -> Result<Self, String> {
        let sleep = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn();
        sleep.map(Self).map_err(|error| format!("cannot run sleep: {error}"))
    }

    fn proc(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.0.id()))
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The lines that a script prints for the process, whose number is its first parameter.
fn lines(binary: &Path, script: &str, traced: &Traced) -> Result<BTreeSet<String>, String> {
    let mut command = Command::new(binary);
    command.args(["-q", "-e", script, &traced.0.id().to_string()]);
    printed(command, binary)
}

fn printed(mut command: Command, binary: &Path) -> Result<BTreeSet<String>, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", binary.display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

fn same(found: BTreeSet<String>, wanted: BTreeSet<String>) -> Finding {
    if found == wanted && !wanted.is_empty() {
        return Ok(());
    }
    Err(format!("found {found:#?}\nbut /proc has {wanted:#?}"))
}

fn names(folder: &Path) -> Result<BTreeSet<String>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = entries.map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    Ok(names.flatten().collect())
}

fn tasks(binary: &Path, traced: &Traced) -> Finding {
    let script = "iter:task /ctx.task.tgid == $1/ { printf(\"%d\\n\", ctx.task.pid); }";
    same(lines(binary, script, traced)?, names(&traced.proc().join("task"))?)
}

fn files(binary: &Path, traced: &Traced) -> Finding {
    let script = "iter:task_file { if (ctx.task.tgid == $1) { printf(\"%d\\n\", ctx.fd); } }";
    same(lines(binary, script, traced)?, names(&traced.proc().join("fd"))?)
}

fn restricted(binary: &Path, traced: &Traced) -> Finding {
    let mut command = Command::new(binary);
    let script = "iter:task_file { printf(\"%d\\n\", ctx.fd); }";
    command.args(["-q", "-p", &traced.0.id().to_string(), "-e", script]);
    same(printed(command, binary)?, names(&traced.proc().join("fd"))?)
}

fn memory(binary: &Path, traced: &Traced) -> Finding {
    let script = "iter:task_vma /ctx.task.tgid == $1/ { printf(\"%08lx-%08lx\\n\", ctx.vma.vm_start, ctx.vma.vm_end); }";
    let found = lines(binary, script, traced)?;
    let path = traced.proc().join("maps");
    let maps = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let ranges = maps.lines().filter(|line| !line.ends_with("[vsyscall]"));
    same(found, ranges.filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect())
}

/// Mounts it where nobody else has.
fn bpf_file_system() -> Result<&'static Path, String> {
    const PLACE: &str = "/sys/fs/bpf";
    let mounts = fs::read_to_string("/proc/self/mounts").map_err(|error| error.to_string())?;
    if !mounts.lines().any(|mount| mount.starts_with(&format!("bpf {PLACE} "))) {
        let status = Command::new("mount").args(["-t", "bpf", "bpf", PLACE]).status();
        let mounted = status.map_err(|error| format!("cannot run mount: {error}"))?;
        if !mounted.success() {
            return Err(format!("no BPF file system could be mounted at {PLACE}"));
        }
    }
    Ok(Path::new(PLACE))
}

/// The text that the kernel writes is the text that ebtrace shows.
fn stays(binary: &Path, traced: &Traced) -> Finding {
    const BODY: &str = "/ctx.task.tgid == $1/ {
        $r = (number = ctx.task.pid, small = (int8)-1, name = ctx.task.comm);
        print($r); print((1, \"text\", true)); print(ctx.task);
        printf(\"%-8d|%8u|%05d|%+d|%x|%c|%s|%-12s|%9s|%p|%%\\n\", ctx.task.pid, $r.number, -5, 7, $r.small, 65, $r.number, $r.name,
          false, ctx.task);
        printf(\"%u %hhd %ld %X %s\\n\", (int8)-1, 300, (int32)-5, (uint16)48879, $r);
        for ($i : 0..3) { printf(\"%d,\", $i); }
        printf(\"\\n\");
    }";
    let name = format!("ebtrace_test_{}", traced.0.id());
    let path = bpf_file_system()?.join(&name);
    let wanted = lines(binary, &format!("iter:task {BODY}"), traced)?;
    let pinned = lines(binary, &format!("iter:task:{name} {BODY}"), traced);
    let read = [(); 2].map(|()| fs::read_to_string(&path));
    let removed = fs::remove_file(&path);
    if !pinned?.is_empty() {
        return Err("an iterator that stays in the kernel printed something".to_owned());
    }
    removed.map_err(|error| format!("{}: {error}", path.display()))?;
    for text in read {
        let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
        same(text.lines().map(str::to_owned).collect(), wanted.clone())?;
    }
    Ok(())
}
