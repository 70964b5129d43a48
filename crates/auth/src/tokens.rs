//! Session, refresh and match tokens.

use std::borrow::Cow;
use std::sync::Arc;

use tavern_domain::{Classify, ErrorCode, MatchId, Timestamp, TokenId, UserId};

use crate::claims::{Claims, MatchClaims, TokenKind, Vars};
use crate::config::SessionConfig;
use crate::keys::{KeyError, KeyRing, MAX_TOKEN_BYTES, TokenError};

/// How long a match token is good.
pub const MATCH_TOKEN_SECONDS: i64 = 30;

/// How long tokens are good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetimes {
    /// Of a session token, in seconds.
    pub session_sec: u32,
    /// Of a refresh token, in seconds.
    pub refresh_sec: u32,
}

/// What a log-in or a refresh answers.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionPair {
    /// The session token.
    pub token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// The claims of the session token.
    pub claims: Claims,
    /// When the refresh token expires, in whole seconds.
    pub refresh_expires: Timestamp,
}

impl std::fmt::Debug for SessionPair {
    /// Leaves out the tokens, which are as good as passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionPair")
            .field("claims", &self.claims)
            .field("refresh_expires", &self.refresh_expires)
            .finish_non_exhaustive()
    }
}

/// Why no token was issued.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IssueError {
    /// User name and session variables together make it longer than [`MAX_TOKEN_BYTES`].
    #[error("session variables are too large")]
    TooLarge,
}

impl Classify for IssueError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// Issues and checks tokens. Pure: it keeps nothing, and time is an argument.
///
/// It knows nothing of revocations; [`Sessions`](crate::Sessions) does.
#[derive(Clone, Debug)]
pub struct Tokens {
    session: KeyRing,
    refresh: KeyRing,
    lifetimes: Lifetimes,
}

impl Tokens {
    /// Tokens by these keys.
    ///
    /// # Errors
    /// [`KeyError::Shared`] when a key is in both rings.
    pub fn new(session: KeyRing, refresh: KeyRing, lifetimes: Lifetimes) -> Result<Self, KeyError> {
        if session.overlaps(&refresh) {
            return Err(KeyError::Shared);
        }
        Ok(Self { session, refresh, lifetimes })
    }

    /// Tokens as configured.
    ///
    /// # Errors
    /// [`KeyError`], which a configuration that passed its validation does not cause.
    pub fn from_config(config: &SessionConfig) -> Result<Self, KeyError> {
        Self::new(
            KeyRing::new(&config.encryption_key, &config.previous_encryption_keys)?,
            KeyRing::new(&config.refresh_encryption_key, &config.previous_refresh_encryption_keys)?,
            Lifetimes {
                session_sec: config.token_expiry_sec,
                refresh_sec: config.refresh_token_expiry_sec,
            },
        )
    }

    /// How long tokens are good.
    #[must_use]
    pub const fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// The tokens of a new log-in, whose id comes from [`log_in_id`](crate::log_in_id).
    ///
    /// # Errors
    /// [`IssueError::TooLarge`].
    pub fn issue(
        &self,
        log_in: TokenId,
        user: UserId,
        username: &str,
        vars: &Vars,
        now: Timestamp,
    ) -> Result<SessionPair, IssueError> {
        self.pair(claims(log_in, user, username, vars, now), now, None)
    }

    /// A session token alone, and when it expires: at the usual time, or when told, but not after a
    /// refresh token would.
    ///
    /// # Errors
    /// [`IssueError::TooLarge`].
    pub(crate) fn mint(
        &self,
        log_in: TokenId,
        user: UserId,
        username: &str,
        vars: &Vars,
        now: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<(String, Timestamp), IssueError> {
        let after = |seconds: u32| now.whole_seconds().plus_seconds(seconds.into());
        let latest = after(self.lifetimes.refresh_sec.max(self.lifetimes.session_sec));
        let expires = until.unwrap_or_else(|| after(self.lifetimes.session_sec)).min(latest);
        let claims = Claims { expires, ..claims(log_in, user, username, vars, now) };
        let token = self.session.sign(&claims.write());
        if token.len() > MAX_TOKEN_BYTES {
            return Err(IssueError::TooLarge);
        }
        Ok((token, expires))
    }

    /// New tokens for the same log-in: the same id, the same time of issue, new times of expiry.
    /// The variables are those given, or the old ones when none are given.
    ///
    /// # Errors
    /// [`IssueError::TooLarge`].
    pub fn refresh(
        &self,
        old: &Claims,
        username: &str,
        vars: &Vars,
        now: Timestamp,
    ) -> Result<SessionPair, IssueError> {
        self.pair(renewed(old, username, vars), now, None)
    }

    /// As [`refresh`](Self::refresh), but the refresh token outlives the old one by nothing.
    pub(crate) fn refresh_without_extension(
        &self,
        old: &Claims,
        username: &str,
        vars: &Vars,
        now: Timestamp,
    ) -> Result<SessionPair, IssueError> {
        self.pair(renewed(old, username, vars), now, Some(old.expires))
    }

    /// Checks form, signature and expiry.
    ///
    /// # Errors
    /// [`TokenError`]; never [`TokenError::Revoked`].
    pub fn verify(
        &self,
        kind: TokenKind,
        token: &str,
        now: Timestamp,
    ) -> Result<Claims, TokenError> {
        let ring = match kind {
            TokenKind::Session => &self.session,
            TokenKind::Refresh => &self.refresh,
        };
        let claims = Claims::read(&ring.open(token)?)?;
        if now.seconds() < claims.expires.seconds() { Ok(claims) } else { Err(TokenError::Expired) }
    }

    /// A token that lets its holder join a match, good for [`MATCH_TOKEN_SECONDS`].
    #[must_use]
    pub fn issue_match(&self, id: &MatchId, now: Timestamp) -> String {
        let claims = MatchClaims {
            mid: Cow::Owned(id.to_string()),
            exp: now.seconds().saturating_add(MATCH_TOKEN_SECONDS),
        };
        let json = serde_json::to_vec(&claims).expect("texts and numbers always serialise");
        self.session.sign(&json)
    }

    /// The match that a match token is for.
    ///
    /// # Errors
    /// [`TokenError`]; a session token is [`TokenError::Malformed`] here.
    pub fn verify_match(&self, token: &str, now: Timestamp) -> Result<MatchId, TokenError> {
        let json = self.session.open(token)?;
        let claims: MatchClaims<'_> =
            serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)?;
        if now.seconds() >= claims.exp {
            return Err(TokenError::Expired);
        }
        claims.mid.parse().map_err(|_| TokenError::Malformed)
    }

