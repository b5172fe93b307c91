//! Parameters of the script.

use super::{Builtin, Call, one, optional};
use crate::sema::{Lower, Operand};

/// What all options are called.
pub(crate) const SETTINGS: &str = "config";

pub(super) const ALL: &[Builtin] = &[Builtin::variable(SETTINGS, "record", "The options of the script.", config)
    .details("Each option of the `config` block is a field: `config.max_strlen`. What the environment sets counts. They are \
              known before the script runs, so `if comptime` can ask for them.")
    .examples(&["config = { max_strlen = 200 } begin { print(config.max_strlen); exit(); }"]),
    Builtin::function(
    "getopt",
    &[one("name"), optional("default"), optional("description")],
    "A named parameter of the script: what follows `--name=` on its command line.",
    getopt,
)
.returning("type of the default")
.details(
    "Named parameters stand after `--` behind the script: `ebtrace script.bt -- --pid=5 --verbose`. The default is a \
     literal: a number makes it `uint64`, a negative one `int64`, text a string, and `true` or `false` a bool, which is \
     `false` where no default is written and `true` where `--name` stands alone. `-- --help` lists a script's parameters \
     with their descriptions.",
)
.examples(&["begin { printf(\"%d\\n\", getopt(\"pid\", 1, \"process to watch\")); }"])];

fn getopt(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    lower.named_parameter(call)
}

fn config(lower: &mut Lower<'_>, call: &Call<'_>) -> Operand {
    lower.settings(call.span)
}
