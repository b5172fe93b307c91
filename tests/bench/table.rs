//! The table of all figures, for people or as JSON.

use std::io::Write as _;

use serde_json::{Map, Value, json};

/// What was measured, with the figure of each who took part.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) ebtrace: f64,
    pub(crate) c: Option<f64>,
    pub(crate) bpftrace: Option<f64>,
    pub(crate) note: String,
}

#[derive(Debug)]
pub(crate) struct Table {
    json: bool,
    machine: Vec<(&'static str, String)>,
    section: &'static str,
    rows: Vec<Value>,
}

impl Table {
    pub(crate) fn new(json: bool, machine: Vec<(&'static str, String)>) -> Self {
        let table = Self { json, machine, section: "", rows: Vec::new() };
        let described = table.machine.iter().map(|(name, value)| format!("{name} {value}"));
        table.say(&described.collect::<Vec<_>>().join(", "));
        table
    }

    pub(crate) fn section(&mut self, name: &'static str) {
        self.section = name;
        self.say(&format!(
            "\n{name:<38} {:>9} {:>9} {:>9} {:>6} {:>10}",
            "ebtrace", "C", "bpftrace", "of C", "of bpftrace"
        ));
    }

    pub(crate) fn row(&mut self, row: &Row) {
        let ratio = |other: Option<f64>| {
            other.filter(|other| *other > 0.0).map(|other| row.ebtrace / other)
        };
        let (of_c, of_bpftrace) = (ratio(row.c), ratio(row.bpftrace));
        let figure = |figure: Option<f64>| figure.map(shown).unwrap_or_default();
        let times =
            |ratio: Option<f64>| ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let line = format!(
            "  {:<36} {:>9} {:>9} {:>9} {:>6} {:>10}  {}",
            format!("{}, {}", row.name, row.unit),
            shown(row.ebtrace),
            figure(row.c),
            figure(row.bpftrace),
            times(of_c),
            times(of_bpftrace),
            row.note
        );
        self.say(line.trim_end());
        self.rows.push(json!({
            "section": self.section,
            "name": row.name,
            "unit": row.unit,
            "ebtrace": row.ebtrace,
            "c": row.c,
            "bpftrace": row.bpftrace,
            "of_c": of_c,
            "of_bpftrace": of_bpftrace,
            "note": row.note,
        }));
    }

    pub(crate) fn note(&self, text: &str) {
        self.say(&format!("  {text}"));
    }

    pub(crate) fn finish(self) {
        if self.json {
            let machine = self.machine.into_iter();
            let machine: Map<String, Value> =
                machine.map(|(name, value)| (name.to_owned(), value.into())).collect();
            put(&format!("{:#}", json!({ "machine": machine, "rows": self.rows })));
        }
    }

    fn say(&self, line: &str) {
        if !self.json {
            put(line);
        }
    }
}

/// A reader who went away needs no more lines.
fn put(line: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn shown(figure: f64) -> String {
    if figure.abs() >= 1000.0 { format!("{figure:.0}") } else { format!("{figure:.1}") }
}

/// Of an odd number of figures the one in the middle.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
