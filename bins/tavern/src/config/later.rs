//! The sections of parts that are not built yet. Existing files load and are checked; nothing
//! reads the values so far.

use tavern_domain::Secret;

use super::table::section;

const CONSOLE: &str = "the console";

section! {
    /// The operators' API and page.
    pub struct Console in "console." {
        /// Address that the console listens on; empty means every interface
        address: String = String::new(), later(CONSOLE);
        /// Port of the console
        port: u16 = 7351, later(CONSOLE);
        /// Name of the built-in operator
        username: String = "admin".to_owned(), later(CONSOLE);
        /// Password of the built-in operator
        password: Secret = Secret::default(), later(CONSOLE);
        /// Signs the operators' tokens
        signing_key: Secret = Secret::default(), later(CONSOLE);
        /// How long an operator's token is good, in seconds
        token_expiry_sec: u32 = 86_400, range(1, 31_536_000), later(CONSOLE);
        /// Largest request, in bytes
        max_message_size_bytes: usize = 4_194_304, range(1, 1_073_741_824), later(CONSOLE);
        /// How long a request may take to arrive, in milliseconds
        read_timeout_ms: u64 = 10_000, range(1, 86_400_000), later(CONSOLE);
        /// How long an answer may take to be read, in milliseconds
        write_timeout_ms: u64 = 60_000, range(1, 86_400_000), later(CONSOLE);
        /// How long a connection may rest, in milliseconds
        idle_timeout_ms: u64 = 300_000, range(1, 86_400_000), later(CONSOLE);
        /// Whether display names are left out of the search for accounts
        disable_display_name_search: bool = false, later(CONSOLE);
    } and {
        /// Never had an effect under this name.
        mfa: ConsoleMfa;
    }
}

section! {
    /// Second factors, under a name that was never read.
    pub struct ConsoleMfa in "console.mfa." {
        /// Never had an effect under this name
        admin_account_enabled: bool = false, deprecated("mfa.admin_account_enabled");
        /// Never had an effect under this name
        storage_encryption_key: Secret = Secret::default(), deprecated("mfa.storage_encryption_key");
    }
}

section! {
    /// Second factors of operators.
    pub struct Mfa in "mfa." {
        /// Whether the built-in operator needs a second factor
        admin_account_enabled: bool = false, later(CONSOLE);
        /// Encrypts the operators' second factors; 32 bytes
        storage_encryption_key: Secret = Secret::default(), later(CONSOLE);
    }
}
