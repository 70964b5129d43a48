//! Request messages: by REST, in JSON and in protobuf.

use tavern_protocol::routes::{Binding, Found, find};
use tavern_protocol::{Call, CallId, Unknown, Wire, calls, decode_rest, query_pairs};

/// What is done with the request message of a call.
trait Visit {
    fn visit<M: Wire>(self);
}

macro_rules! every_call {
    ($($call:ident,)+) => {
        /// Does it with the request message of this call. A call that is missing here does not
        /// compile.
        fn with_request_of(call: CallId, visit: impl Visit) {
            match call {
                $(CallId::$call => visit.visit::<<calls::$call as Call>::Request>(),)+
            }
        }
    };
}

every_call! {
    AddFriends, AddGroupUsers, SessionRefresh, SessionLogout, AuthenticateApple,
    AuthenticateCustom, AuthenticateDevice, AuthenticateEmail, AuthenticateFacebook,
    AuthenticateFacebookInstantGame, AuthenticateGameCenter, AuthenticateGoogle,
    AuthenticateSteam, BanGroupUsers, BlockFriends, CreateGroup, DeleteAccount, DeleteFriends,
    DeleteGroup, DeleteLeaderboardRecord, DeleteNotifications, DeleteTournamentRecord,
    DeleteStorageObjects, Event, GetAccount, GetUsers, GetSubscription, GetMatchmakerStats,
    Healthcheck, ImportFacebookFriends, ImportSteamFriends, JoinGroup, JoinTournament,
    KickGroupUsers, LeaveGroup, LinkApple, LinkCustom, LinkDevice, LinkEmail, LinkFacebook,
    LinkFacebookInstantGame, LinkGameCenter, LinkGoogle, LinkSteam, ListChannelMessages,
    ListFriends, ListFriendsOfFriends, ListGroups, ListGroupUsers, ListLeaderboardRecords,
    ListLeaderboardRecordsAroundOwner, ListMatches, ListParties, ListNotifications,
    ListStorageObjects, ListSubscriptions, ListTournaments, ListTournamentRecords,
    ListTournamentRecordsAroundOwner, ListUserGroups, PromoteGroupUsers, DemoteGroupUsers,
    ReadStorageObjects, RpcFunc, UnlinkApple, UnlinkCustom, UnlinkDevice, UnlinkEmail,
    UnlinkFacebook, UnlinkFacebookInstantGame, UnlinkGameCenter, UnlinkGoogle, UnlinkSteam,
    UpdateAccount, UpdateGroup, ValidatePurchaseApple, ValidateSubscriptionApple,
    ValidatePurchaseGoogle, ValidateSubscriptionGoogle, ValidatePurchaseHuawei,
    ValidatePurchaseFacebookInstant, ValidatePurchaseSamsung, WriteLeaderboardRecord,
    WriteStorageObjects, WriteTournamentRecord, MintToken, RevokeToken,
}

/// The call whose name is the first line, else the one that the first byte stands for, and the
/// rest. Seeds have names, which stay when calls are added; the engine has bytes.
fn pick(data: &[u8]) -> Option<(CallId, &[u8])> {
    let named = data.iter().take(64).position(|byte| *byte == b'\n').and_then(|end| {
        let call = CallId::from_name(std::str::from_utf8(&data[..end]).ok()?)?;
        Some((call, &data[end + 1..]))
    });
    named.or_else(|| {
        let (first, rest) = data.split_first()?;
        Some((CallId::ALL[usize::from(*first) % CallId::ALL.len()], rest))
    })
}

/// What was read can be written, and what is written says the same when it is read again.
fn comes_back<M: Wire>(message: &M) {
    let json = message.to_json();
    assert!(std::str::from_utf8(&json).is_ok(), "JSON is text");
    let again = M::read_json(&json, Unknown::Reject).expect("what we write, we can read");
    assert_eq!(again.to_json(), json);
    let again = M::decode(message.encode_to_vec().as_slice()).expect("it was just encoded");
    assert_eq!(again.to_json(), json);
}

/// A request line (`GET /v2/account?x=y`), a line end, and the body.
pub fn rest(data: &[u8]) {
    let line_end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (line, body) = data.split_at(line_end);
    let Ok(line) = std::str::from_utf8(line) else { return };
    let (method, target) = line.split_once(' ').unwrap_or(("GET", line));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let Found::Route(found) = find(method, path) else { return };
    let Ok(query) = query_pairs(query) else { return };
    let path = found.params.iter().map(|(name, value)| ((*name).to_owned(), value.to_string()));
    let query = query.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned()));
    let params: Vec<(String, String)> = path.chain(query).collect();
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    with_request_of(found.call, Rest { binding: found.binding, params: &params, body });
}

struct Rest<'a> {
    binding: &'a Binding,
    params: &'a [(String, String)],
    body: &'a [u8],
}

impl Visit for Rest<'_> {
    fn visit<M: Wire>(self) {
        if let Ok(message) = decode_rest::<M>(self.binding, self.params, self.body) {
            comes_back(&message);
        }
    }
}

/// The call as a name or a byte, and its request message in JSON.
pub fn request_json(data: &[u8]) {
    if let Some((call, json)) = pick(data) {
        with_request_of(call, Json(json));
    }
}

struct Json<'a>(&'a [u8]);

impl Visit for Json<'_> {
    fn visit<M: Wire>(self) {
        let strict = M::read_json(self.0, Unknown::Reject);
        let lenient = M::read_json(self.0, Unknown::Ignore);
        if let Ok(strict) = strict {
            let lenient = lenient.as_ref().expect("what the strict one takes, the other does too");
            assert_eq!(strict.to_json(), lenient.to_json());
        }
        if let Ok(message) = lenient {
            comes_back(&message);
        }
    }
}

/// The call as a name or a byte, and its request message in protobuf.
pub fn request_binary(data: &[u8]) {
    if let Some((call, bytes)) = pick(data) {
        with_request_of(call, Binary(bytes));
    }
}

struct Binary<'a>(&'a [u8]);

impl Visit for Binary<'_> {
    fn visit<M: Wire>(self) {
        if let Ok(message) = M::decode(self.0) {
            let json = message.to_json();
            assert!(std::str::from_utf8(&json).is_ok(), "JSON is text");
            let again = M::decode(message.encode_to_vec().as_slice()).expect("it was just encoded");
            assert_eq!(again.to_json(), json);
        }
    }
}
