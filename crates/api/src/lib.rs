//! One use case per client call and realtime message, driven by one table of calls
