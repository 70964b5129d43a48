//! What it costs to encode and decode what the server sees most.

#![expect(missing_docs, reason = "the macros of criterion make what has none")]

use std::collections::BTreeMap;
use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use prost::Message as _;
use tavern_protocol::realtime::{Envelope, MatchData, MatchDataSend, UserPresence};
use tavern_protocol::{
    Format, Unknown, Wire, api, decode_envelope, encode_envelope, routes, wkt::Timestamp,
};

fn account() -> api::Account {
    api::Account {
        user: Some(api::User {
            id: "4c2ae592-b2a7-445e-98ec-697694478b1c".into(),
            username: "quick.fox".into(),
            display_name: "The \"quick\" fox".into(),
            lang_tag: "en".into(),
            metadata: r#"{"level": 12, "title": "Knight of the round table"}"#.into(),
            edge_count: 17,
            create_time: Some(Timestamp::from_seconds(1_700_000_000)),
            update_time: Some(Timestamp::from_seconds(1_700_100_000)),
            ..Default::default()
        }),
        wallet: r#"{"gems": 10, "coins": 12345}"#.into(),
        email: "fox@example.org".into(),
        devices: vec![api::AccountDevice {
            id: "b9f1c6a2-61a5-4a8e-9a4e-0d0b9c2f0d1e".into(),
            vars: BTreeMap::new(),
        }],
        custom_id: "fox-0001".into(),
        ..Default::default()
    }
}

fn match_data() -> Envelope {
    Envelope::push(MatchData {
        match_id: "b0b7ce2a-71a2-4f7e-bc0f-6b2b4f1b7a3d.".into(),
        presence: Some(UserPresence {
            user_id: "4c2ae592-b2a7-445e-98ec-697694478b1c".into(),
            session_id: "f9f3ac0e-8b5e-11ee-b9d1-0242ac120002".into(),
            username: "quick.fox".into(),
            ..Default::default()
        }),
        op_code: 7,
        data: Bytes::from_static(&[42; 96]),
        reliable: true,
    })
}

fn match_data_send() -> Envelope {
    Envelope::push(MatchDataSend {
        match_id: "b0b7ce2a-71a2-4f7e-bc0f-6b2b4f1b7a3d.".into(),
        op_code: 7,
        data: Bytes::from_static(&[42; 96]),
        presences: Vec::new(),
        reliable: true,
    })
}

fn messages(c: &mut Criterion) {
    let mut group = c.benchmark_group("account");
    let account = account();
    let (json, binary) = (account.to_json(), account.encode_to_vec());
    group.throughput(Throughput::Bytes(json.len() as u64));
    group.bench_function("json_encode", |b| b.iter(|| black_box(&account).to_json()));
    group.bench_function("json_decode", |b| {
        b.iter(|| api::Account::read_json(black_box(&json), Unknown::Ignore))
    });
    group.throughput(Throughput::Bytes(binary.len() as u64));
    group.bench_function("binary_encode", |b| b.iter(|| black_box(&account).encode_to_vec()));
    group.bench_function("binary_decode", |b| {
        b.iter(|| api::Account::decode(black_box(binary.as_slice())))
    });
    group.finish();
}

fn envelopes(c: &mut Criterion) {
    for (name, format) in [("json", Format::Json), ("binary", Format::Binary)] {
        let mut group = c.benchmark_group("envelope");
        let out = match_data();
        let bytes = encode_envelope(&out, format);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("match_data_encode_{name}"), |b| {
            b.iter(|| encode_envelope(black_box(&out), format))
        });
        let bytes = encode_envelope(&match_data_send(), format);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("match_data_send_decode_{name}"), |b| {
            b.iter(|| decode_envelope(black_box(bytes.clone()), format))
        });
        group.finish();
    }
}

fn paths(c: &mut Criterion) {
    let mut group = c.benchmark_group("routes");
    group.bench_function("static", |b| {
        b.iter(|| routes::find(black_box("GET"), black_box("/v2/account")))
    });
    group.bench_function("params", |b| {
        let path = "/v2/leaderboard/weekly/owner/4c2ae592-b2a7-445e-98ec-697694478b1c";
        b.iter(|| routes::find(black_box("GET"), black_box(path)))
    });
    group.finish();
}

criterion_group!(benches, messages, envelopes, paths);
criterion_main!(benches);
