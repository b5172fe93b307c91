//! Sessions in a terminal: keys are pressed, and the screen is read.

use std::path::Path;

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};

use crate::place::{self, Place, Test};
use crate::pty::{CTRL_C, CTRL_D, CTRL_R, ENTER, Pty, TAB, UP, line_of_cursor};

const COLUMNS: u16 = 100;

/// One test for each habit of a terminal.
pub(crate) fn trials(binary: &Path, slowness: u32) -> Vec<Trial> {
    let tests: [Test; 15] = [
        ("a_terminal_alone_begins_a_session", alone),
        ("tab_completes", tab_completes),
        ("entries_have_several_lines", several_lines),
        ("ctrl_c_ends_a_probe_and_keeps_its_map", interrupted_probe),
        ("ctrl_c_drops_the_line", dropped_line),
        ("ctrl_d_ends_the_session", end_of_input),
        ("entries_are_remembered_by_the_next_session", history),
        ("lines_are_drawn_anew_when_the_width_changes", resized),
        ("output_comes_above_the_line_that_is_typed", output_above),
        ("colours_are_there_unless_not_wanted", colours),
        ("sigterm_leaves_the_terminal_as_it_was", terminated),
        ("the_session_ends_with_its_terminal", hung_up),
        ("commands_work_while_probes_run", commands),
        ("long_lines_are_broken", long_line),
        ("text_can_be_pasted", pasted),
    ];
    place::trials("terminal", &tests, (binary, 10, slowness))
}

impl Place {
    fn session(&self) -> Result<Pty, String> {
        self.session_with(&[])
    }

    fn session_with(&self, variables: &[(&str, &str)]) -> Result<Pty, String> {
        let program = (self.binary.as_path(), &["repl"][..]);
        Pty::start(program, variables, &self.scratch.folder, COLUMNS, self.patience)
    }
}

fn alone(place: &Place) -> Result<(), String> {
    let folder = &place.scratch.folder;
    let mut pty = Pty::start((&place.binary, &[]), &[], folder, COLUMNS, place.patience)?;
    pty.carry_out("2 + 2")?;
    pty.await_line("4 : int8")
}

fn tab_completes(place: &Place) -> Result<(), String> {
    let mut pty = place.session()?;
    for (typed, completed) in [
        ("strft", "strftime("),
        ("tracepoint:sched:sched_process_exe", "tracepoint:sched:sched_process_exec"),
        ("curtask->real_par", "curtask->real_parent"),
        (":prob", ":probes"),
        (":type curtask->real_par", ":type curtask->real_parent"),
    ] {
        pty.press(typed)?;
        pty.await_typed(typed)?;
        pty.press(TAB)?;
        pty.await_typed(completed)?;
        pty.drop_line()?;
    }
    // Where there are several, they are listed with their signatures.
    pty.press(&format!("strn{TAB}{TAB}"))?;
    pty.until("candidates are listed", |screen| screen.contents().contains("strncmp("))?;
    pty.await_typed("strncmp(")?;
    pty.drop_line()?;
    // A map that is in use.
    pty.carry_out("@opened_files = 5")?;
    pty.press(&format!("@open{TAB}"))?;
    pty.await_typed("@opened_files")
}

fn several_lines(place: &Place) -> Result<(), String> {
    let mut pty = place.session()?;
    pty.carry_out("begin {\nprintf(\"%d\\n\", 40 +\n2);\n}")?;
    pty.await_line("42")?;
    pty.carry_out("(1,\n2)")?;
    pty.await_line("(1, 2) : (int8,int8)")?;
    pty.carry_out("begin {\n\nprint(11);\n}")?;
    pty.await_line("11")?;
    // Two empty lines end what would else go on.
    pty.enter("begin { print(1);")?;
    pty.press(&[ENTER, ENTER].concat())?;
    pty.until("the error is told", |screen| screen.contents().contains("is not closed"))?;
    pty.await_prompt()
}

fn interrupted_probe(place: &Place) -> Result<(), String> {
    let mut pty = place.session()?;
    pty.enter("interval:ms:10 { @n = count(); printf(\"tick\\n\"); }")?;
    pty.await_line("Attached 1 probe; Ctrl-C ends")?;
    pty.await_line("tick")?;
    pty.press(CTRL_C)?;
    pty.await_prompt()?;
    pty.carry_out("(int64)@n > 0 ? \"kept\" : \"lost\"")?;
    pty.await_line("kept : string[5]")?;
    pty.carry_out(":probes")?;
    pty.until("it is stopped", |screen| screen.contents().contains("1  stopped"))?;
    // What waits is interrupted too.
    pty.carry_out("interval:s:100 { } &")?;
    pty.enter(":wait")?;
    pty.await_plain()?;
    pty.press(CTRL_C)?;
    pty.await_prompt()
}

fn dropped_line(place: &Place) -> Result<(), String> {
    let mut pty = place.session()?;
    pty.press("1 + ")?;
    pty.await_typed("1 +")?;
    pty.drop_line()?;
    pty.enter("begin {")?;
    pty.drop_line()?;
    pty.drop_line()?;
    pty.carry_out("2 + 2")?;
    pty.await_line("4 : int8")
}

fn end_of_input(place: &Place) -> Result<(), String> {
    let mut pty = place.session()?;
    pty.carry_out("interval:s:100 { @ = count(); } end { printf(\"in the end\\n\"); } &")?;
    pty.press(CTRL_D)?;
    match pty.ended()?.code() {
        Some(0) => pty.await_line("in the end")?,
        status => return Err(format!("exit status {status:?}")),
    }
    match pty.is_plain()? {
        true => Ok(()),
        false => Err("the terminal is not as it was".to_owned()),
    }
}

