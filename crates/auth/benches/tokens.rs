//! What one call pays for knowing who its caller is.

use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use tavern_auth::{
    AuthMeters, SessionConfig, Sessions, TokenKind, Tokens, Vars, generate_secret, log_in_id,
};
use tavern_domain::{Clock, OsEntropy, Secret, SystemClock, UserId};
use tavern_storage::RevocationScope;
use uuid::Uuid;

const USER: UserId = UserId(Uuid::from_u128(7));

fn config() -> SessionConfig {
    SessionConfig {
        encryption_key: generate_secret(&OsEntropy),
        refresh_encryption_key: generate_secret(&OsEntropy),
        ..SessionConfig::default()
    }
}

fn tokens(c: &mut Criterion) {
    let now = SystemClock.now();
    let one = Tokens::from_config(&config()).expect("good keys");
    let id = log_in_id(now, &OsEntropy);
    let some = Vars::from([("device".into(), "phone".into()), ("build".into(), "1.2.3".into())]);
    for (name, vars) in [("bare", &Vars::new()), ("two_vars", &some)] {
        c.bench_function(&format!("issue/{name}"), |b| {
            b.iter(|| one.issue(id, USER, "RgTbWQmPzA", black_box(vars), now));
        });
        let pair = one.issue(id, USER, "RgTbWQmPzA", vars, now).expect("small enough");
        c.bench_function(&format!("verify/{name}"), |b| {
            b.iter(|| one.verify(TokenKind::Session, black_box(&pair.token), now));
        });
        let mut forged = pair.token;
        forged.truncate(forged.len() - 4);
        forged.push_str("AAAA");
        c.bench_function(&format!("refuse/{name}"), |b| {
            b.iter(|| one.verify(TokenKind::Session, black_box(&forged), now));
        });
    }
    let previous = vec![Secret::new("an older key"), Secret::new("an even older key")];
    let three = SessionConfig { previous_encryption_keys: previous, ..config() };
    let three = Tokens::from_config(&three).expect("good keys");
    let pair = three.issue(id, USER, "RgTbWQmPzA", &Vars::new(), now).expect("small enough");
    c.bench_function("verify/three_keys", |b| {
        b.iter(|| three.verify(TokenKind::Session, black_box(&pair.token), now));
    });
}

fn revocation(c: &mut Criterion) {
    let store = tavern_storage::memory::storage().revocations;
    let meters = AuthMeters::default();
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(OsEntropy));
    let sessions = Sessions::new(&config(), store, clock, entropy, &meters).expect("good keys");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let pair = runtime.block_on(sessions.start(USER, "RgTbWQmPzA", &Vars::new())).expect("starts");
    for (name, entries) in [("none", 0), ("100k", 100_000)] {
        let now = SystemClock.now();
        let made: Vec<_> = (0..entries)
            .map(|i| tavern_storage::Revocation {
                user: UserId(Uuid::from_u128(1000 + i)),
                scope: if i % 2 == 0 {
                    RevocationScope::All
                } else {
                    RevocationScope::Session(log_in_id(now, &OsEntropy))
                },
                at: now,
                expires: now.plus_seconds(3600),
            })
            .collect();
        sessions.apply(&made);
        c.bench_function(&format!("goes_on/{name}"), |b| {
            b.iter(|| sessions.goes_on(black_box(&pair.claims)));
        });
        c.bench_function(&format!("authenticate/{name}"), |b| {
            b.iter(|| sessions.authenticate(black_box(&pair.token)));
        });
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    tokens(&mut criterion);
    revocation(&mut criterion);
    criterion.final_summary();
}
