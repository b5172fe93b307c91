//! `-d`: what a script is on its way to a session.

use ebtrace::codegen::{self, Target};
use ebtrace::diagnostic::Diagnostics;
use ebtrace::host::Host;
use ebtrace::options::Options;
use ebtrace::pipeline::{self, Checked};
use ebtrace::source::{FileId, Sources};
use ebtrace::{ir, syntax};

use super::args::Stage;
use super::report;
use super::run::{internal, put};

/// The stages that are wanted.
#[derive(Debug)]
pub(super) struct Stages(Vec<Stage>);

impl Stages {
    pub(super) fn new(named: &[Stage]) -> Self {
        use clap::ValueEnum as _;
        if named.contains(&Stage::All) {
            let all = Stage::value_variants().iter().copied();
            return Self(all.filter(|stage| *stage != Stage::All).collect());
        }
        let mut stages = named.to_vec();
        stages.sort();
        stages.dedup();
        Self(stages)
    }

    pub(super) fn has(&self, stage: Stage) -> bool {
        self.0.contains(&stage)
    }

    /// Whether the script runs all the same.
    pub(super) fn lets_run(&self) -> bool {
        self.0.last().is_none_or(|last| *last >= Stage::Libbpf)
    }

    /// Shows what is known before the script is checked; the status if nothing else is wanted.
    pub(super) fn show_trees(
        &self,
        sources: &mut Sources,
        file: FileId,
        host: &dyn Host,
        options: &Options,
    ) -> anyhow::Result<Option<u8>> {
        let is_last = |stage| self.0.last() == Some(&stage);
        let finish = |sources: &Sources, found: &Diagnostics| {
            report::diagnostics(sources, found);
            Ok(Some(u8::from(found.has_errors())))
        };
        if self.has(Stage::Parse) {
            let (script, found) = syntax::parse(sources, file);
            self.print(Stage::Parse, &syntax::print::script(&script))?;
            if is_last(Stage::Parse) {
                return finish(sources, &found);
            }
        }
        if self.has(Stage::Ast) {
            let (expanded, found) = pipeline::expand(sources, file, host, options);
            if let Some(expanded) = &expanded {
                self.print(Stage::Ast, &syntax::print::script(&expanded.script))?;
            }
            if is_last(Stage::Ast) {
                return finish(sources, &found);
            }
        }
        Ok(None)
    }

    /// Shows what was made of a script.
    pub(super) fn show(
        &self,
        checked: &Checked,
        sources: &Sources,
        file: FileId,
        target: &Target,
    ) -> anyhow::Result<()> {
        let Checked { program, layout, .. } = checked;
        let llvm = |stage| {
            codegen::llvm_text(program, layout, sources, target, stage)
                .map_err(|bug| internal(&bug))
        };
        for &stage in &self.0 {
            let text = match stage {
                Stage::Types => ir::typed::script(sources, file, program),
                Stage::Ir => ir::print::program(program),
                Stage::Image => serde_json::to_string_pretty(&layout.image)? + "\n",
                Stage::Codegen => llvm(codegen::Stage::Lowered)?,
                Stage::Llvm => llvm(codegen::Stage::Optimised)?,
                Stage::Asm => codegen::assembly(program, layout, sources, target)
                    .map_err(|bug| internal(&bug))?,
                Stage::Parse | Stage::Ast | Stage::Libbpf | Stage::Verifier | Stage::All => {
                    continue;
                }
            };
            self.print(stage, &text)?;
        }
        Ok(())
    }

    /// With a heading, where there are several.
    fn print(&self, stage: Stage, text: &str) -> anyhow::Result<()> {
        if self.0.len() == 1 {
            return put(text);
        }
        let heading = match stage {
            Stage::Parse => "The script as it was read",
            Stage::Ast => "The script with imports and macros",
            Stage::Types => "Types",
            Stage::Ir => "Intermediate representation",
            Stage::Image => "What the runtime gets",
            Stage::Codegen => "LLVM IR before optimization",
            Stage::Llvm => "LLVM IR after optimization",
            Stage::Asm => "BPF instructions",
            Stage::Libbpf | Stage::Verifier | Stage::All => "",
        };
        put(&format!("{heading}\n{}\n\n{text}\n", "-".repeat(heading.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_come_in_their_order_and_once() {
        let stages = Stages::new(&[Stage::Asm, Stage::Ast, Stage::Asm]);
        assert_eq!(stages.0, [Stage::Ast, Stage::Asm]);
        assert!(!stages.lets_run());
        assert!(
            Stages::new(&[]).lets_run() && Stages::new(&[Stage::Ir, Stage::Verifier]).lets_run()
        );
        let all = Stages::new(&[Stage::All]);
        assert!(all.lets_run() && all.has(Stage::Parse) && !all.has(Stage::All));
    }
}
