//! Clients that send requests made beforehand.

use anyhow::Result;

use crate::http::Http;
use crate::scenario::Ctx;

/// A connection that sends requests made beforehand, in turn.
pub(crate) struct Prepared {
    http: Http,
    requests: Vec<Vec<u8>>,
    next: usize,
}

impl Prepared {
    pub(crate) async fn open(ctx: &Ctx, requests: Vec<Vec<u8>>) -> Result<Self> {
        Ok(Self { http: Http::open(ctx.target.addr).await?, requests, next: 0 })
    }

    pub(crate) async fn once(&mut self) -> Result<()> {
        let request = &self.requests[self.next];
        self.next = (self.next + 1) % self.requests.len();
        self.http.expect_ok(request).await?;
        Ok(())
    }
}

/// The `Authorization` of the worker's own player.
pub(crate) async fn bearer(ctx: &Ctx, index: usize) -> Result<String> {
    let users = ctx.target.users.first(&ctx.target, index + 1).await?;
    Ok(users[index].bearer())
}

/// A client of `$users` players of its own that sends the same requests again and again.
macro_rules! prepared_client {
    ($name:ident, $users:expr, |$ctx:ident, $index:ident| $requests:expr) => {
        pub(crate) struct $name($crate::prepared::Prepared);

        impl $crate::requests::Client for $name {
            const USERS: usize = $users;

            async fn open($ctx: &$crate::scenario::Ctx, $index: usize) -> anyhow::Result<Self> {
                let requests = $requests;
                Ok(Self($crate::prepared::Prepared::open($ctx, requests).await?))
            }
            async fn once(&mut self) -> anyhow::Result<()> {
                self.0.once().await
            }
            async fn close(self) -> anyhow::Result<()> {
                Ok(())
            }
        }
    };
}

pub(crate) use prepared_client;
