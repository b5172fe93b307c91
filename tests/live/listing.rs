//! What `-l` lists is what the kernel and the files themselves say there is: the same set, both ways.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Failed, Trial};

use crate::facility;

/// A test of a list: what it needs, and how it is made.
struct Listing {
    name: &'static str,
    needs: &'static [&'static str],
    compare: fn(&Path) -> Result<(), String>,
}

const ALL: &[Listing] = &[
    Listing { name: "list_of_tracepoints", needs: &["tracepoint"], compare: tracepoints },
    Listing { name: "list_of_tracepoint_fields", needs: &["tracepoint"], compare: fields },
    Listing {
        name: "list_of_rawtracepoints",
        needs: &["btf", "bpftool"],
        compare: raw_tracepoints,
    },
    Listing { name: "list_of_iterators", needs: &["btf", "bpftool"], compare: iterators },
    Listing { name: "list_of_kernel_structs", needs: &["btf", "bpftool"], compare: structs },
    Listing { name: "list_of_kernel_functions", needs: &["kprobe"], compare: kernel_functions },
    Listing {
        name: "list_of_typed_functions",
        needs: &["fentry", "bpftool"],
        compare: typed_functions,
    },
    Listing {
        name: "list_of_functions_of_a_program",
        needs: &["gcc", "uprobe"],
        compare: functions,
    },
    Listing { name: "list_of_marks_of_a_program", needs: &["gcc", "uprobe"], compare: marks },
    Listing { name: "list_of_the_probes_of_a_process", needs: &["uprobe"], compare: process },
    Listing { name: "list_of_bpf_programs", needs: &["btf", "bpftool"], compare: programs },
    Listing { name: "list_of_a_script", needs: &["tracepoint"], compare: script },
];

pub(crate) fn trials(binary: &Path) -> Vec<Trial> {
    let trial = |listing: &'static Listing| {
        let binary = binary.to_owned();
        Trial::ignorable_test(listing.name, move || {
            let needs: Vec<String> = listing.needs.iter().map(|need| (*need).to_owned()).collect();
            if let Some(reason) = facility::missing(&needs)? {
                return Ok(Completion::ignored_with(reason));
            }
            (listing.compare)(&binary).map_err(Failed::from)?;
            Ok(Completion::Completed)
        })
    };
    ALL.iter().map(trial).collect()
}

type Set = BTreeSet<String>;