    /// Signs both tokens of `claims`, whose expiry is not set yet.
    fn pair(
        &self,
        mut claims: Claims,
        now: Timestamp,
        refresh_until: Option<Timestamp>,
    ) -> Result<SessionPair, IssueError> {
        let after = |seconds: u32| now.whole_seconds().plus_seconds(seconds.into());
        let expires = after(self.lifetimes.refresh_sec);
        claims.expires = refresh_until.map_or(expires, |until| until.min(expires));
        let refresh_expires = claims.expires;
        let refresh_token = self.refresh.sign(&claims.write());
        claims.expires = after(self.lifetimes.session_sec);
        let token = self.session.sign(&claims.write());
        if token.len().max(refresh_token.len()) > MAX_TOKEN_BYTES {
            return Err(IssueError::TooLarge);
        }
        Ok(SessionPair { token, refresh_token, claims, refresh_expires })
    }
}

/// The claims of a log-in, whose expiry is not set yet.
fn claims(log_in: TokenId, user: UserId, username: &str, vars: &Vars, now: Timestamp) -> Claims {
    Claims {
        token_id: log_in,
        user,
        username: Arc::from(username),
        vars: vars.clone(),
        expires: Timestamp::EPOCH,
        issued: now.whole_seconds(),
    }
}

fn renewed(old: &Claims, username: &str, vars: &Vars) -> Claims {
    let vars = if vars.is_empty() { &old.vars } else { vars };
    Claims { username: Arc::from(username), vars: vars.clone(), ..old.clone() }
}

#[cfg(test)]
mod tests {
    use tavern_domain::{Secret, SeededEntropy};
    use uuid::Uuid;

    use super::*;
    use crate::log_in::log_in_id;

    const USER: UserId = UserId(Uuid::from_u128(7));

