//! Detached jobs on a host: begun over a connection, and gone on with when it is lost. Each has a name, a log, an exit
//! status, and a lease where only one may do it.
