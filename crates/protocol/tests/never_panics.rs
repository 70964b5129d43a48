//! Whatever comes in, the answer is a value or an error.

use bytes::Bytes;
use proptest::prelude::*;
use tavern_protocol::{
    CallId, Format, RtId, Unknown, Wire, decode_envelope, decode_rest, query_pairs, routes,
};

include!(concat!(env!("OUT_DIR"), "/message_list.rs"));

/// Decodes `bytes` as one message in every way; what was read can be written and read again.
fn decode<M: Wire>(bytes: &[u8]) {
    for unknown in [Unknown::Ignore, Unknown::Reject] {
        if let Ok(message) = M::read_json(bytes, unknown) {
            let json = message.to_json();
            let again = M::read_json(&json, Unknown::Reject).expect("what we write, we can read");
            assert_eq!(again.to_json(), json);
        }
    }
    if let Ok(message) = M::decode(bytes) {
        let json = message.to_json();
        assert!(std::str::from_utf8(&json).is_ok());
        let again = M::decode(message.encode_to_vec().as_slice()).expect("it was just encoded");
        assert_eq!(again.to_json(), json);
    }
}

fn decode_all(bytes: &[u8]) {
    macro_rules! run {
        ($name:literal, $of:ty) => {
            decode::<$of>(bytes);
        };
    }
    for_each_message!(run);
    for format in [Format::Json, Format::Binary] {
        let _read = decode_envelope(Bytes::copy_from_slice(bytes), format);
    }
}

/// Requests whose bindings have each kind of body, and parameters of each kind.
fn decode_requests(bytes: &[u8], params: &[(String, String)]) {
    use tavern_protocol::{Call, calls};

    fn run<C: Call>(bytes: &[u8], params: &[(String, String)]) {
        for binding in C::ID.info().bindings {
            let read = decode_rest::<C::Request>(binding, params, bytes);
            drop(read);
        }
    }
    run::<calls::AuthenticateFacebook>(bytes, params);
    run::<calls::UpdateGroup>(bytes, params);
    run::<calls::GetUsers>(bytes, params);
    run::<calls::RpcFunc>(bytes, params);
    run::<calls::ListLeaderboardRecordsAroundOwner>(bytes, params);
    run::<calls::WriteTournamentRecord>(bytes, params);
    run::<calls::WriteStorageObjects>(bytes, params);
}

/// Something like JSON: right in its brackets, with names that mean something here and there.
fn json_like() -> impl Strategy<Value = String> {
    let names: Vec<String> =
        ["cid", "user", "vars", "data", "opCode", "presences", "objects", "id"]
            .into_iter()
            .chain(RtId::ALL.map(RtId::name))
            .map(|name| format!("\"{name}\""))
            .collect();
    let scalar = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:e}")),
        "[0-9.eE+-]{0,12}",
        "\"[ -~äé🦀]{0,12}\"",
        any::<i64>().prop_map(|n| format!("\"{n}\"")),
        Just("\"2024-01-01T00:00:00.5Z\"".to_owned()),
        Just("\"AAEC\"".to_owned()),
    ];
    scalar.prop_recursive(5, 40, 5, move |inner| {
        let name = prop::sample::select(names.clone());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|v| format!("[{}]", v.join(","))),
            prop::collection::vec((name, inner), 0..5).prop_map(|v| {
                let members: Vec<_> = v.into_iter().map(|(n, v)| format!("{n}:{v}")).collect();
                format!("{{{}}}", members.join(", "))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        decode_all(&bytes);
    }

    #[test]
    fn any_json(text in json_like()) {
        decode_all(text.as_bytes());
        decode_requests(text.as_bytes(), &[]);
    }

    /// Cut or bent at one place.
    #[test]
    fn broken_json(text in json_like(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len().max(1));
        decode_all(&bytes[..at.min(bytes.len())]);
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        decode_all(&bytes);
    }

    #[test]
    fn any_path(method in "[A-Z]{0,6}", path in "(/(v2|rpc|storage|group|%[0-9a-fA-F]{2}|.{0,5})){0,6}") {
        let _found = routes::find(&method, &path);
        let _call = CallId::from_grpc_path(&path);
    }

    #[test]
    fn any_parameters(
        names in prop::collection::vec(
            ("(group_id|groupId|id|ids|limit|create|sync|username|payload|expiry|.{0,5})", ".{0,6}|[0-9]{1,20}|true"),
            0..6,
        ),
        query in ".{0,40}",
    ) {
        decode_requests(b"", &names);
        let _pairs = query_pairs(&query);
    }
}
