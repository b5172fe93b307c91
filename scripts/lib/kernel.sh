# Fetches a stock Debian kernel and makes the initramfs that starts it on the host's root. Sourced after setup.sh.

# In the order of insertion; what a kernel has built in is left out.
GUEST_MODULES=(virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci fuse virtiofs virtio_console)

# prepare_kernel 6.1|6.12 : leaves vmlinuz and initramfs in $CACHE/kernels/VERSION.
prepare_kernel() {
  local dir=$CACHE/kernels/$1
  kernel_is_ready "$dir" && return
  mkdir -p "$CACHE/kernels"
  # Of several machines started at once the first fetches, and the others wait for it.
  exec {kernel_lock}>"$CACHE/kernels/.lock"
  flock "$kernel_lock"
  [ -e "$dir/vmlinuz" ] || fetch_kernel "$1" "$dir"
  kernel_is_ready "$dir" || build_initramfs "$dir"
  exec {kernel_lock}>&-
}

kernel_is_ready() {
  [ -e "$1/vmlinuz" ] && [ "$1/initramfs" -nt "$ROOT/scripts/lib/init" ] && [ "$1/initramfs" -nt "$ROOT/scripts/lib/kernel.sh" ]
}

fetch_kernel() {
  local version=$1 dir=$2 work package
  work=$(mktemp -d "$CACHE/kernels/.fetch.XXXXXX")
  undo_fetch=$work
  package=$(newest_kernel "$version")
  if [ -z "$package" ]; then
    apt_get update >"$work/log" 2>&1 || true
    package=$(newest_kernel "$version")
  fi
  [ -n "$package" ] || die "apt offers no package linux-image-$version.*-cloud-amd64; in Debian 12, bookworm-security has one"
  say "fetching $package"
  if ! fetch_package "$package" "$work" >"$work/log" 2>&1; then
    # The version that old package lists name may have left the archive.
    { apt_get update && package=$(newest_kernel "$version") && fetch_package "$package" "$work"; } >"$work/log" 2>&1 || {
      tail -n 15 "$work/log" >&2
      die "could not download $package"
    }
  fi
  mkdir "$work/kernel" "$work/kernel/modules"
  mv "$work"/root/boot/vmlinuz-* "$work/kernel/vmlinuz"
  collect_modules "$work/root/lib/modules" "$work/kernel/modules"
  rm -rf "$dir"
  mv "$work/kernel" "$dir"
  rm -rf "$work"
  undo_fetch=
}

newest_kernel() {
  apt-cache pkgnames "linux-image-$1." 2>/dev/null | sed -n '/-cloud-amd64$/p' | sort -V | tail -n 1
}

fetch_package() {
  # apt's own user cannot write here; as root it says so at length and goes on.
  (cd "$2" && apt-get -o APT::Sandbox::User=root download "$1" && dpkg -x ./*.deb root)
}

collect_modules() {
  local name found
  for name in "${GUEST_MODULES[@]}"; do
    found=$(find "$1" -name "$name.ko" | head -n 1)
    [ -z "$found" ] || cp "$found" "$2/"
  done
}

build_initramfs() {
  local dir=$1 tree name
  tree=$(mktemp -d "$CACHE/kernels/.initramfs.XXXXXX")
  undo_initramfs=$tree
  mkdir "$tree"/{bin,dev,proc,sys,host}
  cp /bin/busybox "$tree/bin/busybox"
  ln -s busybox "$tree/bin/sh"
  cp "$ROOT/scripts/lib/init" "$tree/init"
  chmod 755 "$tree/init"
  cp -r "$dir/modules" "$tree/modules"
  for name in "${GUEST_MODULES[@]}"; do
    [ ! -e "$dir/modules/$name.ko" ] || printf '%s\n' "$name"
  done >"$tree/modules/order"
  (cd "$tree" && find . | cpio --quiet -o -H newc) >"$dir/.initramfs"
  mv "$dir/.initramfs" "$dir/initramfs"
  rm -rf "$tree"
  undo_initramfs=
}

# For the exit trap of whoever sources this.
forget_unfinished_kernel() { rm -rf ${undo_fetch:+"$undo_fetch"} ${undo_initramfs:+"$undo_initramfs"}; }
