//! Log-ins from their beginning to their end: the one place where a token is believed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tavern_domain::{Classify, Clock, Entropy, ErrorCode, Timestamp, UserId};
use tavern_storage::{Revocation, RevocationScope, Revocations, StorageError};
use tokio_util::sync::CancellationToken;

use crate::claims::{Claims, TokenKind, Vars};
use crate::config::SessionConfig;
use crate::keys::{KeyError, TokenError};
use crate::log_in::{log_in_id, log_in_time};
use crate::meters::AuthMeters;
use crate::revocation::RevocationList;
use crate::tokens::{IssueError, SessionPair, Tokens};

/// Revocations are kept a little longer than the tokens they concern, for refreshes that are under
/// way when their log-in is revoked, and for clocks of several nodes that differ.
const SLACK_SEC: i64 = 60;

/// Why a log-in did not begin, go on or end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The token is not good.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The tokens would be too long.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// A refresh without a token.
    #[error("a refresh token is required")]
    RefreshTokenMissing,
    /// A log-out with a token that is none, has expired, or belongs to somebody else.
    #[error("the token to log out is not one of the caller's")]
    NotTheCallers,
    /// The revocation could not be recorded, so it does not hold.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Classify for SessionError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Token(e) => e.code(),
            Self::Issue(e) => e.code(),
            Self::RefreshTokenMissing | Self::NotTheCallers => ErrorCode::InvalidArgument,
            Self::Storage(e) => e.code(),
        }
    }
}

/// Begins, checks, refreshes and ends log-ins.
pub struct Sessions {
    tokens: Tokens,
    revoked: RevocationList,
    store: Arc<dyn Revocations>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// See [`SessionConfig::single_session`].
    single: bool,
    /// See [`SessionConfig::revocation_retention_sec`].
    retention_sec: i64,
    /// The earliest millisecond that a log-in may have, by the users' last byte: not before any
    /// log-in so far, and after any revocation so far, even where the clock stands still or is set
    /// back. In parts, so that one user who is revoked again and again does not carry all others
    /// along.
    earliest: Box<[AtomicI64]>,
}

impl Sessions {
    /// Sessions as configured. Nothing is revoked until [`load`](Self::load) was called.
    ///
    /// # Errors
    /// [`KeyError`], which a configuration that passed its validation does not cause.
    pub fn new(
        config: &SessionConfig,
        store: Arc<dyn Revocations>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        meters: &AuthMeters,
    ) -> Result<Self, KeyError> {
        Ok(Self {
            tokens: Tokens::from_config(config)?,
            revoked: RevocationList::new(meters.revocations.clone()),
            store,
            clock,
            entropy,
            single: config.single_session,
            retention_sec: config.revocation_retention_sec.into(),
            earliest: (0..256).map(|_| AtomicI64::new(i64::MIN)).collect(),
        })
    }

    /// Takes up the revocations of earlier lives. To be done before the first token is checked.
    ///
    /// # Errors
    /// [`SessionError::Storage`].
    pub async fn load(&self) -> Result<usize, SessionError> {
        let kept = self.store.load(self.clock.now()).await?;
        self.revoked.apply(&kept);
        Ok(kept.len())
    }

    /// Takes up revocations that another node has made durable.
    pub fn apply(&self, revocations: &[Revocation]) {
        self.revoked.apply(revocations);
    }

    /// Issuing and checking without revocations, for match tokens.
    #[must_use]
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Begins a log-in: the account is known, its credentials were right. With
    /// `single_session`, all earlier log-ins of the user end first.
    ///
    /// # Errors
    /// [`SessionError::Issue`]; with `single_session`, [`SessionError::Storage`]. In both cases
    /// earlier log-ins go on.
    pub async fn start(
        &self,
        user: UserId,
        username: &str,
        vars: &Vars,
    ) -> Result<SessionPair, SessionError> {
        let now = self.clock.now();
        let issue = |at| {
            let id = log_in_id(at, &*self.entropy);
            self.tokens.issue(id, user, username, vars, now)
        };
        if !self.single {
            return Ok(issue(self.log_in_instant(user))?);
        }
        let end = self.revocation_instant(user);
        let pair = issue(next_millisecond(end))?;
        self.keep(vec![self.revocation(user, RevocationScope::All, end, None)]).await?;
        Ok(pair)
    }

