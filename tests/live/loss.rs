//! Order and loss: events arrive in the order in which they happened, and none is missing without being counted.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::schema::Schema;

/// So many numbers are printed at once, far more than a small buffer holds.
const NUMBERS: u64 = 30_000;

pub(crate) fn trials(binary: &Path) -> Vec<Trial> {
    vec![
        trial("what_is_lost_is_counted_exactly", lost, binary),
        trial("nothing_is_lost_where_the_buffer_is_large_enough", kept, binary),
        trial("events_arrive_in_the_order_of_time", ordered, binary),
    ]
}

fn trial(name: &str, test: fn(&Path) -> Result<(), String>, binary: &Path) -> Trial {
    let binary = binary.to_owned();
    Trial::test(name, move || test(&binary).map_err(Failed::from))
}

/// The lines of a run as JSON, and its standard error.
fn run(binary: &Path, script: &str) -> Result<(Vec<Value>, String), String> {
    let mut command = Command::new(binary);
    command.args(["-q", "-f", "json", "-e", script]).stdin(Stdio::null());
    let output = command.output().map_err(|error| error.to_string())?;
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        return Err(format!("{}: {err}", output.status));
    }
    Schema::get()?.check(&out)?;
    let lines: Result<Vec<Value>, _> = out.lines().map(serde_json::from_str).collect();
    Ok((lines.map_err(|error| error.to_string())?, err.into_owned()))
}

fn script(pages: u32) -> String {
    format!(
        "config = {{ perf_rb_pages = {pages} }} \
         begin {{ for ($i : 0..{NUMBERS}) {{ print($i); }} exit(); }}"
    )
}

/// The numbers that arrived, and how many are said to be lost.
fn counted(lines: &[Value]) -> (Vec<u64>, u64) {
    let numbers = lines.iter().filter(|line| line["type"] == "value");
    let numbers = numbers.filter_map(|line| line["data"].as_u64()).collect();
    let lost = lines.iter().filter(|line| line["type"] == "lost_events");
    (numbers, lost.filter_map(|line| line["count"].as_u64()).sum())
}

fn lost(binary: &Path) -> Result<(), String> {
    let (lines, err) = run(binary, &script(64))?;
    let (numbers, lost) = counted(&lines);
    // What is lost is all that came when the buffer was full, the end of the session perhaps among it.
    let missing = NUMBERS - numbers.len() as u64;
    if missing == 0 || !(missing..=missing + 1).contains(&lost) {
        return Err(format!("{} of {NUMBERS} arrived, {lost} are said to be lost", numbers.len()));
    }
    if !numbers.is_sorted() {
        return Err("those that arrived are not in order".to_owned());
    }
    match err.contains("events of begin") && err.contains("perf_rb_pages = ") {
        true => Ok(()),
        false => Err(format!("neither the probe nor the option is named: {err}")),
    }
}

fn kept(binary: &Path) -> Result<(), String> {
    let (lines, err) = run(binary, &script(4096))?;
    let (numbers, lost) = counted(&lines);
    match numbers.into_iter().eq(0..NUMBERS) && lost == 0 && err.is_empty() {
        true => Ok(()),
        false => Err(format!("{lost} are said to be lost\n{err}")),
    }
}

/// All CPUs count their own samples and print them with the time.
fn ordered(binary: &Path) -> Result<(), String> {
    let script = "config = { print_maps_on_exit = 0 } \
                  profile:hz:199 { @n[cpu]++; print((cpu, @n[cpu], nsecs)); } interval:s:1 { exit(); }";
    let (lines, _) = run(binary, script)?;
    let mut counts: HashMap<u64, u64> = HashMap::new();
    let mut latest = 0;
    for line in lines.iter().filter(|line| line["type"] == "value") {
        let number = |index: usize| {
            let part = &line["data"][index];
            let written = part.as_str().and_then(|text| text.parse().ok());
            part.as_u64().or(written).ok_or(format!("no number: {line}"))
        };
        let (cpu, count, time) = (number(0)?, number(1)?, number(2)?);
        let before = counts.insert(cpu, count).unwrap_or(0);
        if count != before + 1 {
            return Err(format!("CPU {cpu}: {count} came after {before}"));
        }
        // Between taking the time and taking a place in the buffer, another CPU may be faster.
        if time + 50_000_000 < latest {
            return Err(format!("an event of {time} came after one of {latest}"));
        }
        latest = latest.max(time);
    }
    if counts.is_empty() { Err("nothing arrived".to_owned()) } else { Ok(()) }
}
