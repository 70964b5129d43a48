//! What a token says.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tavern_domain::{Timestamp, TokenId, UserId};

use crate::keys::TokenError;
use crate::log_in::log_in_time;

/// Session variables: what a client or server code put into the session at log-in, by name.
pub type Vars = BTreeMap<String, String>;

/// What a token is good for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TokenKind {
    /// For calls and sockets.
    Session,
    /// For a new pair of tokens.
    Refresh,
}

/// What a token says about its holder. Only a checked token yields one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claims {
    /// The log-in (`tid`): shared by the session token, its refresh token and all refreshes.
    pub token_id: TokenId,
    /// The account (`uid`).
    pub user: UserId,
    /// Its user name when the token was issued (`usn`).
    pub username: Arc<str>,
    /// Session variables (`vrs`).
    pub vars: Vars,
    /// When the token expires (`exp`), in whole seconds.
    pub expires: Timestamp,
    /// When the log-in was (`iat`), in whole seconds; the epoch when the token does not say.
    pub issued: Timestamp,
}

impl Claims {
    /// Whether the log-in was at `instant` or before.
    ///
    /// Exact to the millisecond for our own log-ins, whose ids hold their time. Others are known to
    /// the second only; in doubt they count as earlier, which errs to the side of refusing.
    #[must_use]
    pub fn logged_in_by(&self, instant: Timestamp) -> bool {
        log_in_time(self.token_id).map_or_else(
            || self.issued.seconds() <= instant.seconds(),
            |at| at.millis() <= instant.millis(),
        )
    }

    /// Reads the claims of a token whose signature has been checked.
    pub(crate) fn read(json: &[u8]) -> Result<Self, TokenError> {
        let read: Readable<'_> = serde_json::from_slice(json).map_err(|_| TokenError::Malformed)?;
        Ok(Self {
            token_id: read.tid,
            user: read.uid,
            username: Arc::from(&*read.usn),
            vars: read.vrs,
            expires: Timestamp::from_seconds(read.exp),
            issued: Timestamp::from_seconds(read.iat),
        })
    }

    /// The claims as JSON, with the names and the order of the public protocol.
    pub(crate) fn write(&self) -> Vec<u8> {
        let writable = Writable {
            tid: self.token_id,
            uid: self.user,
            usn: &self.username,
            vrs: &self.vars,
            exp: self.expires.seconds(),
            iat: self.issued.seconds(),
        };
        serde_json::to_vec(&writable).expect("texts and numbers always serialise")
    }
}

#[derive(Serialize)]
struct Writable<'a> {
    tid: TokenId,
    uid: UserId,
    usn: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    vrs: &'a Vars,
    exp: i64,
    iat: i64,
}

#[derive(Deserialize)]
struct Readable<'a> {
    tid: TokenId,
    uid: UserId,
    #[serde(borrow, default)]
    usn: Cow<'a, str>,
    #[serde(default)]
    vrs: Vars,
    exp: i64,
    #[serde(default)]
    iat: i64,
}

/// What a match token says.
#[derive(Serialize, Deserialize)]
pub(crate) struct MatchClaims<'a> {
    /// The match.
    #[serde(borrow)]
    pub(crate) mid: Cow<'a, str>,
    /// When the token expires, in seconds.
    pub(crate) exp: i64,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn claims() -> Claims {
        Claims {
            token_id: TokenId(Uuid::from_u128(1)),
            user: UserId(Uuid::from_u128(2)),
            username: "ann \"q\" \u{1F600}".into(),
            vars: Vars::from([("b".into(), "2".into()), ("a".into(), "1".into())]),
            expires: Timestamp::from_seconds(200),
            issued: Timestamp::from_seconds(100),
        }
    }

    #[test]
    fn claims_have_the_names_and_the_order_of_the_public_protocol() {
        let text = String::from_utf8(claims().write()).unwrap();
        assert_eq!(
            text,
            "{\"tid\":\"00000000-0000-0000-0000-000000000001\",\
             \"uid\":\"00000000-0000-0000-0000-000000000002\",\
             \"usn\":\"ann \\\"q\\\" \u{1F600}\",\"vrs\":{\"a\":\"1\",\"b\":\"2\"},\
             \"exp\":200,\"iat\":100}"
        );
        let bare = Claims { vars: Vars::new(), ..claims() };
        assert!(!String::from_utf8(bare.write()).unwrap().contains("vrs"));
    }

    #[test]
    fn what_is_written_reads_the_same() {
        assert_eq!(Claims::read(&claims().write()).unwrap(), claims());
    }

    #[test]
    fn claims_without_an_issue_time_count_as_the_oldest_of_all() {
        let json = br#"{"tid":"7c9e6679-7425-40de-944b-e07fc1f90ae7",
            "uid":"7c9e6679-7425-40de-944b-e07fc1f90ae7","usn":"a","exp":5,"later":[1]}"#;
        let read = Claims::read(json).unwrap();
        assert!(read.logged_in_by(Timestamp::EPOCH));
    }

    #[test]
    fn claims_of_the_wrong_shape_are_refused() {
        let id = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
        for bad in [
            "",
            "null",
            "[]",
            "{}",
            "{\"exp\":1}",
            &format!("{{\"tid\":\"{id}\",\"uid\":\"{id}\"}}"),
            &format!("{{\"tid\":\"{id}\",\"uid\":\"x\",\"exp\":1}}"),
            &format!("{{\"tid\":\"{id}\",\"uid\":\"{id}\",\"exp\":1.5}}"),
            &format!("{{\"tid\":\"{id}\",\"uid\":\"{id}\",\"exp\":\"1\"}}"),
            &format!("{{\"tid\":\"{id}\",\"uid\":\"{id}\",\"exp\":1,\"exp\":2}}"),
            &format!("{{\"tid\":\"{id}\",\"uid\":\"{id}\",\"exp\":1,\"vrs\":{{\"a\":1}}}}"),
            &format!("{{\"tid\":\"{id}\",\"uid\":\"{id}\",\"exp\":1}} x"),
        ] {
            assert_eq!(Claims::read(bad.as_bytes()), Err(TokenError::Malformed), "{bad}");
        }
    }
}