/// What ebtrace prints.
fn listed(binary: &Path, arguments: &[&str]) -> Result<String, String> {
    let ran = Command::new(binary).args(arguments).output();
    let output = ran.map_err(|error| format!("{}: {error}", binary.display()))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Ok(printed),
        false => Err(format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn lines(text: &str) -> Set {
    text.lines().filter(|line| !line.starts_with(' ')).map(str::to_owned).collect()
}

/// What a shell command prints.
fn shell(command: &str) -> Result<String, String> {
    let ran = Command::new("sh").args(["-c", command]).output();
    let output = ran.map_err(|error| format!("sh: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("{command}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn same(listed: &Set, known: &Set) -> Result<(), String> {
    if known.is_empty() {
        return Err("nothing to compare with".to_owned());
    }
    let some = |set: BTreeSet<&String>| set.into_iter().take(10).cloned().collect::<Vec<_>>();
    let (more, fewer) =
        (some(listed.difference(known).collect()), some(known.difference(listed).collect()));
    match more.is_empty() && fewer.is_empty() {
        true => Ok(()),
        false => Err(format!("listed but not there: {more:?}\nthere but not listed: {fewer:?}")),
    }
}

/// A shell command in a folder of tracefs, which is mounted for it alone.
fn in_tracefs(command: &str) -> Result<String, String> {
    shell(&format!("unshare -m sh -c 'mount -t tracefs tracefs /mnt && cd /mnt && {command}'"))
}

fn tracepoints(binary: &Path) -> Result<(), String> {
    let listed = lines(&listed(binary, &["-l", "tracepoint:*"])?);
    // What ftrace writes itself has a format, but cannot be enabled.
    let found = in_tracefs("cd events && ls -d */*/enable")?;
    let known = found.lines().filter_map(|line| {
        let (category, event) = line.strip_suffix("/enable")?.split_once('/')?;
        Some(format!("tracepoint:{category}:{event}"))
    });
    same(&listed, &known.collect())
}

fn fields(binary: &Path) -> Result<(), String> {
    let text = listed(binary, &["-lv", "tracepoint:sched:*,tracepoint:syscalls:sys_enter_*"])?;
    let mut listed = Set::new();
    let mut probe = "";
    for line in text.lines() {
        match line.strip_prefix("    ") {
            None => probe = line,
            Some(field) => _ = listed.insert(format!("{probe} {field}")),
        }
    }
    let found =
        in_tracefs("grep -H field: events/sched/*/format events/syscalls/sys_enter_*/format")?;
    let known = found.lines().filter_map(|line| {
        let (path, field) = line.split_once(':')?;
        let mut folders = path.split('/').skip(1);
        let (category, event) = (folders.next()?, folders.next()?);
        let field = field.trim().strip_prefix("field:")?.split(';').next()?;
        let own = !field.contains(" common_");
        own.then(|| format!("tracepoint:{category}:{event} {field}"))
    });
    same(&listed, &known.collect())
}

/// The names of a kind of the kernel's own types.
fn described(kind: &str) -> Result<Vec<String>, String> {
    let found = shell("bpftool btf dump file /sys/kernel/btf/vmlinux format raw")?;
    let names = found.lines().filter_map(|line| {
        let (_, rest) = line.split_once("] ")?;
        let name = rest.strip_prefix(kind)?.strip_prefix(" '")?.split('\'').next()?;
        (name != "(anon)").then(|| name.to_owned())
    });
    Ok(names.collect())
}

fn raw_tracepoints(binary: &Path) -> Result<(), String> {
    let listed = lines(&listed(binary, &["-l", "rawtracepoint:vmlinux:*"])?);
    let known = described("TYPEDEF")?.into_iter().filter_map(|name| {
        Some(format!("rawtracepoint:vmlinux:{}", name.strip_prefix("btf_trace_")?))
    });
    same(&listed, &known.collect())
}

fn iterators(binary: &Path) -> Result<(), String> {
    let listed = lines(&listed(binary, &["-l", "iter:*"])?);
    // Iterators through what a map holds want a map, which a script cannot name.
    let of_a_map = ["bpf_map_elem", "bpf_sk_storage_map", "sockmap"];
    let known = described("STRUCT")?.into_iter().filter_map(|name| {
        let name = name.strip_prefix("bpf_iter__")?.to_owned();
        (!name.contains("__") && !of_a_map.contains(&name.as_str())).then(|| format!("iter:{name}"))
    });
    let known: Set = known.collect();
    // Those of modules are listed as well.
    same(&listed.intersection(&known).cloned().collect(), &known)
}

fn structs(binary: &Path) -> Result<(), String> {
    let text = listed(binary, &["-l", "struct task_*,struct sk_*"])?;
    let known = described("STRUCT")?
        .into_iter()
        .filter(|name| name.starts_with("task_") || name.starts_with("sk_"));
    let known: Set = known.map(|name| format!("struct {name}")).collect();
    same(&lines(&text).intersection(&known).cloned().collect(), &known)?;
    // A definition has all members, in order, and what stands between them.
    let text = listed(binary, &["-lv", "struct t*"])?.replace("vmlinux: struct", "struct");
    let own: Set = definitions(&text).collect();
    let header = shell("bpftool btf dump file /sys/kernel/btf/vmlinux format c")?;
    // It numbers the types of one name.
    let known = definitions(&header).filter(|text| !text.contains("___"));
    let known: Set = known.filter(|text| text.starts_with("struct t")).collect();
    if !known.iter().any(|text| text.starts_with("struct task_struct {")) {
        return Err(header);
    }
    same(&own.intersection(&known).cloned().collect(), &known)
}

/// The structs of a header, each as it is written there.
fn definitions(text: &str) -> impl Iterator<Item = String> {
    let mut open = String::new();
    text.lines().filter_map(move |line| {
        if open.is_empty() && !(line.starts_with("struct ") && line.ends_with('{')) {
            return None;
        }
        open.extend([line, "\n"]);
        line.starts_with('}').then(|| std::mem::take(&mut open))
    })
}

/// The functions that patterns stand for, of all that the kernel says.
fn traceable() -> Result<Vec<(String, Option<String>)>, String> {
    let found = in_tracefs("cat available_filter_functions")?;
    let blacklist = shell("cat /sys/kernel/debug/kprobes/blacklist 2>/dev/null || true")?;
    let forbidden: BTreeSet<&str> =
        blacklist.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    let kept_off = |name: &str| {
        ["arch_cpu_idle", "default_idle", "bpf_dispatcher_xdp_func"].contains(&name)
            || name.starts_with("rcu_")
            || name.starts_with("__ftrace_invalid_address__")
            || name.contains(".part.")
            || forbidden.contains(name)
    };
    let named = found.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        let module = words.next().map(|module| module.trim_matches(['[', ']']).to_owned());
        (!kept_off(name)).then(|| (name.to_owned(), module))
    });
    Ok(named.collect())
}

/// Lists functions where another start of the machine left a list, which takes the place of that, and then from that. Other
/// machines may share the folder for such lists, so the script has its own.
const LIST_TWICE: &str = "mount -t tmpfs ebtrace-run /run
    mkdir -m 700 /run/ebtrace
    echo of_another_start >/run/ebtrace/functions
    \"$0\" -l 'kprobe:*' >/run/first
    grep -qx vfs_read /run/ebtrace/functions
    \"$0\" -l 'kprobe:*' | cmp /run/first -
    cat /run/first";

fn kernel_functions(binary: &Path) -> Result<(), String> {
    let known = traceable()?.into_iter().map(|(name, module)| match module {
        Some(module) => format!("kprobe:{module}:{name}"),
        None => format!("kprobe:{name}"),
    });
    let binary = binary.to_string_lossy();
    let listed = self::listed(Path::new("unshare"), &["-m", "sh", "-ec", LIST_TWICE, &binary])?;
    same(&lines(&listed), &known.collect())
}

fn typed_functions(binary: &Path) -> Result<(), String> {
    let listed = lines(&listed(binary, &["-l", "fentry:vmlinux:*"])?);
    let described: Set = described("FUNC")?.into_iter().collect();
    let known = traceable()?
        .into_iter()
        .filter(|(name, module)| module.is_none() && described.contains(name));
    same(&listed, &known.map(|(name, _)| format!("fentry:vmlinux:{name}")).collect())
}

/// A program of the tests, made for this test.
fn built(source: &str) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/programs");
    let made = std::env::temp_dir().join(format!("ebtrace-list.{}.{source}", std::process::id()));
    let (from, to) = (folder.join(source), made.display());
    shell(&format!("gcc -g -O1 -pthread -o '{to}' '{}'", from.display()))?;
    Ok(made.with_extension("c"))
}

fn functions(binary: &Path) -> Result<(), String> {
    let program = built("burn.c")?;
    let path = program.display();
    let listed = listed(binary, &["-l", &format!("uprobe:{path}:*")]).map(|text| lines(&text));
    let details = self::listed(binary, &["-lv", &format!("uprobe:{path}:main")]);
    let symbols = shell(&format!("nm '{path}'"));
    drop(std::fs::remove_file(&program));
    let known = symbols?
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').rev();
            let (name, kind) = (words.next()?, words.next()?);
            ["t", "T", "W", "w", "i"].contains(&kind).then(|| format!("uprobe:{path}:{name}"))
        })
        .collect::<Set>();
    let listed = listed?;
    let wanted = format!("uprobe:{path}:main\n    int32 argc\n    int8 * * argv\n");
    let details = details?;
    if details != wanted {
        return Err(details);
    }
    // What is weak and not there has no address.
    for name in ["main", "busy", "thread", "_start"] {
        let probe = format!("uprobe:{path}:{name}");
        if !listed.contains(&probe) {
            return Err(format!("{probe} is not listed, but {listed:?}"));
        }
    }
    same(&listed, &listed.intersection(&known).cloned().collect())
}

