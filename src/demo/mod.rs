//! A simulated fleet behind real SSH servers in this process; also the double that tests dial.
