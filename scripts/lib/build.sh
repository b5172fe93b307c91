# Builds the release binary when something it is made from has changed. Sourced after setup.sh.

BINARY=${CARGO_TARGET_DIR:-$ROOT/target}/release/ebtrace

# Rust is the one thing that is not installed for the user.
find_cargo() {
  command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  command -v cargo >/dev/null || die "cargo is not on the PATH; install a Rust toolchain (1.88 or newer) first"
}

build_release() {
  ! is_built || return 0
  install_missing "${BUILD_PACKAGES[@]}"
  find_cargo
  mkdir -p "${BINARY%/*}"
  # Stamped with the time before the build: what changes while it runs counts as newer.
  local stamp=$BINARY.stamp log
  build_settings >"$stamp.new"
  if [ -t 2 ]; then
    run_cargo_build || die "the build failed"
  else
    say "building (cargo build --release)"
    log=$(mktemp)
    run_cargo_build >"$log" 2>&1 || {
      cat "$log" >&2
      rm -f "$log"
      die "the build failed"
    }
    rm -f "$log"
  fi
  mv "$stamp.new" "$stamp"
}

run_cargo_build() { cargo build --release --locked --bin ebtrace --manifest-path "$ROOT/Cargo.toml" >&2; }

# The same question that cargo answers in a tenth of a second, in a few milliseconds: is any source newer than the last
# build, or is the environment another one?
is_built() {
  local stamp=$BINARY.stamp changed
  [ -x "$BINARY" ] && [ -e "$stamp" ] && [ "$(<"$stamp")" = "$(build_settings)" ] || return 1
  # Folders count too: a removed file leaves no other trace.
  changed=$(find "$ROOT"/{Cargo.toml,Cargo.lock,src,grammar,runtime} -newer "$stamp" -print -quit 2>&1) || return 1
  [ -z "$changed" ] || return 1
}

build_settings() {
  local name
  for name in $(compgen -e); do
    case $name in CARGO* | RUST* | LLVM_CONFIG | CC | CXX | CFLAGS | CXXFLAGS) printf '%s=%s\n' "$name" "${!name}" ;; esac
  done
}
