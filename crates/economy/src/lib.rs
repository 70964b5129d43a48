//! Wallets and their ledger
