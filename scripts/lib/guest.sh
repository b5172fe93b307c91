# Runs in the virtual machine as its first process: runs the command that the host left
# in the job folder, hands its output to the host through virtio ports, leaves its exit status in the job folder.
job=$1
# shellcheck source=/dev/null
. "$job/job.sh"

echo "$job_hostname" >/proc/sys/kernel/hostname

power_off() { echo o >/proc/sysrq-trigger; while :; do sleep 60; done; }

# A port can be opened only once, so a cat holds it and the command has an ordinary pipe.
exec 6> >(exec busybox cat >/dev/vport*p1)
out=$!
exec 7> >(exec busybox cat >/dev/vport*p2)
err=$!
if [ "$job_stdin" = port ]; then exec 8< <(exec busybox cat </dev/vport*p4); else exec 8</dev/null; fi

command_in_place() {
  cd "$job_cwd" || exit 126
  type -P -- "${job_command[0]}" >/dev/null || {
    echo "scripts/vm: ${job_command[0]}: command not found" >&2
    exit 127
  }
  umask "$job_umask"
  exec "${job_command[@]}"
}

# Job control gives the command a process group of its own and the default action for SIGINT.
set -m
command_in_place <&8 >&6 2>&7 6>&- 7>&- 8<&- &
child=$!
set +m
exec 6>&- 7>&- 8<&-
: >"$job/started"

# SIGINT goes to the whole group, as from a terminal; others to the command alone.
while read -r signal; do
  case $signal in
    INT) kill -INT -- "-$child" ;;
    *) kill "-$signal" "$child" ;;
  esac
done <"$(echo /dev/vport*p3)" &

wait "$child"
status=$?
# Something that the command left running may still hold its output open: then what has come so far must do.
(sleep 3; kill "$out" "$err") &
wait "$out"
wait "$err"
echo "$status" >"$job/status"
power_off
