//! The PostgreSQL implementation of Tavern's storage, its pool and migrations
