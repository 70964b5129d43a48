//! Clients of the scenarios about what is kept: storage objects and leaderboards.

use anyhow::Result;
use serde_json::json;

use crate::http::{Http, request};
use crate::prepared::{bearer, prepared_client};
use crate::requests::Client;
use crate::scenario::Ctx;
use crate::users::unix_now;

/// Where the objects are.
const COLLECTION: &str = "bench";
/// Objects that one operation lists.
const LISTED: usize = 10;

/// The request that writes one object, with a value of the wanted size.
fn write_object(ctx: &Ctx, auth: &str, key: &str) -> Vec<u8> {
    let value = json!({ "x": "x".repeat(ctx.payload.saturating_sub(8)) }).to_string();
    let object = json!({ "collection": COLLECTION, "key": key, "value": value });
    let body = json!({ "objects": [object] }).to_string();
    request("PUT", "/v2/storage", ctx.target.addr, Some(auth), Some(&body))
}

/// Makes the objects that are read later.
async fn make_objects(ctx: &Ctx, auth: &str, count: usize) -> Result<()> {
    let mut http = Http::open(ctx.target.addr).await?;
    for number in 0..count {
        http.expect_ok(&write_object(ctx, auth, &format!("kept-{number}"))).await?;
    }
    Ok(())
}

prepared_client!(StorageWrite, 1, |ctx, index| {
    let auth = bearer(ctx, index).await?;
    vec![write_object(ctx, &auth, "written")]
});

prepared_client!(StorageRead, 1, |ctx, index| {
    let auth = bearer(ctx, index).await?;
    make_objects(ctx, &auth, 1).await?;
    let id =
        json!({ "collection": COLLECTION, "key": "kept-0", "user_id": own_id(ctx, index).await? });
    let body = json!({ "object_ids": [id] }).to_string();
    vec![request("POST", "/v2/storage", ctx.target.addr, Some(&auth), Some(&body))]
});

prepared_client!(StorageList, 1, |ctx, index| {
    let auth = bearer(ctx, index).await?;
    make_objects(ctx, &auth, LISTED).await?;
    let id = own_id(ctx, index).await?;
    let path = format!("/v2/storage/{COLLECTION}/{id}?limit={LISTED}");
    vec![request("GET", &path, ctx.target.addr, Some(&auth), None)]
});

prepared_client!(BoardList, 1, |ctx, index| {
    let auth = bearer(ctx, index).await?;
    let mut http = Http::open(ctx.target.addr).await?;
    http.expect_ok(&write_score(ctx, &auth, 1)).await?;
    let path = format!("/v2/leaderboard/{}?limit=10", ctx.target.keys.board);
    vec![request("GET", &path, ctx.target.addr, Some(&auth), None)]
});

async fn own_id(ctx: &Ctx, index: usize) -> Result<String> {
    let users = ctx.target.users.first(&ctx.target, index + 1).await?;
    Ok(users[index].id.clone())
}

fn write_score(ctx: &Ctx, auth: &str, score: u64) -> Vec<u8> {
    let path = format!("/v2/leaderboard/{}", ctx.target.keys.board);
    let body = json!({ "score": score.to_string() }).to_string();
    request("POST", &path, ctx.target.addr, Some(auth), Some(&body))
}

/// Every operation brings a score that is better than all before it.
pub(crate) struct BoardWrite {
    http: Http,
    auth: String,
    ctx: Ctx,
}

impl Client for BoardWrite {
    async fn open(ctx: &Ctx, index: usize) -> Result<Self> {
        let auth = bearer(ctx, index).await?;
        Ok(Self { http: Http::open(ctx.target.addr).await?, auth, ctx: ctx.clone() })
    }

    async fn once(&mut self) -> Result<()> {
        let counter = &self.ctx.counter;
        let number = counter.replace(counter.get() + 1);
        // Better than those of earlier runs, too.
        let score = unix_now() * 1_000_000 + number as u64;
        self.http.expect_ok(&write_score(&self.ctx, &self.auth, score)).await?;
        Ok(())
    }

    async fn close(self) -> Result<()> {
        Ok(())
    }
}
