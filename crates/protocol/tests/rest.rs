//! From the parts of an HTTP request to a request message.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use tavern_domain::{Classify, ErrorCode};
use tavern_protocol::{
    Call, RestError, Wire, api, calls, decode_rest, query_pairs,
    routes::{Found, find},
};

/// Decodes what a client sent, the way an edge does.
fn decode<C: Call>(method: &str, target: &str, body: &str) -> Result<C::Request, RestError> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let Found::Route(found) = find(method, path) else { panic!("no route for {path}") };
    assert_eq!(found.call, C::ID);
    let mut params: Vec<(String, String)> =
        found.params.iter().map(|(n, v)| ((*n).to_owned(), v.to_string())).collect();
    for (name, value) in query_pairs(query).unwrap() {
        params.push((name.into_owned(), value.into_owned()));
    }
    decode_rest(found.binding, &params, body.as_bytes())
}

fn refused<C: Call>(method: &str, target: &str, body: &str) -> String {
    let error = decode::<C>(method, target, body).expect_err(target);
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    error.to_string()
}

#[test]
fn the_body_is_the_whole_message() {
    let put = |body| decode::<calls::UpdateAccount>("PUT", "/v2/account?username=no", body);
    assert_eq!(put("").unwrap(), api::UpdateAccountRequest::default());
    assert_eq!(put(" \r\n").unwrap(), api::UpdateAccountRequest::default());
    assert_eq!(put("{}").unwrap(), api::UpdateAccountRequest::default());
    let read = put(r#"{"displayName": "", "lang_tag": "de", "later": [1]}"#).unwrap();
    assert_eq!(read.display_name.as_deref(), Some(""));
    assert_eq!(read.lang_tag.as_deref(), Some("de"));
    assert_eq!(read.username, None, "with a body, the query is not looked at");
    for body in ["null", "[]", "1", "\"x\"", "{", "{}x", "{} {}", "\u{feff}{}", "{\"username\":1}"]
    {
        refused::<calls::UpdateAccount>("PUT", "/v2/account", body);
    }
}

#[test]
fn the_body_is_one_field() {
    let post = |query: &str, body: &str| {
        let target = format!("/v2/account/authenticate/custom{query}");
        decode::<calls::AuthenticateCustom>("POST", &target, body)
    };
    let read = post("?create=false&username=fox", r#"{"id":"abcdef","vars":{"k":"v"}}"#).unwrap();
    let account = read.account.unwrap();
    assert_eq!((account.id.as_str(), account.vars["k"].as_str()), ("abcdef", "v"));
    assert_eq!((read.create, read.username.as_str()), (Some(false), "fox"));

    assert_eq!(post("", "").unwrap().account, None);
    assert_eq!(post("", "{}").unwrap().account, Some(api::AccountCustom::default()));
    let read = post("?account=x&id=y&account.id=z", r#"{"id":"abcdef","username":"no"}"#).unwrap();
    assert_eq!(read.account.unwrap().id, "abcdef", "the body's field is not the query's");
    assert_eq!(read.username, "");
    for body in ["null", "[]", "7", "\"x\"", "{\"id\":7}", "{}{}", "{\"id\":\"a\",\"id\":\"b\"}"] {
        refused::<calls::AuthenticateCustom>("POST", "/v2/account/authenticate/custom", body);
    }
}

#[test]
fn the_body_is_a_text() {
    let binding = &calls::RpcFunc::ID.info().bindings[0];
    let read: api::Rpc = decode_rest(binding, &[("id", "f")], br#""{\"a\":1}""#).unwrap();
    assert_eq!((read.id.as_str(), read.payload.as_str()), ("f", r#"{"a":1}"#));
    let read: api::Rpc =
        decode_rest(binding, &[("id", "f"), ("payload", "no"), ("http_key", "k")], b"").unwrap();
    assert_eq!((read.payload.as_str(), read.http_key.as_str()), ("", "k"));
    assert!(decode_rest::<api::Rpc>(binding, &[("id", "f")], b"{}").is_err());
    assert!(decode_rest::<api::Rpc>(binding, &[("id", "f")], b"null").is_err());
}

#[test]
fn a_body_that_nobody_wants_is_not_looked_at() {
    let read = decode::<calls::JoinGroup>("POST", "/v2/group/g1/join", "not json").unwrap();
    assert_eq!(read.group_id, "g1");
}

#[test]
fn the_path_has_the_last_word() {
    let read = decode::<calls::UpdateGroup>(
        "PUT",
        "/v2/group/g1?group_id=g2&name=no",
        r#"{"groupId":"g3","open":false}"#,
    )
    .unwrap();
    assert_eq!((read.group_id.as_str(), read.open, read.name), ("g1", Some(false), None));
    let target = "/v2/channel/c1?channel_id=c2&channelId=c3&channel_id=c4&limit=3";
    let read = decode::<calls::ListChannelMessages>("GET", target, "").unwrap();
    assert_eq!((read.channel_id.as_str(), read.limit), ("c1", Some(3)));
}

#[test]
fn query_parameters() {
    let list = |query: &str| decode::<calls::ListMatches>("GET", &format!("/v2/match?{query}"), "");
    let read = list("limit=+7&authoritative=true");
    assert!(read.is_err(), "a plus is a blank: {read:?}");
    let read = list(
        "limit=%2B7&minSize=0&max_size=-1&authoritative=F&label=&query=%2Ba%3Ab+c&x=1&Limit=2",
    )
    .unwrap();
    assert_eq!((read.limit, read.min_size, read.max_size), (Some(7), Some(0), Some(-1)));
    assert_eq!((read.authoritative, read.label.as_deref()), (Some(false), Some("")));
    assert_eq!(read.query.as_deref(), Some("+a:b c"));
    assert_eq!(list("").unwrap(), api::ListMatchesRequest::default());

    for value in ["1", "t", "T", "true", "TRUE", "True"] {
        assert_eq!(list(&format!("authoritative={value}")).unwrap().authoritative, Some(true));
    }
    for value in ["0", "f", "F", "false", "FALSE", "False"] {
        assert_eq!(list(&format!("authoritative={value}")).unwrap().authoritative, Some(false));
    }
    for query in [
        "authoritative=yes",
        "authoritative=",
        "authoritative",
        "authoritative=tRUE",
        "limit=",
        "limit=1.0",
        "limit=0x10",
        "limit=1_0",
        "limit=2147483648",
        "limit=null",
        "limit=1e1",
        "limit=1&limit=1",
        "limit=1&limit=2",
        "minSize=1&min_size=1",
        "label=a&label=a",
    ] {
        refused::<calls::ListMatches>("GET", &format!("/v2/match?{query}"), "");
    }
    let text = refused::<calls::ListMatches>("GET", "/v2/match?min_size=x", "");
    assert_eq!(text, "parameter `min_size` must be an integer in range");
    let text = refused::<calls::ListMatches>("GET", "/v2/match?minSize=1&min_size=1", "");
    assert_eq!(text, "parameter `min_size` is given twice");

    // Unsigned and 64 bits.
    let around = "/v2/leaderboard/l/owner/o?limit=4294967295&expiry=9223372036854775807";
    let read = decode::<calls::ListLeaderboardRecordsAroundOwner>("GET", around, "").unwrap();
    assert_eq!((read.limit, read.expiry), (Some(u32::MAX), Some(i64::MAX)));
    refused::<calls::ListLeaderboardRecordsAroundOwner>(
        "GET",
        "/v2/leaderboard/l/owner/o?limit=-1",
        "",
    );
}

#[test]
fn lists_in_the_query_are_repeated_names() {
    let target = "/v2/user?ids=a&ids=b,c&facebookIds=f&ids=&facebook_ids=g";
    let read = decode::<calls::GetUsers>("GET", target, "").unwrap();
    assert_eq!(read.ids, ["a", "b,c", ""]);
    assert_eq!(read.facebook_ids, ["f", "g"]);
    assert!(read.usernames.is_empty());
}

#[test]
fn queries_come_apart() {
    let pairs = query_pairs("a=1&&b=x%3dy=z&c&=d&e=%F0%9F%A6%80+&f%20g=1").unwrap();
    let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_ref(), v.as_ref())).collect();
    let wanted = [("a", "1"), ("b", "x=y=z"), ("c", ""), ("", "d"), ("e", "🦀 "), ("f g", "1")];
    assert_eq!(pairs, wanted);
    assert!(query_pairs("").unwrap().is_empty());
    for broken in ["a=%", "a=%4", "%zz=1", "a=%FF", "%C3=1"] {
        assert_eq!(query_pairs(broken).unwrap_err().code(), ErrorCode::InvalidArgument);
    }
}

#[test]
fn single_parameters() {
    let mut request = api::ListFriendsRequest::default();
    assert!(request.set_param("limit", "5").unwrap());
    assert!(request.set_param("limit", "6").unwrap(), "the last one stays");
    assert!(!request.set_param("nope", "6").unwrap());
    assert!(request.set_param("state", "x").is_err());
    assert_eq!((request.limit, request.state), (Some(6), None));
    let mut login = api::AuthenticateEmailRequest::default();
    assert!(!login.set_param("account", "x").unwrap(), "a message is no parameter");
}