fn history(place: &Place) -> Result<(), String> {
    let mut pty = place.session()?;
    pty.carry_out("1110 + 1")?;
    pty.carry_out("2220 + 2")?;
    pty.press(CTRL_D)?;
    pty.ended()?;
    let mut pty = place.session()?;
    pty.press(UP)?;
    pty.await_typed("2220 + 2")?;
    pty.press(UP)?;
    pty.await_typed("1110 + 1")?;
    pty.drop_line()?;
    pty.press(CTRL_R)?;
    pty.press("222")?;
    pty.until("it is found", |screen| line_of_cursor(screen).ends_with("2220 + 2"))?;
    pty.press(ENTER)?;
    pty.await_line("2222 : int16")
}

fn resized(place: &Place) -> Result<(), String> {
    let mut pty = place.session()?;
    let text = "strlen(\"one two three four five six seven eight nine ten eleven\")";
    pty.press(text)?;
    pty.await_typed(text)?;
    pty.resize(40)?;
    let whole = format!("ebtrace> {text}");
    let is_drawn = |screen: &vt100::Screen| {
        let rows: String = screen.rows(0, 40).collect();
        rows.contains(&whole)
    };
    // Nothing need be drawn before the next key.
    pty.press(" ")?;
    pty.until("the line is drawn in the new width", is_drawn)?;
    pty.press(ENTER)?;
    pty.await_line("55 : uint64")?;
    pty.await_prompt()
}

fn output_above(place: &Place) -> Result<(), String> {
    let mut pty = place.session()?;
    pty.carry_out("interval:ms:100 { printf(\"tick %d\\n\", @n++); } &")?;
    pty.press("1 + ")?;
    for tick in ["tick 1", "tick 4"] {
        pty.await_line(tick)?;
        pty.await_typed("1 +")?;
    }
    pty.press("1")?;
    pty.await_typed("1 + 1")?;
    pty.press(ENTER)?;
    pty.await_line("2 : int8")?;
    pty.carry_out(":stop")
}

fn colours(place: &Place) -> Result<(), String> {
    let coloured = |screen: &vt100::Screen| {
        let (row, width) = (screen.cursor_position().0, screen.size().1.get());
        let cells = (0..width).filter_map(|column| screen.cell(row, column));
        cells.filter(|cell| cell.fgcolor() != vt100::Color::Default).count()
    };
    let entry = "begin { print(\"text\")";
    let mut pty = place.session()?;
    pty.press(entry)?;
    pty.until("the line has colours", |screen| coloured(screen) > 10)?;
    for variable in [("NO_COLOR", "1"), ("BPFTRACE_COLOR", "never")] {
        let mut pty = place.session_with(&[variable])?;
        pty.press(entry)?;
        pty.await_typed(entry)?;
        pty.until("the line has no colours", |screen| coloured(screen) == 0)?;
    }
    Ok(())
}

fn terminated(place: &Place) -> Result<(), String> {
    let mut pty = place.session()?;
    pty.carry_out("interval:s:100 { @ = count(); } &")?;
    pty.press("1 +")?;
    pty.await_typed("1 +")?;
    if pty.is_plain()? {
        return Err("the terminal is not in the mode of an editor".to_owned());
    }
    let process = Pid::from_child(&pty.child);
    kill_process(process, Signal::TERM).map_err(|error| error.to_string())?;
    let status = pty.ended()?;
    match (status.code(), pty.is_plain()?) {
        (Some(143), true) => Ok(()),
        (_, plain) => Err(format!("{status}; the terminal is as it was: {plain}")),
    }
}

fn hung_up(place: &Place) -> Result<(), String> {
    let mut pty = place.session()?;
    pty.carry_out("interval:s:100 { @ = count(); } &")?;
    // What a terminal that is closed sends.
    let process = Pid::from_child(&pty.child);
    kill_process(process, Signal::HUP).map_err(|error| error.to_string())?;
    pty.ended().map(drop)
}

fn commands(place: &Place) -> Result<(), String> {
    let mut pty = place.session()?;
    pty.carry_out("interval:ms:10 { @a = count(); } &")?;
    pty.await_line("[1] interval:ms:10")?;
    pty.carry_out("interval:ms:20 { @b = count(); } &")?;
    pty.carry_out(":stop 1")?;
    pty.carry_out(":probes")?;
    pty.until("one is stopped, one runs", |screen| {
        let text = screen.contents();
        text.contains("1  stopped") && text.contains("2  runs")
    })?;
    pty.carry_out(":quit-is-no-command")?;
    pty.until("that is told", |screen| screen.contents().contains("there is no command"))?;
    pty.enter(":quit")?;
    match pty.ended()?.code() {
        Some(0) => Ok(()),
        status => Err(format!("exit status {status:?}")),
    }
}

fn long_line(place: &Place) -> Result<(), String> {
    let mut pty = place.session()?;
    let sum = vec!["1"; 100].join(" + ");
    pty.press(&sum)?;
    let whole = format!("ebtrace> {sum}");
    pty.until("it is there in several rows", |screen| {
        let rows: String = screen.rows(0, COLUMNS).collect();
        rows.contains(&whole)
    })?;
    pty.press(ENTER)?;
    pty.await_line("100 : int8")
}

fn pasted(place: &Place) -> Result<(), String> {
    let mut pty = place.session()?;
    pty.press("\x1b[200~begin {\n  print(5);\n\n  print(6);\n}\x1b[201~")?;
    pty.until("the text is there", |screen| line_of_cursor(screen) == "}")?;
    pty.press(ENTER)?;
    pty.await_line("5")?;
    pty.await_line("6")?;
    pty.await_prompt()
}
