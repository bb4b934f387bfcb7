//! Apps: from a folder to a URL that works. What a folder is, what is sent to a host, how it is run there, and how it is reached.

mod compose;
mod compose_read;
mod compose_service;
mod compose_words;
mod detect;
mod listing;
mod route;

pub use compose::{Dress, KEPT_CAPABILITIES, PROCESSES, Project, Refused, compose};
pub use detect::{Detected, Undetected, detect};
pub use listing::{Entry, Listing, READ};
pub use route::{Access, HeaderKey, InvalidRoute, Login, Network, Route, RouteFiles, proxy_file};
