//! Holding the command where its own code begins: by then its libraries are in memory.
//!
//! The kernel enters the dynamic linker first, and that the program. A breakpoint where the program is entered holds it
//! there; the tracer is its debugger up to that moment and no longer. Before, libraries may begin with code of their
//! own: the dynamic linker has mapped all of them when it makes what it moved read-only again.

use std::fs;
use std::io;
use std::ptr;

/// Of the vector that the kernel gives to programs: where the program is entered.
const ENTRY: u64 = 9;
/// `int3`
const BREAKPOINT: libc::c_long = 0xcc;
const BYTE: libc::c_long = 0xff;
const WORD: usize = 8;
/// The signal that the process stops with for a system call.
const CALL: i32 = libc::SIGTRAP | 0x80;

/// What became of the command.
pub(super) enum Held {
    /// It waits.
    Waits(Debugged),
    /// It has ended, with this status.
    Ended(libc::c_int),
}

/// A system call of the dynamic linker.
enum Call {
    /// It puts code into memory.
    MapsCode,
    /// It makes memory read-only.
    Protects,
}

/// A process whose debugger we are; it goes on when this ends.
pub(super) struct Debugged(libc::pid_t);

impl Debugged {
    /// Makes us the debugger of a child.
    pub(super) fn seize(pid: libc::pid_t) -> io::Result<Self> {
        request(
            libc::PTRACE_SEIZE,
            pid,
            0,
            number((libc::PTRACE_O_TRACEEXEC | libc::PTRACE_O_TRACESYSGOOD) as usize),
        )?;
        Ok(Self(pid))
    }

    /// Waits until the program is entered, or until it is known that this cannot be waited for. In between it is looked
    /// at when it is in memory without its libraries, and when they are there.
    pub(super) fn wait_for_entry(self, mut look: impl FnMut()) -> io::Result<Held> {
        let mut mapped = false;
        let mut held: Option<(usize, libc::c_long)> = None;
        loop {
            let mut status = 0;
            // SAFETY: the status is valid to write to.
            if unsafe { libc::waitpid(self.0, &mut status, libc::__WALL) } < 0 {
                match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::Interrupted => continue,
                    error => return Err(error),
                }
            }
            if !libc::WIFSTOPPED(status) {
                std::mem::forget(self);
                return Ok(Held::Ended(status));
            }
            let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
            let (how, pass) = match (signal, event, held) {
                (_, libc::PTRACE_EVENT_EXEC, _) => match self.break_at_entry() {
                    Some(place) => {
                        look();
                        held = Some(place);
                        (libc::PTRACE_SYSCALL, 0)
                    }
                    None => return Ok(Held::Waits(self)),
                },
                (libc::SIGTRAP, _, Some(place)) if self.is_at(place) => {
                    return Ok(Held::Waits(self));
                }
                (CALL, ..) => {
                    match self.call() {
                        Some(Call::MapsCode) => mapped = true,
                        Some(Call::Protects) if std::mem::take(&mut mapped) => look(),
                        _ => {}
                    }
                    (libc::PTRACE_SYSCALL, 0)
                }
                (_, libc::PTRACE_EVENT_STOP, _) if signal != libc::SIGTRAP => {
                    (libc::PTRACE_LISTEN, 0)
                }
                (_, 0, _) => (libc::PTRACE_SYSCALL, signal),
                _ => (libc::PTRACE_SYSCALL, 0),
            };
            // It may have been killed in between, which the next wait tells.
            let _ = request(how, self.0, 0, number(pass as usize));
        }
    }

    /// Puts a breakpoint where the program is entered; what was there. A probe may be there already, which would take
    /// the breakpoint for its own.
    fn break_at_entry(&self) -> Option<(usize, libc::c_long)> {
        let vector = fs::read(format!("/proc/{}/auxv", self.0)).ok()?;
        let (words, _) = vector.as_chunks::<WORD>();
        let (pairs, _) = words.as_chunks::<2>();
        let entry = pairs.iter().find(|[name, _]| u64::from_ne_bytes(*name) == ENTRY)?;
        let entry = usize::try_from(u64::from_ne_bytes(entry[1])).ok()?;
        let code = request(libc::PTRACE_PEEKTEXT, self.0, entry, number(0)).ok()?;
        if code & BYTE == BREAKPOINT {
            return None;
        }
        let broken = (code & !BYTE | BREAKPOINT) as usize;
        request(libc::PTRACE_POKETEXT, self.0, entry, number(broken)).ok()?;
        Some((entry, code))
    }

    /// The registers of the process, which has stopped.
    fn registers(&self) -> Option<libc::user_regs_struct> {
        // SAFETY: registers are plain numbers.
        let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        let into = (&raw mut registers).cast();
        request(libc::PTRACE_GETREGS, self.0, 0, into).ok().map(|_| registers)
    }

    /// The system call that it stopped for, if it is one of interest.
    fn call(&self) -> Option<Call> {
        let registers = self.registers()?;
        let rights = registers.rdx as i32;
        match registers.orig_rax as libc::c_long {
            libc::SYS_mmap if rights & libc::PROT_EXEC != 0 => Some(Call::MapsCode),
            libc::SYS_mprotect if rights == libc::PROT_READ => Some(Call::Protects),
            _ => None,
        }
    }

    /// Whether the breakpoint was met; then it is gone, and the program is as if it had not been there.
    fn is_at(&self, (entry, code): (usize, libc::c_long)) -> bool {
        let Some(mut registers) = self.registers() else { return false };
        if registers.rip != entry as u64 + 1 {
            return false;
        }
        registers.rip = entry as u64;
        request(libc::PTRACE_POKETEXT, self.0, entry, number(code as usize)).is_ok()
            && request(libc::PTRACE_SETREGS, self.0, 0, (&raw mut registers).cast()).is_ok()
    }
}

impl Drop for Debugged {
    fn drop(&mut self) {
        // It may have been killed meanwhile.
        let _ = request(libc::PTRACE_DETACH, self.0, 0, number(0));
    }
}

/// What is no address in the place of one.
fn number(number: usize) -> *mut libc::c_void {
    ptr::without_provenance_mut(number)
}

fn request(
    what: libc::c_uint,
    pid: libc::pid_t,
    address: usize,
    data: *mut libc::c_void,
) -> io::Result<libc::c_long> {
    // SAFETY: the addresses are numbers in the other process, but for registers, which the caller has room for. With
    // PEEKTEXT the result is what was read, and errno tells whether it was.
    unsafe {
        *libc::__errno_location() = 0;
        let result = libc::ptrace(what, pid, address, data);
        match io::Error::last_os_error() {
            error if result == -1 && error.raw_os_error() != Some(0) => Err(error),
            _ => Ok(result),
        }
    }
}
