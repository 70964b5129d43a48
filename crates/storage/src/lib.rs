//! What Tavern keeps, as traits per aggregate, and an in-memory implementation for tests
