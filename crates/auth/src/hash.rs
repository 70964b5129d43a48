//! Password hashes as texts: making, reading and checking them.
//!
//! A kept hash comes from a table that others may write too, so its cost is bounded before any
//! work is done for it.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use tavern_domain::Entropy;

use crate::config::{PasswordAlgorithm, PasswordConfig};
use crate::password::PasswordError;

/// bcrypt takes in no more of a password than this.
pub(crate) const BCRYPT_BYTES: usize = 72;

/// The highest bcrypt cost that is taken: about four seconds of work.
pub(crate) const MAX_BCRYPT_COST: u32 = 16;

/// The most memory of one argon2id hash that is taken, in KiB.
pub(crate) const MAX_ARGON2_KIB: u32 = 1 << 20;

/// The most passes over that memory that are taken.
pub(crate) const MAX_ARGON2_PASSES: u32 = 64;

/// The most lanes that are taken.
pub(crate) const MAX_ARGON2_LANES: u32 = 16;

/// A kept hash.
pub(crate) enum Kept<'a> {
    Bcrypt { cost: u32, text: &'a str },
    Argon2id { params: Params, hash: Box<PasswordHash> },
}

impl<'a> Kept<'a> {
    /// Reads a kept hash; nothing when it is no hash that we would check.
    pub(crate) fn read(kept: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(kept).ok()?;
        if text.starts_with("$2") { Self::bcrypt(text) } else { Self::argon2id(text) }
    }

    fn bcrypt(text: &'a str) -> Option<Self> {
        let version = ["$2a$", "$2b$", "$2y$"].iter().any(|v| text.starts_with(v));
        let parts: bcrypt::HashParts = text.parse().ok()?;
        let cost = parts.get_cost();
        (version && (4..=MAX_BCRYPT_COST).contains(&cost)).then_some(Self::Bcrypt { cost, text })
    }

    fn argon2id(text: &str) -> Option<Self> {
        let hash = PasswordHash::new(text).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let bounded = params.m_cost() <= MAX_ARGON2_KIB
            && params.t_cost() <= MAX_ARGON2_PASSES
            && params.p_cost() <= MAX_ARGON2_LANES;
        let whole = hash.salt.is_some() && hash.hash.is_some();
        (hash.algorithm == Algorithm::Argon2id.ident() && bounded && whole)
            .then(|| Self::Argon2id { params, hash: Box::new(hash) })
    }

    /// Whether this is the password. Slow, on purpose.
    pub(crate) fn fits(&self, password: &str) -> bool {
        match self {
            // Longer passwords are cut, as other servers on the same table do when they check.
            Self::Bcrypt { text, .. } => bcrypt::verify(password, text).unwrap_or(false),
            Self::Argon2id { hash, .. } => {
                Argon2::default().verify_password(password.as_bytes(), hash.as_ref()).is_ok()
            }
        }
    }

    /// Whether a new hash would be by another algorithm or cost more.
    pub(crate) fn is_outdated(&self, config: &PasswordConfig) -> bool {
        match (config.algorithm, self) {
            (PasswordAlgorithm::Bcrypt, Self::Bcrypt { cost, .. }) => *cost < config.bcrypt_cost,
            (PasswordAlgorithm::Argon2id, Self::Argon2id { params, .. }) => {
                params.m_cost() < config.argon2_memory_kib || params.t_cost() < config.argon2_passes
            }
            (PasswordAlgorithm::Bcrypt, Self::Argon2id { .. })
            | (PasswordAlgorithm::Argon2id, Self::Bcrypt { .. }) => true,
        }
    }
}

/// The hash of a new password, with a salt from `salt`.
pub(crate) fn make(
    config: &PasswordConfig,
    password: &str,
    salt: [u8; 16],
) -> Result<String, PasswordError> {
    match config.algorithm {
        PasswordAlgorithm::Bcrypt => {
            if password.len() > BCRYPT_BYTES {
                return Err(PasswordError::TooLong { limit: BCRYPT_BYTES });
            }
            // All versions in use are one algorithm; 2a is what the public tables hold already.
            bcrypt::hash_with_salt(password, config.bcrypt_cost, salt)
                .map(|parts| parts.format_for_version(bcrypt::Version::TwoA))
                .map_err(|e| PasswordError::Failed(Box::new(e)))
        }
        PasswordAlgorithm::Argon2id => argon2id(config)?
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map(|hash| hash.to_string())
            .map_err(|e| PasswordError::Failed(Box::new(e))),
    }
}

/// A hash that is as much work to check as a real one, and that no password fits.
pub(crate) fn decoy(
    config: &PasswordConfig,
    entropy: &dyn Entropy,
) -> Result<String, PasswordError> {
    let (mut salt, mut hash) = ([0; 16], [0; 32]);
    entropy.fill(&mut salt);
    entropy.fill(&mut hash);
    match config.algorithm {
        PasswordAlgorithm::Bcrypt => Ok(format!(
            "$2a${:02}${}{}",
            config.bcrypt_cost,
            bcrypt::BASE_64.encode(salt),
            bcrypt::BASE_64.encode(&hash[..23])
        )),
        PasswordAlgorithm::Argon2id => {
            let failed = |e| PasswordError::Failed(Box::new(e));
            let hash = PasswordHash {
                algorithm: Algorithm::Argon2id.ident(),
                version: Some(Version::V0x13.into()),
                params: ParamsString::try_from(argon2id(config)?.params()).map_err(failed)?,
                salt: Some(Salt::new(&salt).map_err(|e| failed(e.into()))?),
                hash: Some(Output::new(&hash).map_err(|e| failed(e.into()))?),
            };
            Ok(hash.to_string())
        }
    }
}

