//! A supervised PostgreSQL child process for development, unpacked from the binary
