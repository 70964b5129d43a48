//! Relayed matches: ids, members and data routing
