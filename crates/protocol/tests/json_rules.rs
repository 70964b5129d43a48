//! The rules of the JSON mapping, one by one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use bytes::Bytes;
use tavern_domain::{Classify, ErrorCode};
use tavern_protocol::realtime::{Envelope, MatchDataSend, MatchJoin, envelope, match_join};
use tavern_protocol::wkt::Timestamp;
use tavern_protocol::{
    Format, MAX_DEPTH, Unit, Unknown, Wire, api, decode_envelope, encode_envelope, realtime,
};

fn ignore<M: Wire>(json: &str) -> Option<M> {
    M::read_json(json.as_bytes(), Unknown::Ignore).ok()
}

fn reject<M: Wire>(json: &str) -> Option<M> {
    M::read_json(json.as_bytes(), Unknown::Reject).ok()
}

/// The same in both modes.
fn read<M: Wire>(json: &str) -> Option<M> {
    let read = ignore(json);
    assert_eq!(read, reject(json), "{json}");
    read
}

fn written(message: &impl Wire) -> String {
    String::from_utf8(message.to_json()).unwrap()
}

#[test]
fn int64_comes_as_text_or_number() {
    type Write = api::write_leaderboard_record_request::LeaderboardRecordWrite;
    let score = |value: &str| read::<Write>(&format!("{{\"score\":{value}}}")).map(|w| w.score);
    for (value, wanted) in [
        ("5", 5),
        ("\"5\"", 5),
        ("5.0", 5),
        ("\"5.0\"", 5),
        ("1e3", 1000),
        ("\"1e3\"", 1000),
        ("\"1E+3\"", 1000),
        ("50e-1", 5),
        ("\"50e-1\"", 5),
        ("-0", 0),
        ("\"-0\"", 0),
        ("null", 0),
        ("0e99999999999999999999", 0),
        ("\"0e99999999999999999999\"", 0),
        ("-7", -7),
        ("9223372036854775807", i64::MAX),
        ("\"9223372036854775807\"", i64::MAX),
        ("-9223372036854775808", i64::MIN),
        ("\"-9223372036854775808\"", i64::MIN),
        ("1e18", 1_000_000_000_000_000_000),
        ("\"9007199254740993.0\"", 9_007_199_254_740_993),
        ("\"0.00009007199254740993e20\"", 9_007_199_254_740_993),
    ] {
        assert_eq!(score(value), Some(wanted), "{value}");
    }
    for value in [
        "5.5",
        "\"5.5\"",
        "\" 5\"",
        "\"5 \"",
        "\"+5\"",
        "\"05\"",
        "\"\"",
        "true",
        "[]",
        "{}",
        "5e-1",
        "\"5e-1\"",
        "9223372036854775808",
        "\"9223372036854775808\"",
        "1e19",
        "1e400",
        "\"1e400\"",
        "\"0x5\"",
        "\"NaN\"",
        "\"5.\"",
        "\".5\"",
        "\"5e\"",
        "\"-\"",
        "05",
        "+5",
        "\"1e99999999999999999999\"",
    ] {
        assert_eq!(score(value), None, "{value}");
    }
}

#[test]
fn int32_and_uint32_keep_their_range() {
    let code =
        |value: &str| read::<realtime::Error>(&format!("{{\"code\":{value}}}")).map(|e| e.code);
    for (value, wanted) in
        [("2", 2), ("\"2\"", 2), ("-1", -1), ("2147483647", i32::MAX), ("2.0", 2), ("\"2e1\"", 20)]
    {
        assert_eq!(code(value), Some(wanted), "{value}");
    }
    for value in ["2147483648", "\"2147483648\"", "1.5", "false", "\"two\"", "{\"value\":1}"] {
        assert_eq!(code(value), None, "{value}");
    }
    let size =
        |value: &str| read::<api::Tournament>(&format!("{{\"size\":{value}}}")).map(|t| t.size);
    assert_eq!(size("4294967295"), Some(u32::MAX));
    assert_eq!(size("\"4294967295\""), Some(u32::MAX));
    assert_eq!((size("-1"), size("4294967296")), (None, None));
}

