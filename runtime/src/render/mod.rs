//! Values become text or JSON, byte for byte as the language promises.
//!
//! [`Renderer`] turns what was decoded into bytes and touches nothing else; [`Output`] decides when they are written.

mod histogram;
mod json;
mod output;
mod printf;
mod series;
mod stack;
mod text;
mod trial;

pub(crate) use json::error_text;
pub use output::{Buffering, Output};
pub(crate) use text::printable;
pub use trial::{Measured, Tested};

use ebtrace_image::{Aggregate, Format as PrintfFormat, Map, Shape, Site};

use crate::decode::Value;
use crate::map::{self, Contents};
use crate::names::Names;
use crate::symbol::Symbolize;

/// What the output looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Which part of a map is printed, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct View {
    /// Only this many of the largest; 0 for all.
    pub top: u64,
    /// Divide values by this; 0 and 1 leave them as they are.
    pub div: u64,
    /// The script asked for it by `print`: a scalar that was never assigned shows as zero instead of not at all.
    pub asked: bool,
}

/// Something that went wrong at a place of the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble<'a> {
    /// The place.
    pub site: &'a Site,
    /// What happened, for people.
    pub message: String,
    /// The helper that failed, without its `bpf_` prefix, and what it returned.
    pub helper: Option<(&'a str, i64)>,
    /// How often it happened without being reported; 0 in the first report.
    pub repeated: u64,
}

/// Turns values into bytes.
#[derive(Clone, Copy)]
pub struct Renderer<'a> {
    /// Text or JSON.
    pub format: Format,
    /// Appended to text that was cut.
    pub trailer: &'a str,
    /// Bytes of the largest string with its NUL: text of that size was cut.
    pub max_strlen: usize,
    /// Show control characters of strings as `\x1b`: the output is a terminal, and strings are not to be trusted.
    pub escape: bool,
    /// Names of code addresses.
    pub symbols: &'a dyn Symbolize,
    /// Names and times that only the machine knows.
    pub names: &'a dyn Names,
}

