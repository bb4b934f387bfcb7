//! Looking at a sick machine: a catalogue of typed read-only questions, and runbooks that are lists of them. Nothing here
//! can change a host.