fn marks(binary: &Path) -> Result<(), String> {
    let program = built("marks.c")?;
    let path = program.display();
    let listed = listed(binary, &["-l", &format!("usdt:{path}:*")]).map(|text| lines(&text));
    let notes = shell(&format!("readelf -n '{path}'"));
    drop(std::fs::remove_file(&program));
    let notes = notes?;
    let after =
        |line: &str, word: &str| line.trim().strip_prefix(word).map(str::trim).map(str::to_owned);
    let providers = notes.lines().filter_map(|line| after(line, "Provider:"));
    let names = notes.lines().filter_map(|line| after(line, "Name:"));
    let known =
        providers.zip(names).map(|(provider, name)| format!("usdt:{path}:{provider}:{name}"));
    same(&listed?, &known.collect())
}

fn process(binary: &Path) -> Result<(), String> {
    let pid = std::process::id().to_string();
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let listed = lines(&listed(binary, &["-l", "-p", &pid, "uprobe:main,uprobe:mallo?"])?);
    let wanted = format!("uprobe:{}:main", own.display());
    if !listed.contains(&wanted) {
        return Err(format!("{wanted} is not listed, but {listed:?}"));
    }
    match listed.iter().all(|probe| probe.ends_with(":main") || probe.contains("mallo")) {
        true => Ok(()),
        false => Err(format!("{listed:?}")),
    }
}

