# What every script needs: where the checkout is, and one way to speak and to give up.
# Sourced by bash; the sourcing script has already set -euo pipefail.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${EBTRACE_CACHE:-$ROOT/.cache}
SELF=scripts/${0##*/}

say() { printf '%s: %s\n' "$SELF" "$*" >&2; }
die() { say "$*"; exit 1; }

# one_of NAME VALUE CHOICE… : refuses a value of an environment variable or argument that is none of the choices.
one_of() {
  local name=$1 value=$2 choice
  shift 2
  for choice; do [ "$value" = "$choice" ] && return; done
  die "$name is '$value'; it must be one of: $*"
}

# hear_interrupts "$@" : a shell starts its background jobs deaf to SIGINT, and bash cannot change that from inside;
# but `kill -INT` of a tracer in the background must end it, so the script starts itself anew.
hear_interrupts() {
  [ "$(trap -p INT)" != "trap -- '' SIGINT" ] || exec env --default-signal=INT,QUIT "$0" "$@"
}