fn argon2id(config: &PasswordConfig) -> Result<Argon2<'static>, PasswordError> {
    let params =
        Params::new(config.argon2_memory_kib, config.argon2_passes, config.argon2_lanes, Some(32))
            .map_err(|e| PasswordError::Failed(Box::new(e)))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tavern_domain::SeededEntropy;

    use super::*;

    fn bcrypt4() -> PasswordConfig {
        PasswordConfig { bcrypt_cost: 4, ..PasswordConfig::default() }
    }

    fn argon2_small() -> PasswordConfig {
        PasswordConfig {
            algorithm: PasswordAlgorithm::Argon2id,
            argon2_memory_kib: 64,
            argon2_passes: 1,
            ..PasswordConfig::default()
        }
    }

    fn fits(kept: &str, password: &str) -> bool {
        Kept::read(kept.as_bytes()).unwrap().fits(password)
    }

    /// Hashes that other implementations have made.
    #[test]
    fn hashes_made_elsewhere_are_checked() {
        let bcrypt = "$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        for version in ["$2a", "$2b", "$2y"] {
            assert!(fits(&format!("{version}{bcrypt}"), "U*U"));
            assert!(!fits(&format!("{version}{bcrypt}"), "U*V"));
        }
        let argon = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ\
                     $nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert!(fits(argon, "password"));
        assert!(!fits(argon, "Password"));
    }

    #[test]
    fn what_is_made_is_checked_by_its_own_algorithm() {
        for config in [bcrypt4(), argon2_small()] {
            let made = make(&config, "correct horse", [7; 16]).unwrap();
            assert!(fits(&made, "correct horse") && !fits(&made, "wrong horse"));
            let kept = Kept::read(made.as_bytes()).unwrap();
            assert!(!kept.is_outdated(&config));
            assert_ne!(made, make(&config, "correct horse", [8; 16]).unwrap());
        }
        assert!(make(&bcrypt4(), "x", [7; 16]).unwrap().starts_with("$2a$04$"));
        assert!(
            make(&argon2_small(), "x", [7; 16]).unwrap().starts_with("$argon2id$v=19$m=64,t=1,")
        );
    }

    #[test]
    fn a_hash_is_outdated_when_a_new_one_would_be_stronger_or_of_the_other_kind() {
        let (weak, strong) = (bcrypt4(), PasswordConfig { bcrypt_cost: 5, ..bcrypt4() });
        let by = |config: &PasswordConfig| make(config, "password", [1; 16]).unwrap();
        let outdated = |kept: &str, config: &PasswordConfig| {
            Kept::read(kept.as_bytes()).unwrap().is_outdated(config)
        };
        assert!(outdated(&by(&weak), &strong));
        assert!(!outdated(&by(&strong), &weak), "a stronger one is never made weaker");
        assert!(outdated(&by(&weak), &argon2_small()));
        assert!(outdated(&by(&argon2_small()), &weak), "so that going back works");
        let more = PasswordConfig { argon2_memory_kib: 65, ..argon2_small() };
        assert!(outdated(&by(&argon2_small()), &more));
    }

    #[test]
    fn bcrypt_refuses_to_hash_what_it_would_cut() {
        let (fits_in, too_long) = ("x".repeat(72), "x".repeat(73));
        let made = make(&bcrypt4(), &fits_in, [1; 16]).unwrap();
        assert!(fits(&made, &fits_in));
        assert!(matches!(
            make(&bcrypt4(), &too_long, [1; 16]),
            Err(PasswordError::TooLong { limit: 72 })
        ));
        assert!(make(&argon2_small(), &too_long, [1; 16]).is_ok());
    }

    #[test]
    fn a_decoy_is_a_valid_hash_of_the_configured_cost() {
        for config in [bcrypt4(), argon2_small()] {
            let decoy = decoy(&config, &SeededEntropy::new(3)).unwrap();
            let kept = Kept::read(decoy.as_bytes()).unwrap();
            assert!(!kept.is_outdated(&config));
            assert!(!kept.fits("password"));
            let real = make(&config, "password", [1; 16]).unwrap();
            assert_eq!(real.len(), decoy.len());
        }
    }

    #[test]
    fn hashes_that_would_cost_too_much_are_not_checked() {
        let tail = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        let argon = |m, t, p| {
            format!(
                "$argon2id$v=19$m={m},t={t},p={p}$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
            )
        };
        for bad in [
            format!("$2a$17${tail}"),
            format!("$2a$31${tail}"),
            format!("$2a$03${tail}"),
            format!("$2x$10${tail}"),
            argon(MAX_ARGON2_KIB + 1, 1, 1),
            argon(256, MAX_ARGON2_PASSES + 1, 1),
            argon(256, 1, MAX_ARGON2_LANES + 1),
            argon(256, 2, 1).replace("argon2id", "argon2d"),
            argon(256, 2, 1).rsplit_once('$').unwrap().0.to_owned(),
            "plaintext".to_owned(),
            String::new(),
        ] {
            assert!(Kept::read(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(Kept::read(b"$2a$10$\xff").is_none());
    }

    proptest! {
        #[test]
        fn no_text_in_the_table_makes_the_reader_panic(
            kept in "(\\$(2[abxy]|argon2id?|.)){0,1}(\\$[a-z0-9=,/+.]{0,60}){0,5}",
            bytes: Vec<u8>,
        ) {
            let _ = (Kept::read(kept.as_bytes()), Kept::read(&bytes));
        }
    }
}
