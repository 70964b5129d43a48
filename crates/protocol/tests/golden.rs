//! What clients see, letter by letter.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use bytes::Bytes;
use tavern_protocol::realtime::{
    Channel, ChannelMessageAck, Envelope, Error, Match, MatchData, MatchPresenceEvent, Party,
    StatusPresenceEvent, UserPresence, envelope,
};
use tavern_protocol::wkt::Timestamp;
use tavern_protocol::{Format, Outgoing, RtId, Wire, api, encode_envelope, realtime};

fn json(message: &impl Wire) -> String {
    String::from_utf8(message.to_json()).unwrap()
}

fn presence(name: &str) -> UserPresence {
    UserPresence {
        user_id: format!("user-{name}"),
        session_id: format!("session-{name}"),
        username: name.to_owned(),
        ..Default::default()
    }
}

#[test]
fn account() {
    let account = api::Account {
        user: Some(api::User {
            id: "4c2ae592-b2a7-445e-98ec-697694478b1c".into(),
            username: "fox".into(),
            display_name: "The \"fox\"".into(),
            lang_tag: "en".into(),
            metadata: r#"{"a": 1}"#.into(),
            online: true,
            edge_count: 2,
            create_time: Some(Timestamp::from_seconds(1_700_000_000)),
            update_time: Some(Timestamp { seconds: 1_700_000_000, nanos: 250_000_000 }),
            ..Default::default()
        }),
        wallet: "{}".into(),
        devices: vec![api::AccountDevice { id: "device-0001".into(), ..Default::default() }],
        ..Default::default()
    };
    let wanted = concat!(
        r#"{"user":{"id":"4c2ae592-b2a7-445e-98ec-697694478b1c","username":"fox","#,
        r#""display_name":"The \"fox\"","lang_tag":"en","metadata":"{\"a\": 1}","online":true,"#,
        r#""edge_count":2,"create_time":"2023-11-14T22:13:20Z","#,
        r#""update_time":"2023-11-14T22:13:20.250Z"},"wallet":"{}","devices":[{"id":"device-0001"}]}"#,
    );
    assert_eq!(json(&account), wanted);
}