/// The number of a BPF program, and its name as the list has it.
fn programs(binary: &Path) -> Result<(), String> {
    let mut tracer = Command::new(binary)
        .args(["-q", "-e", "begin { printf(\"ready\\n\"); } interval:s:471 { @ = count(); }"])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut line = String::new();
    let ready = tracer.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
    let found = shell("bpftool prog show | grep 'name interval_s_471'");
    let listed = listed(binary, &["-l", "fentry:bpf:*"]);
    drop(tracer.kill().and_then(|()| tracer.wait()));
    let (found, listed) = (found?, lines(&listed?));
    if ready.is_none() {
        return Err("the tracer prints nothing".to_owned());
    }
    let ids: Vec<&str> = found.lines().filter_map(|line| line.split(':').next()).collect();
    let wanted = |id: &&str| listed.contains(&format!("fentry:bpf:{}:interval_s_471_1", id.trim()));
    if !ids.is_empty() && ids.iter().all(wanted) {
        Ok(())
    } else {
        Err(format!("{ids:?}: {listed:?}"))
    }
}

fn script(binary: &Path) -> Result<(), String> {
    let path = std::env::temp_dir().join(format!("ebtrace-list.{}.bt", std::process::id()));
    let script = "begin { } t:sched:sched_wakeup* { } i:s:1 { } self:signal:SIGUSR1 { } s:cs:5, s:cs:6 { } end { }";
    std::fs::write(&path, script).map_err(|error| error.to_string())?;
    let name = path.display().to_string();
    let listed = listed(binary, &["-l", &name]);
    drop(std::fs::remove_file(&path));
    let wanted = "tracepoint:sched:sched_wakeup\ntracepoint:sched:sched_wakeup_new\ninterval:s:\nsoftware:cs:\n";
    let listed = listed?;
    if listed == wanted { Ok(()) } else { Err(listed) }
}
