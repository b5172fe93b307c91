//! Names that only the machine knows: users, control groups, and what time a clock shows.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use ebtrace_image::Clock;
use nix::unistd::{Uid, User};

use crate::clock::Clocks;

mod cgroup;

use cgroup::Hierarchies;

/// Knows names.
pub trait Names {
    /// The name of a user; empty where there is none.
    fn user(&self, id: u32) -> Rc<str>;

    /// Where a control group is in each hierarchy whose name fits the pattern: `unified:/user.slice`, separated by
    /// commas.
    fn cgroup(&self, filter: &str, id: u64) -> Rc<str>;

    /// Nanoseconds since 1970, of what a clock showed.
    fn since_1970(&self, clock: Clock, ns: u64) -> i128;
}

/// Knows no names, and takes all clocks for ones that began in 1970.
#[derive(Debug, Clone, Copy)]
pub struct NoNames;

impl Names for NoNames {
    fn user(&self, _id: u32) -> Rc<str> {
        Rc::from("")
    }

    fn cgroup(&self, _filter: &str, _id: u64) -> Rc<str> {
        Rc::from("")
    }

    fn since_1970(&self, _clock: Clock, ns: u64) -> i128 {
        ns.into()
    }
}

/// The names of this machine.
#[derive(Debug)]
pub struct LiveNames {
    clocks: Clocks,
    users: RefCell<HashMap<u32, Rc<str>>>,
    hierarchies: RefCell<Option<Hierarchies>>,
    cgroups: RefCell<HashMap<(String, u64), Rc<str>>>,
}

impl LiveNames {
    /// Reads the clocks, and nothing else yet.
    pub fn new() -> Self {
        Self {
            clocks: Clocks::now(),
            users: RefCell::default(),
            hierarchies: RefCell::default(),
            cgroups: RefCell::default(),
        }
    }

    /// Forgets what was learnt about control groups, which come and go.
    pub fn forget_cgroups(&self) {
        self.cgroups.borrow_mut().clear();
        self.hierarchies.borrow_mut().take();
    }
}

impl Default for LiveNames {
    fn default() -> Self {
        Self::new()
    }
}

impl Names for LiveNames {
    fn user(&self, id: u32) -> Rc<str> {
        let mut users = self.users.borrow_mut();
        let look_up = || match User::from_uid(Uid::from_raw(id)) {
            Ok(Some(user)) => Rc::from(user.name),
            _ => Rc::from(""),
        };
        Rc::clone(users.entry(id).or_insert_with(look_up))
    }

    fn cgroup(&self, filter: &str, id: u64) -> Rc<str> {
        let mut known = self.cgroups.borrow_mut();
        let path = known.entry((filter.to_owned(), id)).or_insert_with(|| {
            let mut hierarchies = self.hierarchies.borrow_mut();
            Rc::from(hierarchies.get_or_insert_with(Hierarchies::read).path(filter, id))
        });
        Rc::clone(path)
    }

    fn since_1970(&self, clock: Clock, ns: u64) -> i128 {
        self.clocks.since_1970(clock, ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_names() {
        let names = LiveNames::new();
        assert_eq!(&*names.user(0), "root");
        assert_eq!(&*names.user(0x7fff_fff0), "");
    }
}
