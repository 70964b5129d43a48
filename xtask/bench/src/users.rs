//! The players of a run: made when first needed, used again by every later scenario.

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nix::time::{ClockId, clock_gettime};
use serde_json::Value;

use crate::http::{Http, request};
use crate::requests::gather;
use crate::target::Target;

/// Log-ins under way at once while players are being made.
const AT_ONCE: usize = 8;

/// A player who is logged in.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) device: String,
    pub(crate) id: String,
    token: String,
    /// Unix seconds.
    issued: u64,
    expires: u64,
}

impl User {
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        let (device, id) = ("device".to_owned(), "id".to_owned());
        Self { device, id, token: "token".to_owned(), issued: 0, expires: u64::MAX }
    }

    /// Whether less than half of the token's life is left.
    fn stale(&self, now: u64) -> bool {
        now > self.issued.midpoint(self.expires)
    }
}

/// All players of one target.
#[derive(Default)]
pub(crate) struct Users {
    known: RefCell<Vec<Rc<User>>>,
}

impl Users {
    /// The first `count` players, with tokens that have at least half of their life before them.
    pub(crate) async fn first(&self, target: &Rc<Target>, count: usize) -> Result<Vec<Rc<User>>> {
        let now = unix_now();
        let known = self.known.borrow().len();
        let wanted: Vec<usize> =
            (0..count).filter(|&i| i >= known || self.known.borrow()[i].stale(now)).collect();
        let fresh = {
            let (wanted, target) = (Rc::new(wanted.clone()), Rc::clone(target));
            gather(wanted.len(), AT_ONCE, move |k| {
                let (device, target) = (target.device("user", wanted[k]), Rc::clone(&target));
                async move { log_in(&target, device).await }
            })
            .await
            .context("log the players in")?
        };
        let mut known = self.known.borrow_mut();
        for (index, user) in wanted.into_iter().zip(fresh) {
            match known.get_mut(index) {
                Some(slot) => *slot = Rc::new(user),
                None => known.push(Rc::new(user)),
            }
        }
        Ok(known[..count].to_vec())
    }
}

/// The request by which a device logs in, and registers if it is new.
pub(crate) fn log_in_request(target: &Target, device: &str) -> Vec<u8> {
    let path = "/v2/account/authenticate/device?create=true";
    let body = format!("{{\"id\":\"{device}\"}}");
    request("POST", path, target.addr, Some(&target.server_auth()), Some(&body))
}

async fn log_in(target: &Target, device: String) -> Result<User> {
    let mut http = Http::open(target.addr).await?;
    let answer = http.expect_ok(&log_in_request(target, &device)).await?;
    session(device, answer).context("the answer to the log-in is not a session")
}

fn session(device: String, answer: &[u8]) -> Option<User> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let token = answer.get("token")?.as_str()?.to_owned();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some(User {
        device,
        id: claims.get("uid")?.as_str()?.to_owned(),
        issued: unix_now(),
        expires: claims.get("exp")?.as_u64()?,
        token,
    })
}

/// Unix seconds.
pub(crate) fn unix_now() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_REALTIME);
    now.ok().and_then(|now| u64::try_from(now.tv_sec()).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_read_from_the_answer() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"uid":"u-1","usn":"n","exp":99999999999}"#);
        let answer = format!(r#"{{"created":true,"token":"head.{claims}.sig"}}"#);
        let user = session("dev".into(), answer.as_bytes()).unwrap();
        assert_eq!((user.id.as_str(), user.device.as_str()), ("u-1", "dev"));
        assert_eq!(user.bearer(), format!("Bearer head.{claims}.sig"));
        assert!(session("dev".into(), br#"{"token":"garbage"}"#).is_none());
    }

    #[test]
    fn tokens_are_renewed_at_half_of_their_life() {
        let user = User { issued: 1_000, expires: 1_060, ..User::for_tests() };
        assert!(!user.stale(1_030));
        assert!(user.stale(1_031));
    }
}
