//! Session tokens, credentials, revocation and lock-out