impl Renderer<'_> {
    /// What follows a text: the trailer where it was cut, which is where no byte of its buffer was left.
    fn trailer(&self, text: &[u8], full: bool) -> &[u8] {
        if full || text.len() + 1 >= self.max_strlen { self.trailer.as_bytes() } else { b"" }
    }

    /// What `print` of a single value shows: a line.
    pub fn value(&self, out: &mut Vec<u8>, value: &Value<'_>) {
        match self.format {
            Format::Text => {
                text::value(self, out, value, text::Form::Line);
                out.push(b'\n');
            }
            Format::Json => json::event(out, "value", |out| json::value(self, out, value)),
        }
    }

    /// What `printf` shows.
    pub fn printf(&self, out: &mut Vec<u8>, format: &PrintfFormat, arguments: &[Value<'_>]) {
        match self.format {
            Format::Text => printf::printf(self, out, format, arguments),
            Format::Json => {
                let mut line = Vec::new();
                printf::printf(self, &mut line, format, arguments);
                json::event(out, "printf", |out| json::string(out, &line));
            }
        }
    }

    /// What a format makes of its arguments, as it is.
    pub fn text(&self, format: &PrintfFormat, arguments: &[Value<'_>]) -> Vec<u8> {
        let mut text = Vec::new();
        let raw = Renderer { escape: false, trailer: "", ..*self };
        printf::printf(&raw, &mut text, format, arguments);
        text
    }

    /// The first of the texts in field 1, as many as field 0 says, on a line.
    pub fn join(&self, out: &mut Vec<u8>, separator: &[u8], fields: &[Value<'_>]) {
        let [Value::Unsigned(count), Value::Array(texts)] = fields else { return };
        let mut line = Vec::new();
        for (index, text) in texts.iter().take(*count as usize).enumerate() {
            if index > 0 {
                line.extend_from_slice(separator);
            }
            text::value(self, &mut line, text, text::Form::Line);
        }
        if self.format == Format::Text {
            line.push(b'\n');
        }
        self.ready(out, "join", &line);
    }

    /// What stands in a file, which need not be trusted.
    pub fn content(&self, out: &mut Vec<u8>, content: &[u8]) {
        match self.format {
            Format::Text => text::untrusted(self, out, content),
            Format::Json => self.ready(out, "cat", content),
        }
    }

    /// What a command of the script wrote: as it is, since it may well be meant for the terminal.
    pub fn command(&self, out: &mut Vec<u8>, written: &[u8]) {
        if written.is_empty() {
            return;
        }
        self.ready(out, "syscall", written);
        if self.format == Format::Text {
            out.push(b'\n');
        }
    }

    /// What the script says is wrong or odd, at a place of it.
    pub fn message(&self, out: &mut Vec<u8>, site: &Site, error: bool, message: &[u8]) {
        match self.format {
            Format::Text => text::message(out, site, error, message),
            Format::Json => json::message(out, site, error, message),
        }
    }

    /// Text that is ready, such as a time; `kind` is the type of the JSON object.
    pub fn ready(&self, out: &mut Vec<u8>, kind: &str, ready: &[u8]) {
        match self.format {
            Format::Text => out.extend_from_slice(ready),
            Format::Json => json::event(out, kind, |out| json::string(out, ready)),
        }
    }

    /// A map: nothing when it has no elements.
    pub fn map(&self, out: &mut Vec<u8>, map: &Map, contents: &Contents, view: View) {
        let histogram = matches!(
            map.value.shape,
            Shape::Aggregate(
                Aggregate::Hist { .. } | Aggregate::Lhist { .. } | Aggregate::Series { .. }
            )
        );
        let unset = map.key.is_none() && !contents.is_assigned();
        if contents.is_empty() || (unset && (histogram || !view.asked)) {
            return;
        }
        let order = map::order(map, contents);
        // The largest are last, so those that are left out are the first.
        let skipped = if view.top == 0 { 0 } else { order.len().saturating_sub(view.top as usize) };
        let elements = Elements { map, contents, order: &order[skipped..], div: view.div };
        match self.format {
            Format::Text => text::map(self, out, &elements),
            Format::Json => json::map(self, out, &elements),
        }
    }

    /// How many probes are attached; text mode says it elsewhere.
    pub fn attached(&self, out: &mut Vec<u8>, probes: usize) {
        if self.format == Format::Json {
            json::counted(out, "attached_probes", "probes", probes as u64);
        }
    }

    /// How many events were lost; text mode says it elsewhere.
    pub fn lost(&self, out: &mut Vec<u8>, events: u64) {
        if self.format == Format::Json {
            json::counted(out, "lost_events", "events", events);
        }
    }

    /// Something that went wrong, for the standard error (text) or the output (JSON).
    pub fn trouble(&self, out: &mut Vec<u8>, trouble: &Trouble<'_>) {
        match self.format {
            Format::Text => text::trouble(out, trouble),
            Format::Json => json::trouble(out, trouble),
        }
    }
}

/// The elements of a map that are printed, in order.
struct Elements<'a> {
    map: &'a Map,
    contents: &'a Contents,
    order: &'a [usize],
    div: u64,
}

impl<'a> Elements<'a> {
    fn value(&self, index: usize) -> Value<'a> {
        crate::decode::decode_slot(&self.map.value, self.contents.value(index))
    }

    /// The last interval that any key of a series has a number for.
    fn last_interval(&self) -> u64 {
        if !matches!(self.map.value.shape, Shape::Aggregate(Aggregate::Series { .. })) {
            return 0;
        }
        let all = (0..self.contents.len()).filter_map(|index| match self.value(index) {
            Value::Series(series) => Some(series.last),
            _ => None,
        });
        all.max().unwrap_or(0)
    }

    /// Keys (`None` in a scalar map) and values.
    fn iter(&self) -> impl Iterator<Item = (Option<Value<'a>>, Value<'a>)> {
        let last = self.last_interval();
        self.order.iter().map(move |index| {
            let key = self.map.key.as_ref();
            let key = key.map(|slot| crate::decode::decode_slot(slot, self.contents.key(*index)));
            let value = self.value(*index);
            let value = match value {
                Value::Series(series) => Value::Series(series.until(last)),
                other => map::divide(&self.map.value.shape, other, self.div),
            };
            (key, value)
        })
    }
}