    fn tokens() -> Tokens {
        let ring = |key: &str| KeyRing::new(&Secret::new(key), &[]).unwrap();
        let lifetimes = Lifetimes { session_sec: 60, refresh_sec: 3600 };
        Tokens::new(ring("session"), ring("refresh"), lifetimes).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn log_in(now: Timestamp) -> TokenId {
        log_in_id(now, &SeededEntropy::new(1))
    }

    fn vars(pairs: &[(&str, &str)]) -> Vars {
        pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
    }

    #[test]
    fn a_token_is_good_from_its_issue_until_its_expiry() {
        let now = Timestamp::from_millis(1_000_900);
        let pair = tokens().issue(log_in(now), USER, "ann", &Vars::new(), now).unwrap();
        let verify = |kind, token: &str, now| tokens().verify(kind, token, now);
        assert_eq!(verify(TokenKind::Session, &pair.token, now), Ok(pair.claims.clone()));
        assert_eq!(pair.claims.expires, at(1060));
        assert_eq!(pair.claims.issued, at(1000));
        assert!(verify(TokenKind::Session, &pair.token, at(1059)).is_ok());
        assert_eq!(verify(TokenKind::Session, &pair.token, at(1060)), Err(TokenError::Expired));
        assert!(verify(TokenKind::Refresh, &pair.refresh_token, at(4599)).is_ok());
        let late = verify(TokenKind::Refresh, &pair.refresh_token, pair.refresh_expires);
        assert_eq!(late, Err(TokenError::Expired));
    }

    #[test]
    fn neither_kind_of_token_is_good_as_the_other() {
        let pair = tokens().issue(log_in(at(1)), USER, "ann", &Vars::new(), at(1)).unwrap();
        let session = tokens().verify(TokenKind::Session, &pair.refresh_token, at(1));
        assert_eq!(session, Err(TokenError::Signature));
        let refresh = tokens().verify(TokenKind::Refresh, &pair.token, at(1));
        assert_eq!(refresh, Err(TokenError::Signature));
    }

    #[test]
    fn one_key_for_both_kinds_is_refused() {
        let ring = |keys: &[&str]| {
            let keys: Vec<_> = keys.iter().map(|k| Secret::new(*k)).collect();
            KeyRing::new(&keys[0], &keys[1..]).unwrap()
        };
        let lifetimes = Lifetimes { session_sec: 1, refresh_sec: 1 };
        let shared = Tokens::new(ring(&["a", "old"]), ring(&["b", "old"]), lifetimes);
        assert_eq!(shared.unwrap_err(), KeyError::Shared);
    }

    #[test]
    fn a_refresh_keeps_the_log_in_and_takes_up_the_name() {
        let old =
            tokens().issue(log_in(at(10)), USER, "ann", &vars(&[("a", "1")]), at(10)).unwrap();
        let new = tokens().refresh(&old.claims, "anna", &Vars::new(), at(50)).unwrap();
        assert_eq!(new.claims.token_id, old.claims.token_id);
        assert_eq!(new.claims.issued, old.claims.issued);
        assert_eq!(new.claims.expires, at(110));
        assert_eq!(new.refresh_expires, at(3650));
        assert_eq!(&*new.claims.username, "anna");
        assert_eq!(new.claims.vars, old.claims.vars);
        let other = tokens().refresh(&old.claims, "anna", &vars(&[("b", "2")]), at(50)).unwrap();
        assert_eq!(other.claims.vars, vars(&[("b", "2")]));
    }

    #[test]
    fn a_token_that_would_be_too_long_is_not_issued() {
        let big = vars(&[("a", &"x".repeat(MAX_TOKEN_BYTES))]);
        let issued = tokens().issue(log_in(at(1)), USER, "ann", &big, at(1));
        assert_eq!(issued, Err(IssueError::TooLarge));
    }

    #[test]
    fn match_tokens_are_good_for_half_a_minute_and_for_nothing_else() {
        let id = MatchId::relayed_by_name("lobby");
        let token = tokens().issue_match(&id, at(100));
        assert_eq!(tokens().verify_match(&token, at(129)), Ok(id));
        assert_eq!(tokens().verify_match(&token, at(130)), Err(TokenError::Expired));
        let as_session = tokens().verify(TokenKind::Session, &token, at(100));
        assert_eq!(as_session, Err(TokenError::Malformed));
        let pair = tokens().issue(log_in(at(1)), USER, "ann", &Vars::new(), at(1)).unwrap();
        assert_eq!(tokens().verify_match(&pair.token, at(1)), Err(TokenError::Malformed));
    }

    /// A pair that a Nakama 3.40 server with its default keys has issued.
    #[test]
    fn tokens_of_a_server_with_the_same_keys_are_good() {
        const CLAIMS: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0aWQiOiI2MWM3NDg5My01NTQ2LTQ3\
            OWMtOWI3My1iOGQ0NDI5ZTdiMWMiLCJ1aWQiOiJjYjAxNjkzNy1jOTE2LTQ3YmMtOWYxMS1mYWU2ZmJmMDkxOT\
            IiLCJ1c24iOiJvVnBMUFBwWkJwIiwidnJzIjp7InRlYW0iOiJyZWQifSwiZXhwIjoxNzk1Mj";
        let session = format!(
            "{CLAIMS}EzODAzLCJpYXQiOjE3OTUyMDY2MDN9.JPXj-_RDOWIIayvtagC6kBUD58kXDZ0tp8cEdmUNm4M"
        );
        let refresh = format!(
            "{CLAIMS}EwMjAzLCJpYXQiOjE3OTUyMDY2MDN9.43qGhWZaZFbYmqaF4FLTvB4erlRF04X-VmmaOObENzU"
        );
        let ring = |key: &str| KeyRing::new(&Secret::new(key), &[]).unwrap();
        let tokens = Tokens::new(
            ring("defaultencryptionkey"),
            ring("defaultrefreshencryptionkey"),
            Lifetimes { session_sec: 7200, refresh_sec: 3600 },
        )
        .unwrap();
        let now = at(1_795_206_603);
        let claims = tokens.verify(TokenKind::Session, &session, now).unwrap();
        assert_eq!(claims.user.to_string(), "cb016937-c916-47bc-9f11-fae6fbf09192");
        assert_eq!(&*claims.username, "oVpLPPpZBp");
        assert_eq!(claims.vars, vars(&[("team", "red")]));
        assert_eq!(claims.issued, now);
        assert!(tokens.verify(TokenKind::Refresh, &refresh, now).is_ok());
        // And ours are the same, byte by byte, for the same claims.
        let ours = tokens
            .issue(claims.token_id, claims.user, &claims.username, &claims.vars, now)
            .unwrap();
        assert_eq!((ours.token, ours.refresh_token), (session, refresh));
    }
}