    /// A session token of a log-in of its own, without a refresh token, and when it expires: at the
    /// usual time, or when told, but not after a refresh token would, for no revocation is kept
    /// longer.
    ///
    /// # Errors
    /// [`SessionError::Issue`].
    pub fn mint(
        &self,
        user: UserId,
        username: &str,
        vars: &Vars,
        until: Option<Timestamp>,
    ) -> Result<(String, Timestamp), SessionError> {
        let log_in = log_in_id(self.log_in_instant(user), &*self.entropy);
        Ok(self.tokens.mint(log_in, user, username, vars, self.clock.now(), until)?)
    }

    /// Who a session token belongs to. Every call of a player comes through here, whatever its
    /// transport.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn authenticate(&self, token: &str) -> Result<Claims, TokenError> {
        self.check(TokenKind::Session, token)
    }

    /// Whether the session with these claims goes on: it has not been revoked. For what lives
    /// longer than a token, such as a socket.
    #[must_use]
    pub fn goes_on(&self, claims: &Claims) -> bool {
        !self.revoked.is_revoked(claims, TokenKind::Session)
    }

    /// Who a refresh token belongs to. Look the account up then: it may be gone, banned or renamed.
    ///
    /// # Errors
    /// [`SessionError::RefreshTokenMissing`] for an empty one; [`SessionError::Token`].
    pub fn verify_refresh(&self, token: &str) -> Result<Claims, SessionError> {
        if token.is_empty() {
            return Err(SessionError::RefreshTokenMissing);
        }
        Ok(self.check(TokenKind::Refresh, token)?)
    }

    /// New tokens of the same log-in, for the claims of its refresh token. The variables are those
    /// given, or the old ones when none are given.
    ///
    /// Where only the session token was logged out, this works, but the new session token is as
    /// revoked as the old one, and the new refresh token expires with the old one: else the
    /// revocation would have to be kept for ever.
    ///
    /// # Errors
    /// [`SessionError::Token`] when it was revoked meanwhile; [`SessionError::Issue`].
    pub fn refresh(
        &self,
        old: &Claims,
        username: &str,
        vars: &Vars,
    ) -> Result<SessionPair, SessionError> {
        if self.revoked.is_revoked(old, TokenKind::Refresh) {
            return Err(TokenError::Revoked.into());
        }
        let now = self.clock.now();
        let pair = if self.revoked.is_revoked(old, TokenKind::Session) {
            self.tokens.refresh_without_extension(old, username, vars, now)
        } else {
            self.tokens.refresh(old, username, vars, now)
        };
        Ok(pair?)
    }

    /// Logs the caller out: revokes exactly the tokens given (either may be empty), or, when both
    /// are empty, every token of the caller. Answers what was revoked, so that sockets can be
    /// closed.
    ///
    /// A session token stands for all session tokens of its log-in, those of later refreshes too;
    /// a refresh token for all its refresh tokens.
    ///
    /// When the future is dropped half-way, the tokens may be revoked or not.
    ///
    /// # Errors
    /// [`SessionError::NotTheCallers`], then nothing is revoked; [`SessionError::Storage`], then it
    /// does not hold in this process.
    pub async fn log_out(
        &self,
        caller: &Claims,
        token: &str,
        refresh_token: &str,
    ) -> Result<Vec<Revocation>, SessionError> {
        if token.is_empty() && refresh_token.is_empty() {
            let mut at = self.revocation_instant(caller.user);
            // The caller's own log-in may come from a node whose clock is ahead.
            at = at.max(log_in_time(caller.token_id).unwrap_or(at));
            let all = self.revocation(caller.user, RevocationScope::All, at, Some(caller));
            return self.keep(vec![all]).await;
        }
        let now = self.clock.now();
        let mut revocations = Vec::with_capacity(2);
        for (kind, token) in [(TokenKind::Session, token), (TokenKind::Refresh, refresh_token)] {
            if token.is_empty() {
                continue;
            }
            let claims = self
                .tokens
                .verify(kind, token, now)
                .ok()
                .filter(|claims| claims.user == caller.user)
                .ok_or(SessionError::NotTheCallers)?;
            let scope = match kind {
                TokenKind::Session => RevocationScope::Session(claims.token_id),
                TokenKind::Refresh => RevocationScope::Refresh(claims.token_id),
            };
            revocations.push(self.revocation(claims.user, scope, now, Some(&claims)));
        }
        self.keep(revocations).await
    }

    /// Ends all log-ins of a user, as for a ban or a deleted account. What [began](Self::start)
    /// before the call has ended when it answers; what begins after the answer is good, even in
    /// the same millisecond.
    ///
    /// When the future is dropped half-way, they may have ended or not.
    ///
    /// # Errors
    /// [`SessionError::Storage`], then it does not hold in this process.
    pub async fn revoke_all(&self, user: UserId) -> Result<Revocation, SessionError> {
        let at = self.revocation_instant(user);
        let all = self.revocation(user, RevocationScope::All, at, None);
        self.keep(vec![all]).await?;
        Ok(all)
    }

    /// How many log-ins and users have revocations in memory.
    #[must_use]
    pub fn revocations(&self) -> usize {
        self.revoked.len()
    }

    /// Forgets revocations of expired tokens, in memory and in the store.
    ///
    /// # Errors
    /// [`SessionError::Storage`]; memory is tidied in any case.
    pub async fn tidy(&self) -> Result<(), SessionError> {
        let now = self.clock.now();
        let forgotten = self.revoked.sweep(now);
        let purged = self.store.purge(now).await?;
        tracing::debug!(forgotten, purged, "expired revocations forgotten");
        Ok(())
    }

    /// [Tidies](Self::tidy) again and again until `stop` is cancelled. A background task for the
    /// composition root to spawn.
    pub async fn keep_tidy(&self, every: Duration, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
            if let Err(error) = self.tidy().await {
                let cause: &(dyn std::error::Error + 'static) = &error;
                tracing::warn!(error = cause, "could not forget expired revocations");
            }
        }
    }

    fn check(&self, kind: TokenKind, token: &str) -> Result<Claims, TokenError> {
        let claims = self.tokens.verify(kind, token, self.clock.now())?;
        if self.revoked.is_revoked(&claims, kind) { Err(TokenError::Revoked) } else { Ok(claims) }
    }

    /// Makes revocations durable, then lets them hold. What holds already is not written again.
    async fn keep(&self, revocations: Vec<Revocation>) -> Result<Vec<Revocation>, SessionError> {
        let new: Vec<_> =
            revocations.iter().filter(|r| !self.revoked.has(r.scope)).copied().collect();
        if !new.is_empty() {
            self.store.revoke(&new).await?;
            self.revoked.apply(&new);
        }
        Ok(revocations)
    }

    /// When a log-in that begins now begins: after every revocation so far, in whole milliseconds.
    fn log_in_instant(&self, user: UserId) -> Timestamp {
        let now = self.clock.now().millis();
        let before = self.earliest(user).fetch_max(now, Ordering::SeqCst);
        self.after_known(user, before.max(now))
    }

    /// When what is revoked now is revoked: not before any log-in so far, in whole milliseconds.
    /// Every such instant is given once only.
    fn revocation_instant(&self, user: UserId) -> Timestamp {
        let now = self.clock.now().millis();
        let before = self
            .earliest(user)
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |earliest| {
                Some(earliest.max(now).saturating_add(1))
            })
            .unwrap_or_else(|earliest| earliest);
        self.after_known(user, before.max(now))
    }

    fn earliest(&self, user: UserId) -> &AtomicI64 {
        &self.earliest[usize::from(user.0.as_bytes()[15])]
    }

    /// This instant, or one after the last revocation of all log-ins of the user: that may come
    /// from another node whose clock is ahead. Only this user's instants are moved by it, so that
    /// one absurd entry in the store cannot drag others into the future.
    fn after_known(&self, user: UserId, millis: i64) -> Timestamp {
        let instant = Timestamp::from_millis(millis);
        self.revoked.all_until(user).map_or(instant, |at| instant.max(next_millisecond(at)))
    }

    /// A revocation that is kept until every token it concerns has expired.
    fn revocation(
        &self,
        user: UserId,
        scope: RevocationScope,
        at: Timestamp,
        known: Option<&Claims>,
    ) -> Revocation {
        let lives = self.tokens.lifetimes();
        let (session, refresh) = (i64::from(lives.session_sec), i64::from(lives.refresh_sec));
        let longest = match scope {
            // A refresh token of this log-in may make session tokens until its own end.
            RevocationScope::Session(_) => refresh + session,
            RevocationScope::Refresh(_) => refresh,
            RevocationScope::All => session.max(refresh),
        };
        let longest = longest.max(self.retention_sec) + SLACK_SEC;
        // The token at hand may be from a time when tokens lived longer.
        let known = known.map_or(Timestamp::EPOCH, |c| c.expires.plus_seconds(session + SLACK_SEC));
        let expires = at.max(self.clock.now()).whole_seconds().plus_seconds(longest).max(known);
        // The store keeps milliseconds.
        Revocation { user, scope, at: Timestamp::from_millis(at.millis()), expires }
    }
}

fn next_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.millis().saturating_add(1))
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions")
            .field("tokens", &self.tokens)
            .field("single", &self.single)
            .field("revocations", &self.revocations())
            .finish_non_exhaustive()
    }
}
