//! The buffer that events come through.

use std::cell::RefCell;
use std::rc::Rc;

use ebtrace_image::RING_BUFFER;
use libbpf_rs::{Object, RingBuffer, RingBufferBuilder};

use crate::action::Actions;
use crate::load::{self, LoadError};
use crate::map;

/// The ring buffer of an object, whose events are carried out.
pub(crate) fn open(
    object: &Object,
    actions: Rc<RefCell<Actions>>,
) -> Result<RingBuffer<'static>, LoadError> {
    let map = load::map(object, RING_BUFFER)?;
    let mut builder = RingBufferBuilder::new();
    let handle = move |bytes: &[u8]| {
        actions.borrow_mut().handle(bytes);
        0
    };
    let refused = |error| LoadError::Refused {
        reason: "the ring buffer".to_owned(),
        error: map::io_error(error),
    };
    builder.add(&map, handle).map_err(refused)?;
    builder.build().map_err(refused)
}
