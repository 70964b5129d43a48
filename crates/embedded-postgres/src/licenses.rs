//! The notices that must travel with a binary that carries PostgreSQL.

/// The licence of PostgreSQL itself.
pub const POSTGRESQL_LICENSE: &str = include_str!("../PostgreSQL-LICENSE");

/// The licence of the build of PostgreSQL that this library carries; empty when it carries none.
#[cfg(bundled_postgres)]
pub const BUILD_LICENSE: &str = include_str!(env!("BUNDLED_POSTGRES_LICENSE"));
/// The licence of the build of PostgreSQL that this library carries; empty when it carries none.
#[cfg(not(bundled_postgres))]
pub const BUILD_LICENSE: &str = "";

#[cfg(test)]
mod tests {
    #[test]
    fn the_notices_travel_with_the_binary() {
        assert!(super::POSTGRESQL_LICENSE.contains("PostgreSQL Global Development Group"));
        assert_eq!(cfg!(bundled_postgres), super::BUILD_LICENSE.contains("Copyright"));
    }
}
