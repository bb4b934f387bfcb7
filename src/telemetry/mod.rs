//! Our own log: to a file, never to the screen.
