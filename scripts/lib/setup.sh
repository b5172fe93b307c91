# Installs the Debian packages that a build, a test or a virtual machine needs and that are not there yet.
# Sourced after common.sh. Quick when nothing is missing: it looks at one file of each package and asks no package tool.

# package:file — the file is one that only this package brings.
# gcc is Rust's linker; g++ brings the static libstdc++ that LLVM's libraries want.
BUILD_PACKAGES=(
  gcc:/usr/bin/gcc
  g++:/usr/bin/g++
  make:/usr/bin/make
  pkg-config:/usr/bin/pkg-config
  llvm-19-dev:/usr/lib/llvm-19/lib/libLLVMBPFCodeGen.a
  libelf-dev:/usr/include/libelf.h
  zlib1g-dev:/usr/include/zlib.h
  libzstd-dev:/usr/include/zstd.h
)
# libclang reads the headers that scripts include; ebtrace loads it only for those.
# clang compiles the functions in C that scripts import.
# tcpdump opens the files of packets that scripts write.
TEST_PACKAGES=(
  bpftool:/usr/sbin/bpftool
  libclang1-19:/usr/lib/llvm-19/lib/libclang-19.so.1
  clang-19:/usr/bin/clang-19
  linux-libc-dev:/usr/include/linux/errno.h
  tcpdump:/usr/bin/tcpdump
)
# clang compiles the programs that ebtrace is compared with.
BENCH_PACKAGES=(
  clang-19:/usr/bin/clang-19
  linux-libc-dev:/usr/include/linux/errno.h
)
VM_PACKAGES=(
  qemu-system-x86:/usr/bin/qemu-system-x86_64
  qemu-system-common:/usr/lib/qemu/virtiofsd
  busybox-static:/bin/busybox
  cpio:/usr/bin/cpio
)

# install_missing PACKAGE:FILE…
install_missing() {
  local entry missing=()
  for entry; do [ -e "${entry#*:}" ] || missing+=("${entry%%:*}"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  apt_install "${missing[@]}"
}

apt_install() {
  [ "$(id -u)" = 0 ] || die "these Debian packages are missing: $*; run this as root once, or: apt-get install $*"
  command -v apt-get >/dev/null || die "these packages are missing, and this is no Debian that could install them: $*"
  say "installing $*"
  local log
  log=$(mktemp)
  # The lists of a fresh machine are empty or old: only then are they fetched.
  if ! apt_get install "$@" >"$log" 2>&1 && ! { apt_get update && apt_get install "$@"; } >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    rm -f "$log"
    die "apt-get could not install: $*"
  fi
  rm -f "$log"
}

apt_get() {
  local verb=$1
  shift
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -y --no-install-recommends "$verb" "$@" </dev/null
}
