//! Loads, attaches and reads what the ebtrace compiler made.
