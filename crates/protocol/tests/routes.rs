//! From paths to calls.

use std::borrow::Cow;
use std::collections::BTreeSet;

use tavern_protocol::routes::{BodyRule, Found, Match, Segment, Verb, find};
use tavern_protocol::{Auth, Call, CallId, Unit, Wire, api, calls};

fn call(method: &str, path: &str) -> Option<(CallId, Vec<(&'static str, String)>)> {
    match find(method, path) {
        Found::Route(Match { call, params, .. }) => {
            Some((call, params.iter().map(|(n, v)| (*n, v.to_string())).collect()))
        }
        Found::WrongMethod | Found::Nothing | Found::NotText(_) | Found::Malformed => None,
    }
}

#[test]
fn every_call_is_reached_by_each_of_its_routes() {
    let mut bindings = 0;
    for id in CallId::ALL {
        let info = id.info();
        assert_eq!(info.id, id);
        assert!(!info.bindings.is_empty(), "{id:?} has no route");
        for binding in info.bindings {
            bindings += 1;
            let mut path = String::new();
            for segment in binding.segments {
                path.push('/');
                path.push_str(match segment {
                    Segment::Fixed(text) => text,
                    Segment::Param(_) => "some-thing",
                    Segment::Rest(_) => "some/thing",
                });
            }
            let Found::Route(found) = find(binding.verb.name(), &path) else {
                panic!("{id:?} is not found by {path}");
            };
            assert_eq!(found.call, id, "{path}");
            assert_eq!(found.binding, binding, "{path}");
            let names: Vec<_> = binding.param_names().collect();
            assert_eq!(found.params.iter().map(|(n, _)| *n).collect::<Vec<_>>(), names, "{path}");
            assert!(found.params.iter().all(|(_, v)| v.starts_with("some")), "{path}");
            // A path that is taken answers other verbs, too.
            for verb in ["HEAD", "OPTIONS", "PATCH", "get", ""] {
                assert_eq!(find(verb, &path), Found::WrongMethod, "{verb} {path}");
            }
        }
    }
    assert_eq!((CallId::ALL.len(), bindings), (87, 90));
}

#[test]
fn names_and_grpc_paths_lead_back() {
    let mut names = BTreeSet::new();
    for id in CallId::ALL {
        let info = id.info();
        assert!(names.insert(info.name));
        assert_eq!(CallId::from_name(info.name), Some(id));
        assert_eq!(info.grpc_path, format!("/nakama.api.Nakama/{}", info.name));
        assert_eq!(CallId::from_grpc_path(info.grpc_path), Some(id));
    }
    let wrong =
        ["", "/", "GetAccount", "/nakama.api.Nakama/", "/nakama.api.Nakama/getaccount", "/x/Event"];
    for path in wrong {
        assert_eq!(CallId::from_grpc_path(path), None, "{path}");
    }
}

/// Verb, path, the call and the parameters.
type Wanted<'a> = (&'a str, &'a str, CallId, &'a [(&'a str, &'a str)]);

