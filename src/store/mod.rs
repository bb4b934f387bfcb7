//! What only we know: the history of each host's ups and downs. One owning thread, one SQLite file; losing it loses
//! history, never anything on a host.