#[test]
fn session() {
    let session = api::Session { created: false, token: "t".into(), refresh_token: "r".into() };
    assert_eq!(json(&session), r#"{"token":"t","refresh_token":"r"}"#);
}

#[test]
fn record() {
    let record = api::LeaderboardRecord {
        leaderboard_id: "weekly".into(),
        owner_id: "o".into(),
        username: Some("fox".into()),
        score: 9_007_199_254_740_993,
        num_score: 1,
        max_num_score: 1_000_000,
        rank: 3,
        ..Default::default()
    };
    let wanted = concat!(
        r#"{"leaderboard_id":"weekly","owner_id":"o","username":"fox","#,
        r#""score":"9007199254740993","num_score":1,"rank":"3","max_num_score":1000000}"#,
    );
    assert_eq!(json(&record), wanted);
}

#[test]
fn channel_messages() {
    let ack = Envelope::reply(
        "3",
        ChannelMessageAck {
            channel_id: "2...room".into(),
            message_id: "m1".into(),
            code: Some(0),
            username: "fox".into(),
            create_time: Some(Timestamp { seconds: 1_700_000_000, nanos: 123_456_789 }),
            update_time: Some(Timestamp { seconds: 1_700_000_000, nanos: 123_456_789 }),
            persistent: Some(true),
            room_name: "room".into(),
            ..Default::default()
        },
    );
    let wanted = concat!(
        r#"{"cid":"3","channel_message_ack":{"channel_id":"2...room","message_id":"m1","code":0,"#,
        r#""username":"fox","create_time":"2023-11-14T22:13:20.123456789Z","#,
        r#""update_time":"2023-11-14T22:13:20.123456789Z","persistent":true,"room_name":"room"}}"#,
    );
    assert_eq!(json(&ack), wanted);

    let message = Envelope::push(api::ChannelMessage {
        channel_id: "2...room".into(),
        message_id: "m1".into(),
        code: Some(0),
        sender_id: "u1".into(),
        username: "fox".into(),
        content: r#"{"text": "hi"}"#.into(),
        persistent: Some(false),
        room_name: "room".into(),
        ..Default::default()
    });
    let wanted = concat!(
        r#"{"channel_message":{"channel_id":"2...room","message_id":"m1","code":0,"sender_id":"u1","#,
        r#""username":"fox","content":"{\"text\": \"hi\"}","persistent":false,"room_name":"room"}}"#,
    );
    assert_eq!(json(&message), wanted);

    let channel = Envelope::reply(
        "1",
        Channel {
            id: "2...room".into(),
            presences: vec![presence("owl")],
            self_: Some(UserPresence { persistence: true, ..presence("fox") }),
            room_name: "room".into(),
            ..Default::default()
        },
    );
    let wanted = concat!(
        r#"{"cid":"1","channel":{"id":"2...room","presences":[{"user_id":"user-owl","#,
        r#""session_id":"session-owl","username":"owl"}],"self":{"user_id":"user-fox","#,
        r#""session_id":"session-fox","username":"fox","persistence":true},"room_name":"room"}}"#,
    );
    assert_eq!(json(&channel), wanted);
}

#[test]
fn matches() {
    let answer = Envelope::reply(
        "2",
        Match {
            match_id: "m.".into(),
            size: 1,
            self_: Some(presence("fox")),
            label: Some(String::new()),
            ..Default::default()
        },
    );
    let wanted = concat!(
        r#"{"cid":"2","match":{"match_id":"m.","label":"","size":1,"self":{"user_id":"user-fox","#,
        r#""session_id":"session-fox","username":"fox"}}}"#,
    );
    assert_eq!(json(&answer), wanted);

    let data = Envelope::push(MatchData {
        match_id: "m.".into(),
        presence: Some(presence("fox")),
        op_code: 42,
        data: Bytes::from_static(b"hello"),
        reliable: false,
    });
    let wanted = concat!(
        r#"{"match_data":{"match_id":"m.","presence":{"user_id":"user-fox","#,
        r#""session_id":"session-fox","username":"fox"},"op_code":"42","data":"aGVsbG8="}}"#,
    );
    assert_eq!(json(&data), wanted);

    let event = Envelope::push(MatchPresenceEvent {
        match_id: "m.".into(),
        joins: Vec::new(),
        leaves: vec![presence("fox")],
    });
    let wanted = concat!(
        r#"{"match_presence_event":{"match_id":"m.","leaves":[{"user_id":"user-fox","#,
        r#""session_id":"session-fox","username":"fox"}]}}"#,
    );
    assert_eq!(json(&event), wanted);
}

#[test]
fn small_envelopes() {
    let error = Error { code: 0, message: "no".into(), context: [("k".into(), "v".into())].into() };
    let wanted = r#"{"cid":"9","error":{"message":"no","context":{"k":"v"}}}"#;
    assert_eq!(json(&Envelope::reply("9", error)), wanted);
    let event = StatusPresenceEvent {
        joins: vec![UserPresence { status: Some(String::new()), ..presence("fox") }],
        leaves: Vec::new(),
    };
    let wanted = concat!(
        r#"{"status_presence_event":{"joins":[{"user_id":"user-fox","session_id":"session-fox","#,
        r#""username":"fox","status":""}]}}"#,
    );
    assert_eq!(json(&Envelope::push(event)), wanted);
    assert_eq!(json(&Envelope::push(Party::default())), r#"{"party":{}}"#);
}

#[test]
fn binary() {
    let data = Envelope::reply(
        "1",
        MatchData { match_id: "m.".into(), op_code: -1, reliable: true, ..Default::default() },
    );
    let wanted = [
        b"\x0a\x011\x72\x11".as_slice(),
        b"\x0a\x02m.",
        b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x28\x01",
    ]
    .concat();
    assert_eq!(encode_envelope(&data, Format::Binary), wanted);
}

#[test]
fn an_envelope_is_encoded_once_per_format() {
    let out = Arc::new(Outgoing::new(Envelope::push(MatchData {
        match_id: "m.".into(),
        data: vec![1; 100].into(),
        ..Default::default()
    })));
    let first = out.json().clone();
    let others: Vec<Bytes> = std::thread::scope(|scope| {
        let runs: Vec<_> =
            (0..4).map(|_| scope.spawn(|| out.encoded(Format::Json).clone())).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(others.iter().all(|bytes| bytes.as_ptr() == first.as_ptr()), "the same bytes");
    assert_eq!(out.binary().as_ptr(), out.encoded(Format::Binary).as_ptr());
    assert_eq!(out.binary(), &encode_envelope(out.envelope(), Format::Binary));
    assert!(std::str::from_utf8(out.json()).is_ok());
}

#[test]
fn only_unreliable_data_may_be_dropped() {
    let data =
        |reliable| Outgoing::from(Envelope::push(MatchData { reliable, ..Default::default() }));
    assert!(data(false).may_drop() && !data(true).may_drop());
    let stream = |reliable| {
        Outgoing::from(Envelope::push(realtime::StreamData { reliable, ..Default::default() }))
    };
    assert!(stream(false).may_drop() && !stream(true).may_drop());
    assert!(!Outgoing::from(Envelope::push(realtime::PartyData::default())).may_drop());
    assert!(!Outgoing::from(Envelope::ack("1")).may_drop());
}

#[test]
fn what_a_client_may_send() {
    assert_eq!(RtId::ALL.len(), 29);
    for id in RtId::ALL {
        assert_eq!(RtId::from_name(id.name()), Some(id));
        let text = format!("{{\"{}\":{{}}}}", id.name());
        let envelope =
            Envelope::read_json(text.as_bytes(), tavern_protocol::Unknown::Reject).unwrap();
        assert_eq!(envelope.rt_id(), Some(id), "{text}");
        assert_eq!(envelope.message.unwrap().name(), id.name());
    }
    assert_eq!(Envelope::push(realtime::Pong {}).rt_id(), Some(RtId::Pong));
    assert_eq!(Envelope::push(Match::default()).rt_id(), None, "only the server sends it");
    assert_eq!(Envelope::ack("1").rt_id(), None);
    assert_eq!(RtId::from_name("match"), None);
    assert_eq!(envelope::Message::from(Match::default()).name(), "match");
}

#[test]
fn formats_by_the_name_in_the_query() {
    assert_eq!(Format::from_param(""), Some(Format::Json));
    assert_eq!(Format::from_param("json"), Some(Format::Json));
    assert_eq!(Format::from_param("protobuf"), Some(Format::Binary));
    assert_eq!(Format::from_param("JSON"), None);
}
