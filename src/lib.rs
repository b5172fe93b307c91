//! The ebtrace compiler: from a script to an image that the runtime loads.