#[test]
fn paths() {
    let none: &[(&str, &str)] = &[];
    let found: &[Wanted<'_>] = &[
        ("GET", "/v2/account", CallId::GetAccount, none),
        ("PUT", "/v2/account", CallId::UpdateAccount, none),
        ("DELETE", "/v2/account", CallId::DeleteAccount, none),
        ("GET", "/healthcheck", CallId::Healthcheck, none),
        ("POST", "/v2/group/g1/join", CallId::JoinGroup, &[("group_id", "g1")]),
        // What is fixed goes before what is not, but only for its own verb.
        ("PUT", "/v2/storage/delete", CallId::DeleteStorageObjects, none),
        ("GET", "/v2/storage/delete", CallId::ListStorageObjects, &[("collection", "delete")]),
        (
            "GET",
            "/v2/storage/a/b",
            CallId::ListStorageObjects,
            &[("collection", "a"), ("user_id", "b")],
        ),
        ("POST", "/v2/iap/subscription/apple", CallId::ValidateSubscriptionApple, none),
        ("GET", "/v2/iap/subscription/apple", CallId::GetSubscription, &[("product_id", "apple")]),
        (
            "GET",
            "/v2/leaderboard/a/owner/b",
            CallId::ListLeaderboardRecordsAroundOwner,
            &[("leaderboard_id", "a"), ("owner_id", "b")],
        ),
        // A parameter may be empty: the call itself refuses it.
        ("GET", "/v2/storage/", CallId::ListStorageObjects, &[("collection", "")]),
        ("DELETE", "/v2/group/", CallId::DeleteGroup, &[("group_id", "")]),
        // Escapes: in parameters, in fixed text, and a slash that separates.
        ("GET", "/v2/channel/2...a%20b", CallId::ListChannelMessages, &[("channel_id", "2...a b")]),
        ("GET", "/v2/channel/2...a+b", CallId::ListChannelMessages, &[("channel_id", "2...a+b")]),
        ("GET", "/v2/channel/%F0%9F%a6%80", CallId::ListChannelMessages, &[("channel_id", "🦀")]),
        ("GET", "/v2/acc%6Funt", CallId::GetAccount, none),
        (
            "GET",
            "/v2/storage/a%2Fb",
            CallId::ListStorageObjects,
            &[("collection", "a"), ("user_id", "b")],
        ),
        // Not escaped at all, which a strict client would not send.
        (
            "GET",
            "/v2/channel/2...grüße",
            CallId::ListChannelMessages,
            &[("channel_id", "2...grüße")],
        ),
        // Functions have ids with and without slashes.
        ("POST", "/v2/rpc/Ping", CallId::RpcFunc, &[("id", "Ping")]),
        ("GET", "/v2/rpc/a/b%20c/", CallId::RpcFunc, &[("id", "a/b c/")]),
        ("GET", "/v2/rpc/", CallId::RpcFunc, &[("id", "")]),
    ];
    for (method, path, id, params) in found {
        let params = params.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
        assert_eq!(call(method, path), Some((*id, params)), "{method} {path}");
    }
    for path in [
        "",
        "/",
        "v2/account",
        "//v2/account",
        "/v2//account",
        "/v2/account/",
        "/v2/Account",
        "/V2/account",
        "/v2",
        "/v2/",
        "/v2/accounts",
        "/v2/account/x",
        "/v2/rpc",
        "/ws",
        "/v2/x%FF",
        "/v2/storage/a/b/c",
        "/v2/account%FF",
        "/v2/group/g1/",
        "*",
        "/healthcheck/",
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "HEAD", "QUERY"] {
            assert_eq!(find(method, path), Found::Nothing, "{method} {path}");
        }
    }
    for (method, path) in [
        ("POST", "/v2/account"),
        ("PUT", "/v2/storage/foo"),
        ("PUT", "/v2/rpc/a"),
        ("HEAD", "/v2/user"),
    ] {
        assert_eq!(find(method, path), Found::WrongMethod, "{method} {path}");
    }
    for path in ["/v2/storage/%FF", "/v2/storage/a/%C3%28", "/v2/storage/%ED%A0%80"] {
        assert_eq!(find("GET", path), Found::NotText(CallId::ListStorageObjects), "{path}");
    }
    for path in ["/v2/storage/%", "/v2/storage/%4", "/v2/storage/%zz", "/%+1", "/v2/x%"] {
        assert_eq!(find("GET", path), Found::Malformed, "{path}");
    }
}

#[test]
fn parameters_without_escapes_are_borrowed() {
    let path = String::from("/v2/user/u1/group");
    let Found::Route(found) = find("GET", &path) else { panic!("a known path") };
    assert!(matches!(found.params[0], ("user_id", Cow::Borrowed("u1"))));
}

#[test]
fn the_table_says_what_a_call_needs() {
    let info = CallId::AuthenticateDevice.info();
    assert_eq!((info.name, info.auth), ("AuthenticateDevice", Auth::ServerKey));
    assert_eq!(info.bindings[0].body, BodyRule::Field("account"));
    assert_eq!(info.bindings[0].path, "/v2/account/authenticate/device");
    assert_eq!(info.bindings[0].verb, Verb::Post);
    assert_eq!(CallId::LinkSteam.info().bindings[0].body, BodyRule::All);
    assert_eq!(CallId::GetAccount.info().bindings[0].body, BodyRule::None);
    let of = |auth| CallId::ALL.into_iter().filter(|c| c.info().auth == auth).collect::<Vec<_>>();
    assert_eq!(of(Auth::None), [CallId::Healthcheck]);
    assert_eq!(of(Auth::BearerOrHttpKey), [CallId::RpcFunc]);
    assert_eq!(of(Auth::ServerKey).len(), 10, "nine ways to log in, and the refresh");
    assert!(
        of(Auth::ServerKey)
            .iter()
            .all(|c| { c.name().starts_with("Authenticate") || *c == CallId::SessionRefresh })
    );
}

#[test]
fn markers_pair_a_call_with_its_messages() {
    fn pair<C: Call>(_: C, _: C::Request, _: C::Response) -> CallId {
        C::ID
    }
    assert_eq!(pair(calls::GetAccount, Unit {}, api::Account::default()), CallId::GetAccount);
    assert_eq!(pair(calls::Event, api::Event::default(), Unit {}), CallId::Event);
    assert_eq!(Unit {}.to_json(), b"{}");
}