#[test]
fn doubles_come_as_text_or_number() {
    let number = |value: &str| {
        let json = format!("{{\"numeric_properties\":{{\"x\":{value}}}}}");
        read::<realtime::MatchmakerAdd>(&json).map(|m| m.numeric_properties["x"])
    };
    for (value, wanted) in [
        ("1.5", 1.5),
        ("\"1.5\"", 1.5),
        ("1", 1.0),
        ("-1e-7", -1e-7),
        ("\"1e3\"", 1000.0),
        ("\"Infinity\"", f64::INFINITY),
        ("\"-Infinity\"", f64::NEG_INFINITY),
        ("0.1", 0.1),
        ("2.2250738585072014e-308", f64::MIN_POSITIVE),
        ("1e400", f64::NAN),
    ] {
        match number(value) {
            Some(n) => assert_eq!(n, wanted, "{value}"),
            None => assert!(wanted.is_nan(), "{value}"),
        }
    }
    let nan = ignore::<realtime::MatchmakerAdd>(r#"{"numericProperties":{"x":"NaN"}}"#).unwrap();
    assert!(nan.numeric_properties["x"].is_nan());
    for value in ["\"\"", "\" 1\"", "\"inf\"", "\"nan\"", "\"1e400\"", "true", "\"0x1\"", "null"] {
        assert_eq!(number(value), None, "{value}");
    }
}

#[test]
fn doubles_are_written_the_way_of_javascript() {
    let mut add = realtime::MatchmakerAdd::default();
    for (value, wanted) in [
        (1.0, "1"),
        (-0.5, "-0.5"),
        (0.1, "0.1"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (1e-6, "0.000001"),
        (1.25e-7, "1.25e-7"),
        (0.0, "0"),
        (f64::NAN, "\"NaN\""),
        (f64::INFINITY, "\"Infinity\""),
        (f64::NEG_INFINITY, "\"-Infinity\""),
    ] {
        add.numeric_properties.insert("x".into(), value);
        assert_eq!(written(&add), format!("{{\"numeric_properties\":{{\"x\":{wanted}}}}}"));
    }
}

#[test]
fn wrappers_are_plain_values() {
    let friend = api::Friend { state: Some(0), ..Default::default() };
    assert_eq!(written(&friend), r#"{"state":0}"#);
    let group = api::Group { open: Some(false), ..Default::default() };
    assert_eq!(written(&group), r#"{"open":false}"#);
    let update = realtime::StatusUpdate { status: Some(String::new()) };
    assert_eq!(written(&update), r#"{"status":""}"#);
    let expiry = api::ListLeaderboardRecordsRequest { expiry: Some(0), ..Default::default() };
    assert_eq!(written(&expiry), r#"{"expiry":"0"}"#);
    assert_eq!(written(&api::Friend::default()), "{}");

    assert_eq!(read::<api::Friend>(r#"{"state":"0"}"#).unwrap().state, Some(0));
    assert_eq!(read::<api::Friend>(r#"{"state":null}"#).unwrap().state, None);
    assert_eq!(read::<realtime::StatusUpdate>(r#"{"status":""}"#), Some(update));
    for json in [r#"{"state":{"value":1}}"#, r#"{"state":{}}"#, r#"{"state":true}"#] {
        assert_eq!(read::<api::Friend>(json), None, "{json}");
    }
    assert_eq!(read::<realtime::StatusUpdate>(r#"{"status":{"value":"a"}}"#), None);
    assert_eq!(read::<api::Group>(r#"{"open":"true"}"#), None);
    assert_eq!(read::<api::Group>(r#"{"open":1}"#), None);
}

#[test]
fn null_is_unset_for_fields_but_not_for_items() {
    let null = r#"{"user":null,"wallet":null,"devices":null,"custom_id":null,"verifyTime":null}"#;
    assert_eq!(read::<api::Account>(null), Some(api::Account::default()));
    let null = r#"{"op_code":null,"data":null,"reliable":null,"presences":null}"#;
    assert_eq!(read::<MatchDataSend>(null), Some(MatchDataSend::default()));
    assert_eq!(read::<api::AccountCustom>(r#"{"vars":null}"#), Some(Default::default()));
    assert_eq!(read::<api::Leaderboard>(r#"{"operator":null}"#), Some(Default::default()));
    assert_eq!(read::<api::AccountCustom>(r#"{"vars":{"a":null}}"#), None);
    assert_eq!(read::<api::Account>(r#"{"devices":[null]}"#), None);
    assert_eq!(read::<api::GetUsersRequest>(r#"{"ids":["a",null]}"#), None);
    for top in ["null", "[]", "[{}]", "\"{}\"", "1", "true", "", "   "] {
        assert_eq!(read::<api::Account>(top), None, "{top:?}");
        assert_eq!(read::<Unit>(top), None, "{top:?}");
    }
}

#[test]
fn names_are_snake_or_camel() {
    assert_eq!(read::<api::Account>(r#"{"custom_id":"a"}"#).unwrap().custom_id, "a");
    assert_eq!(read::<api::Account>(r#"{"customId":"a"}"#).unwrap().custom_id, "a");
    assert_eq!(read::<api::Account>("{\"custom\\u0049d\":\"a\"}").unwrap().custom_id, "a");
    for json in [r#"{"CustomId":"a"}"#, r#"{"custom-id":"a"}"#, r#"{"customid":"a"}"#] {
        assert_eq!(ignore::<api::Account>(json), Some(Default::default()), "{json}");
        assert_eq!(reject::<api::Account>(json), None, "{json}");
    }
}

#[test]
fn unknown_fields_and_words() {
    let json = r#"{"id":"x","later":{"a":[1,"\u00e4",true,null,{"b":2.5}]},"vars":{"k":"v"}}"#;
    let account: api::AccountCustom = ignore(json).unwrap();
    assert_eq!((account.id.as_str(), account.vars["k"].as_str()), ("x", "v"));
    assert_eq!(reject::<api::AccountCustom>(json), None);

    let operator = |mode: Unknown, value: &str| {
        let json = format!("{{\"operator\":{value}}}");
        api::Leaderboard::read_json(json.as_bytes(), mode).ok().map(|l| l.operator)
    };
    for mode in [Unknown::Ignore, Unknown::Reject] {
        assert_eq!(operator(mode, "1"), Some(1));
        assert_eq!(operator(mode, "1.0"), Some(1));
        assert_eq!(operator(mode, "\"BEST\""), Some(1));
        assert_eq!(operator(mode, "99"), Some(99), "enums are open");
        assert_eq!(operator(mode, "-1"), Some(-1));
        for wrong in ["1.5", "true", "99999999999", "[]", "{}"] {
            assert_eq!(operator(mode, wrong), None, "{wrong}");
        }
    }
    for word in ["\"NOPE\"", "\"best\"", "\"1\"", "\"\""] {
        assert_eq!(operator(Unknown::Ignore, word), Some(0), "{word}");
        assert_eq!(operator(Unknown::Reject, word), None, "{word}");
    }
}

#[test]
fn nothing_is_given_twice() {
    assert_eq!(read::<api::AccountCustom>(r#"{"id":"a","id":"a"}"#), None);
    assert_eq!(read::<api::Account>(r#"{"custom_id":"a","customId":"a"}"#), None);
    assert_eq!(read::<api::Account>(r#"{"custom_id":null,"customId":"a"}"#), None);
    assert_eq!(read::<api::AccountCustom>(r#"{"vars":{"a":"1","a":"1"}}"#), None);
    assert_eq!(read::<MatchJoin>(r#"{"match_id":"a","token":"b"}"#), None);
    assert_eq!(read::<Envelope>(r#"{"ping":{},"pong":{}}"#), None);
    let token = Some(match_join::Id::Token(String::new()));
    let read: MatchJoin = read(r#"{"match_id":null,"token":""}"#).unwrap();
    assert_eq!(read.id, token, "an empty member is a member, null is none");
    assert_eq!(written(&read), r#"{"token":""}"#);
}

#[test]
fn base64_in_either_alphabet() {
    let data =
        |text: &str| read::<MatchDataSend>(&format!("{{\"data\":\"{text}\"}}")).map(|m| m.data);
    let bytes = Some(Bytes::from_static(&[0xfb, 0xff, 0xbf, 0x01]));
    for text in ["+/+/AQ==", "+/+/AQ", "-_-_AQ==", "-_-_AQ", "-_-_AQ="] {
        assert_eq!(data(text), bytes, "{text}");
    }
    assert_eq!(data(""), Some(Bytes::new()));
    assert_eq!(data("QUI="), Some(Bytes::from_static(b"AB")));
    for text in ["A", "A===", "+_AA", "Q U", "QUI=x", "ä"] {
        assert_eq!(data(text), None, "{text}");
    }
    assert_eq!(read::<MatchDataSend>(r#"{"data":[1,2]}"#), None);
    for length in 0..10 {
        let message = MatchDataSend { data: vec![0xfe; length].into(), ..Default::default() };
        assert_eq!(read::<MatchDataSend>(&written(&message)), Some(message));
    }
}

#[test]
fn texts_are_escaped_and_back() {
    let json = r#"{"name":"\"\\\/\b\f\n\r\t\u0000\u001f\u00e4\ud83e\udd80"}"#;
    let create: realtime::MatchCreate = read(json).unwrap();
    assert_eq!(create.name, "\"\\/\u{8}\u{c}\n\r\t\0\u{1f}ä🦀");
    assert_eq!(written(&create), r#"{"name":"\"\\/\b\f\n\r\t\u0000\u001fä🦀"}"#);
    for json in
        ["{\"name\":\"\\ud83e\"}", "{\"name\":\"\\x\"}", "{\"name\":\"a\nb\"}", "{'name':''}"]
    {
        assert_eq!(read::<realtime::MatchCreate>(json), None, "{json}");
    }
    assert!(realtime::MatchCreate::read_json(b"{\"name\":\"\xff\"}", Unknown::Ignore).is_err());
}

#[test]
fn times() {
    let time = |text: &str| {
        read::<api::Event>(&format!("{{\"timestamp\":\"{text}\"}}")).map(|e| e.timestamp.unwrap())
    };
    let at = |seconds, nanos| Some(Timestamp { seconds, nanos });
    for (text, wanted) in [
        ("1970-01-01T00:00:00Z", at(0, 0)),
        ("2024-02-29T12:34:56Z", at(1_709_210_096, 0)),
        ("2024-02-29T12:34:56.5Z", at(1_709_210_096, 500_000_000)),
        ("2024-02-29T12:34:56.000000001Z", at(1_709_210_096, 1)),
        ("2024-02-29T13:34:56+01:00", at(1_709_210_096, 0)),
        ("2024-02-29T07:04:56-05:30", at(1_709_210_096, 0)),
        ("1969-12-31T23:59:59.25Z", at(-1, 250_000_000)),
        ("0001-01-01T00:00:00Z", at(-62_135_596_800, 0)),
        ("9999-12-31T23:59:59.999999999Z", at(253_402_300_799, 999_999_999)),
        ("2000-02-29T00:00:00Z", at(951_782_400, 0)),
        ("1900-03-01T00:00:00Z", at(-2_203_891_200, 0)),
    ] {
        assert_eq!(time(text), wanted, "{text}");
    }
    for text in [
        "",
        "2024-02-29",
        "2024-02-29T12:34:56",
        "2024-02-29 12:34:56Z",
        "2024-02-29t12:34:56z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-32T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T23:59:60Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00.1234567890Z",
        "2024-01-01T00:00:00+0100",
        "2024-01-01T00:00:00+01",
        "2024-01-01T00:00:00+01:60",
        "2024-01-01T00:00:00+01:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2024-01-01T00:00:00Zx",
        "+024-01-01T00:00:00Z",
        "2024-1-01T00:00:00Z",
    ] {
        assert_eq!(time(text), None, "{text}");
    }
    assert_eq!(read::<api::Event>(r#"{"timestamp":5}"#), None);
    assert_eq!(read::<api::Event>(r#"{"timestamp":{"seconds":5}}"#), None);

    for (seconds, nanos, wanted) in [
        (0, 0, "1970-01-01T00:00:00Z"),
        (1_709_210_096, 500_000_000, "2024-02-29T12:34:56.500Z"),
        (1_709_210_096, 123_456_000, "2024-02-29T12:34:56.123456Z"),
        (1_709_210_096, 1, "2024-02-29T12:34:56.000000001Z"),
        (-1, 250_000_000, "1969-12-31T23:59:59.250Z"),
        (i64::MAX, i32::MAX, "9999-12-31T23:59:59.999999999Z"),
        (i64::MIN, -1, "0001-01-01T00:00:00Z"),
    ] {
        let event =
            api::Event { timestamp: Some(Timestamp { seconds, nanos }), ..Default::default() };
        assert_eq!(written(&event), format!("{{\"timestamp\":\"{wanted}\"}}"));
        assert_eq!(Timestamp { seconds, nanos }.to_string(), wanted);
    }
}

#[test]
fn times_of_the_server_and_of_the_wire() {
    let time = tavern_domain::Timestamp::from_nanos(-1);
    let wire = Timestamp::from(time);
    assert_eq!(wire, Timestamp { seconds: -1, nanos: 999_999_999 });
    assert_eq!(tavern_domain::Timestamp::from(wire), time);
    let far = Timestamp { seconds: i64::MAX, nanos: i32::MAX };
    assert_eq!(tavern_domain::Timestamp::from(far).nanos(), i64::MAX);
    assert!(!far.is_valid() && wire.is_valid());
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let most = usize::from(MAX_DEPTH);
    assert!(ignore::<Unit>(&nested(most - 1)).is_some());
    assert!(ignore::<Unit>(&nested(most)).is_none());
    assert!(ignore::<Unit>(&nested(1_000_000)).is_none());
    let maps = format!("{}1{}", "{\"x\":".repeat(most), "}".repeat(most));
    assert!(ignore::<Unit>(&maps).is_some());
    assert!(ignore::<Unit>(&format!("{{\"x\":{maps}}}")).is_none());
}

#[test]
fn errors_say_where_without_repeating_what_may_be_secret() {
    let error = |json: &str| {
        let error = api::AuthenticateEmailRequest::read_json(json.as_bytes(), Unknown::Reject);
        let error = error.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        error.to_string()
    };
    assert_eq!(error(r#"{"account":{"email":1}}"#), "expected a string at line 1 column 21");
    assert!(error(r#"{"nope":1}"#).starts_with("unknown field `nope`"));
    assert!(error(r#"{"create":1,"create":1}"#).starts_with("expected true or false"));
    for json in
        [r#"{"account":"hunter2"}"#, r#"{"create":"hunter2"}"#, r#"{"account":["hunter2"]}"#]
    {
        assert!(!error(json).contains("hunter2"), "{}", error(json));
    }
    let long = format!("{{\"{}\":1}}", "ä".repeat(500));
    assert!(error(&long).len() < 200);
}

#[test]
fn envelopes_hold_their_message_as_a_plain_member() {
    let json = r#"{"cid":"1","channel_join":{"target":"room","type":1,"persistence":true}}"#;
    let envelope = decode_envelope(Bytes::from(json), Format::Json).unwrap();
    let Some(envelope::Message::ChannelJoin(join)) = &envelope.message else { panic!("a join") };
    assert_eq!((join.target.as_str(), join.r#type, join.persistence), ("room", 1, Some(true)));
    assert_eq!(encode_envelope(&envelope, Format::Json), json);

    let decode = |json: &'static str| decode_envelope(Bytes::from(json), Format::Json);
    let text = r#"{"cid":"7","matchDataSend":{"matchId":"m.","opCode":"3","data":"AAE=","presences":[{"userId":"u"}]}}"#;
    let envelope = decode(text).unwrap();
    let Some(envelope::Message::MatchDataSend(send)) = &envelope.message else { panic!("data") };
    assert_eq!((send.op_code, send.data.as_ref()), (3, &[0, 1][..]));
    let binary = encode_envelope(&envelope, Format::Binary);
    assert_eq!(decode_envelope(binary, Format::Binary).unwrap(), envelope);

    assert_eq!(decode("{}").unwrap(), Envelope::default());
    assert_eq!(decode(r#"{"ping":null}"#).unwrap().message, None);
    assert_eq!(encode_envelope(&Envelope::ack("5"), Format::Json), r#"{"cid":"5"}"#);
    assert_eq!(encode_envelope(&Envelope::ack(""), Format::Json), "{}");
    assert_eq!(
        encode_envelope(&Envelope::reply("5", realtime::Pong {}), Format::Json),
        r#"{"cid":"5","pong":{}}"#
    );
    for json in [
        "",
        "[]",
        "null",
        r#"{"cid":1}"#,
        r#"{"nope":{}}"#,
        r#"{"ping":[]}"#,
        r#"{"ping":{"x":1}}"#,
    ] {
        assert!(decode(json).is_err(), "{json}");
    }
    assert!(decode_envelope(Bytes::from_static(b"\xff"), Format::Binary).is_err());
}

#[test]
fn binary_match_data_is_not_copied() {
    let send = MatchDataSend { data: Bytes::from(vec![9; 1000]), ..Default::default() };
    let bytes = encode_envelope(&Envelope::push(send), Format::Binary);
    let range = bytes.as_ptr_range();
    let envelope = decode_envelope(bytes.clone(), Format::Binary).unwrap();
    let Some(envelope::Message::MatchDataSend(send)) = envelope.message else { panic!("data") };
    assert!(range.contains(&send.data.as_ptr()), "it shares the bytes of the frame");
}
