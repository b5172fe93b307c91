//! Whether what is printed as JSON is what `docs/output.schema.json` says.

use std::sync::OnceLock;

use boon::{Compiler, SchemaIndex, Schemas};

const TEXT: &str = include_str!("../../docs/output.schema.json");
const NAME: &str = "output.schema.json";

/// The schema, ready to be used.
pub(crate) struct Schema {
    schemas: Schemas,
    root: SchemaIndex,
}

impl Schema {
    /// The same for all, for it takes a while to get ready.
    ///
    /// # Errors
    /// When the schema itself is wrong.
    pub(crate) fn get() -> Result<&'static Self, String> {
        static ONLY: OnceLock<Result<Schema, String>> = OnceLock::new();
        ONLY.get_or_init(Self::new).as_ref().map_err(Clone::clone)
    }

    fn new() -> Result<Self, String> {
        let text = serde_json::from_str(TEXT).map_err(|error| error.to_string())?;
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource(NAME, text).map_err(|error| error.to_string())?;
        let root = compiler.compile(NAME, &mut schemas).map_err(|error| error.to_string())?;
        Ok(Self { schemas, root })
    }

    /// # Errors
    /// The first line that is no JSON, or that the schema does not allow.
    pub(crate) fn check(&self, output: &str) -> Result<(), String> {
        for line in output.lines().filter(|line| !line.is_empty()) {
            let value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
            let valid = self.schemas.validate(&value, self.root);
            valid.map_err(|error| format!("{line}\nis not as {NAME} says: {error}"))?;
        }
        Ok(())
    }
}
