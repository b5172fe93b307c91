//! What to do about the refusals of the kernel's verifier that a script can meet: one entry each.

/// Words of the verifier, and how to keep clear of what they mean.
const REFUSALS: &[(&str, &str)] = &[
    ("maps per program", FEWER_MAPS),
    // Older kernels, 6.1 among them, have no words for it.
    ("`E2BIG`", FEWER_MAPS),
    (
        "call stack of",
        "functions and loops together stand at most 8 deep within each other: put the body of the innermost function \
         where it is called",
    ),
    (
        "combined stack size",
        "functions and loops that are active together share 512 bytes: put `config = { on_stack_limit = 0; }` above the \
         probes",
    ),
    (
        "BPF program is too large",
        "the verifier walks through at most 1,000,000 instructions, those of a loop again and again: cut the probe into \
         several, or repeat with `for` what `unroll` and `while` repeat",
    ),
    (
        "jumps is too complex",
        "the verifier follows each way through the probe, and there are too many: cut it into several probes",
    ),
    (
        "bpf_probe_write_user",
        "this kernel lets nobody write into processes: it is locked down (`/sys/kernel/security/lockdown`)",
    ),
    (
        "helper call is not allowed in probe",
        "the kernel tells paths in some of its functions only, such as `vfs_truncate`, `dentry_open`, `filp_close` and \
         `security_file_permission`, and in `iter`",
    ),
    (
        "bpf_override_return",
        "this kernel keeps no function from running: it was built without CONFIG_BPF_KPROBE_OVERRIDE",
    ),
    ("infinite loop", "the verifier sees no end of this loop: count with `for ($i : 0..N) { … }`"),
];

const FEWER_MAPS: &str = "a probe, with the functions it calls, uses at most 64 maps, some of which are ebtrace's own: \
                          cut it into several probes, or make one map with keys of several";

/// What to do about a refusal for this reason.
pub(super) fn mend(reason: &str) -> Option<&'static str> {
    REFUSALS.iter().find(|(words, _)| reason.contains(words)).map(|(_, mend)| *mend)
}

#[cfg(test)]
mod tests {
    use super::mend;

    #[test]
    fn refusals_are_known_by_their_words() {
        let reason = "The total number of maps per program has reached the limit of 64";
        assert!(mend(reason).is_some_and(|mend| mend.contains("at most 64 maps")));
        assert!(
            mend("the call stack of 9 frames is too deep !").is_some_and(|mend| mend.contains('8'))
        );
        assert_eq!(mend("R1 invalid mem access 'scalar'"), None);
    }
}
