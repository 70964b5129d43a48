//! Storage objects, as clients and server code see them.

use std::sync::Arc;
use std::time::Duration;

use crate::world::{World, bearer, call, code, sign_in, with_hooks};
use async_trait::async_trait;
use tavern_api::{Api, Credential, ServerHost};
use tavern_domain::{CodedError, ErrorCode, UserId};
use tavern_protocol::{Unit, api, calls};
use tavern_runtime_hooks::host::{
    HostObjectDelete, HostObjectId, HostObjectPage, HostObjectWrite, StorageDelete, StorageList,
    StorageRead, StorageWrite,
};
use tavern_runtime_hooks::{HookError, Hooks, Host, Json, Module, ModuleError, Registrar, load};

struct Player {
    api: Arc<Api>,
    session: api::Session,
    id: String,
}

impl Player {
    async fn new(api: &Arc<Api>, name: &str) -> Self {
        let session = sign_in(api, name).await.unwrap();
        let account = call::<calls::GetAccount>(api, bearer(&session), Unit {}).await.unwrap();
        Self { api: Arc::clone(api), session, id: account.user.unwrap().id }
    }

    async fn write(
        &self,
        objects: Vec<api::WriteStorageObject>,
    ) -> Result<Vec<api::StorageObjectAck>, CodedError> {
        let request = api::WriteStorageObjectsRequest { objects };
        let credential = bearer(&self.session);
        call::<calls::WriteStorageObjects>(&self.api, credential, request).await.map(|a| a.acks)
    }

    async fn read(
        &self,
        ids: Vec<api::ReadStorageObjectId>,
    ) -> Result<Vec<api::StorageObject>, CodedError> {
        let request = api::ReadStorageObjectsRequest { object_ids: ids };
        let credential = bearer(&self.session);
        call::<calls::ReadStorageObjects>(&self.api, credential, request).await.map(|o| o.objects)
    }

    async fn delete(&self, ids: &[(&str, &str)]) -> Result<Unit, CodedError> {
        let ids = ids.iter().map(|(key, version)| api::DeleteStorageObjectId {
            collection: "c".to_owned(),
            key: (*key).to_owned(),
            version: (*version).to_owned(),
        });
        let request = api::DeleteStorageObjectsRequest { object_ids: ids.collect() };
        call::<calls::DeleteStorageObjects>(&self.api, bearer(&self.session), request).await
    }

    async fn list(
        &self,
        user: &str,
        limit: impl Into<Option<i32>>,
        cursor: &str,
    ) -> Result<api::StorageObjectList, CodedError> {
        let request = api::ListStorageObjectsRequest {
            user_id: user.to_owned(),
            collection: "c".to_owned(),
            limit: limit.into(),
            cursor: cursor.to_owned(),
        };
        call::<calls::ListStorageObjects>(&self.api, bearer(&self.session), request).await
    }

    async fn value(&self, key: &str) -> Option<String> {
        self.read(vec![id(key, &self.id)]).await.unwrap().pop().map(|object| object.value)
    }
}

fn new(key: &str, value: &str) -> api::WriteStorageObject {
    api::WriteStorageObject {
        collection: "c".to_owned(),
        key: key.to_owned(),
        value: value.to_owned(),
        ..Default::default()
    }
}

fn versioned(key: &str, value: &str, version: &str) -> api::WriteStorageObject {
    api::WriteStorageObject { version: version.to_owned(), ..new(key, value) }
}

fn id(key: &str, user: &str) -> api::ReadStorageObjectId {
    api::ReadStorageObjectId {
        collection: "c".to_owned(),
        key: key.to_owned(),
        user_id: user.to_owned(),
    }
}

fn keys(objects: &[api::StorageObject]) -> Vec<&str> {
    objects.iter().map(|object| object.key.as_str()).collect()
}

#[tokio::test]
async fn what_is_written_is_read_back_as_the_protocol_has_it() {
    let mut world = World::new();
    let api = world.api();
    let ada = Player::new(&api, "ada-ada").await;
    world.clock.advance_millis(1_500);
    let acks = ada.write(vec![new("k", r#"{"bb":1,"a":[1,2]}"#), new("b", "{}")]).await.unwrap();
    let [ack, empty] = &acks[..] else { panic!("an ack for each: {acks:?}") };
    assert_eq!((ack.collection.as_str(), ack.key.as_str()), ("c", "k"));
    assert_eq!(ack.user_id, ada.id);
    assert_eq!(ack.version, "216d041f201ed133beea8c76555f6637");
    assert_eq!(empty.version, "99914b932bd37a50b983c5e7c90ae93b", "the MD5 of {{}}");
    assert_eq!(ack.create_time.unwrap().nanos, 500_000_000, "acks have fractions");
    let objects = ada.read(vec![id("k", &ada.id), id("none", &ada.id)]).await.unwrap();
    let [object] = &objects[..] else { panic!("one object: {objects:?}") };
    assert_eq!(object.value, r#"{"a": [1, 2], "bb": 1}"#, "as the database spells it");
    assert_eq!((object.permission_read, object.permission_write), (1, 1), "the defaults");
    assert_eq!((&object.version, &object.user_id), (&ack.version, &ada.id));
    assert_eq!(object.create_time.unwrap().nanos, 0, "objects have whole seconds");
}

#[tokio::test]
async fn identical_content_keeps_its_update_time() {
    let mut world = World::new();
    let ada = Player::new(&world.api(), "ada-ada").await;
    let first = ada.write(vec![new("k", r#"{"v":1}"#)]).await.unwrap();
    world.clock.advance_seconds(5);
    assert_eq!(ada.write(vec![new("k", r#"{"v":1}"#)]).await.unwrap(), first);
    let other = ada.write(vec![new("k", r#"{"v":2}"#)]).await.unwrap();
    assert_eq!(other[0].create_time, first[0].create_time);
    assert_eq!(other[0].update_time.unwrap().seconds, first[0].update_time.unwrap().seconds + 5);
}

#[tokio::test]
async fn versions_guard_writes_and_deletes() {
    let ada = Player::new(&World::new().api(), "ada-ada").await;
    let v1 = ada.write(vec![versioned("k", r#"{"v":1}"#, "*")]).await.unwrap().remove(0).version;
    let again = ada.write(vec![versioned("k", r#"{"v":2}"#, "*")]).await;
    assert_eq!(code(again), ErrorCode::InvalidArgument, "it is there");
    let v2 = ada.write(vec![versioned("k", r#"{"v":2}"#, &v1)]).await.unwrap().remove(0).version;
    for (key, version) in [("k", v1.as_str()), ("other", &v2), ("k", &"x".repeat(40)), ("k", "\0")]
    {
        let stale = ada.write(vec![versioned(key, "{}", version)]).await;
        assert_eq!(code(stale), ErrorCode::InvalidArgument, "{key} {version:?}");
    }
    for version in [v1.as_str(), "*", "\0"] {
        let stale = ada.delete(&[("k", version)]).await;
        assert_eq!(code(stale), ErrorCode::InvalidArgument, "{version:?}");
    }
    assert_eq!(ada.value("k").await.as_deref(), Some(r#"{"v": 2}"#));
    ada.delete(&[("k", &v2)]).await.unwrap();
    assert_eq!(code(ada.delete(&[("k", "")]).await), ErrorCode::InvalidArgument, "gone");
}

#[tokio::test]
async fn one_refusal_undoes_the_batch_and_is_named() {
    let ada = Player::new(&World::new().api(), "ada-ada").await;
    ada.write(vec![new("k", r#"{"v":1}"#)]).await.unwrap();
    let refused = ada.write(vec![new("fresh", "{}"), versioned("k", "{}", "*")]).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    assert!(refused.message().contains("\"k\""), "{refused}");
    let refused = ada.delete(&[("k", ""), ("missing", "")]).await.unwrap_err();
    assert!(refused.message().contains("\"missing\""), "{refused}");
    let page = ada.list(&ada.id, 10, "").await.unwrap();
    assert_eq!((keys(&page.objects), page.cursor), (vec!["k"], String::new()));
}

/// As if the writes came one after the other.
#[tokio::test]
async fn an_object_may_be_written_twice_in_a_batch() {
    let ada = Player::new(&World::new().api(), "ada-ada").await;
    let v1 = ada.write(vec![new("k", r#"{"v":1}"#)]).await.unwrap().remove(0).version;
    let batch = vec![new("k", r#"{"v":2}"#), new("other", "{}"), versioned("k", "{}", &v1)];
    assert_eq!(code(ada.write(batch).await), ErrorCode::InvalidArgument, "not the first's version");
    let batch = vec![new("k", r#"{"v":2}"#), new("other", "{}"), versioned("k", r#"{"v":3}"#, "*")];
    assert_eq!(code(ada.write(batch).await), ErrorCode::InvalidArgument, "it is there");
    let locked = api::WriteStorageObject { permission_write: Some(0), ..new("k", "{}") };
    let batch = vec![locked, new("k", r#"{"v":2}"#)];
    assert_eq!(code(ada.write(batch).await), ErrorCode::InvalidArgument, "no longer writable");
    assert_eq!(ada.value("other").await, None);
    let batch = vec![versioned("k", "{}", &v1), new("other", "{}"), new("k", r#"{"v":3}"#)];
    let acks = ada.write(batch).await.unwrap();
    assert_eq!(acks.iter().map(|a| a.key.as_str()).collect::<Vec<_>>(), ["k", "other", "k"]);
    assert_ne!(acks[0].version, acks[2].version, "each its own");
    assert_eq!(ada.value("k").await.as_deref(), Some(r#"{"v": 3}"#), "the last one counts");
    let twice = ada.delete(&[("k", ""), ("k", "")]).await;
    assert_eq!(code(twice), ErrorCode::InvalidArgument, "gone by the second time");
    assert_eq!(ada.read(vec![id("k", &ada.id), id("k", &ada.id)]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn permissions_say_who_reads_and_writes() {
    let api = World::new().api();
    let (ada, bob) = (Player::new(&api, "ada-ada").await, Player::new(&api, "bob-bob").await);
    let shown =
        |key, read| api::WriteStorageObject { permission_read: Some(read), ..new(key, "{}") };
    ada.write(vec![shown("none", 0), shown("owner", 1), shown("public", 2)]).await.unwrap();
    let all = || ["none", "owner", "public"].map(|key| id(key, &ada.id)).to_vec();
    assert_eq!(keys(&ada.read(all()).await.unwrap()), ["owner", "public"]);
    assert_eq!(keys(&bob.read(all()).await.unwrap()), ["public"]);
    for (player, user, expected) in [
        (&ada, ada.id.as_str(), &["owner", "public"][..]),
        (&bob, &ada.id, &["public"]),
        (&bob, "", &["public"]),
        (&ada, "", &["public"]),
        (&bob, &bob.id, &[]),
    ] {
        let page = player.list(user, 10, "").await.unwrap();
        assert_eq!(keys(&page.objects), expected);
    }
    let locked = api::WriteStorageObject { permission_write: Some(0), ..new("locked", "{}") };
    ada.write(vec![locked]).await.unwrap();
    let again = ada.write(vec![new("locked", r#"{"v":2}"#)]).await;
    assert_eq!(code(again), ErrorCode::InvalidArgument);
    assert_eq!(code(ada.delete(&[("locked", "")]).await), ErrorCode::InvalidArgument);
    assert_eq!(ada.value("locked").await.as_deref(), Some("{}"));
    // The same key of two owners is two objects.
    bob.write(vec![new("locked", r#"{"who":"bob"}"#)]).await.unwrap();
    assert_eq!(ada.value("locked").await.as_deref(), Some("{}"));
}

#[tokio::test]
async fn what_is_malformed_is_refused() {
    let ada = Player::new(&World::new().api(), "ada-ada").await;
    let long = "é".repeat(129);
    let in_collection = |collection: &str| api::WriteStorageObject {
        collection: collection.to_owned(),
        ..new("k", "{}")
    };
    for bad in [
        in_collection(""),
        in_collection(&long),
        new("", "{}"),
        new(&long, "{}"),
        new("a\0b", "{}"),
        new("k", ""),
        new("k", "not json"),
        new("k", "[1]"),
        new("k", "\"text\""),
        new("k", r#"{"a":"\u0000"}"#),
        api::WriteStorageObject { permission_read: Some(3), ..new("k", "{}") },
        api::WriteStorageObject { permission_read: Some(-1), ..new("k", "{}") },
        api::WriteStorageObject { permission_write: Some(2), ..new("k", "{}") },
    ] {
        let what = format!("{bad:?}");
        let refused = ada.write(vec![new("good", "{}"), bad]).await;
        assert_eq!(code(refused), ErrorCode::InvalidArgument, "{what}");
    }
    assert_eq!(ada.list(&ada.id, 10, "").await.unwrap().objects, [], "nothing was written");
    for bad in [id("", &ada.id), id("k", "bad")] {
        assert_eq!(code(ada.read(vec![bad]).await), ErrorCode::InvalidArgument);
    }
    assert_eq!(code(ada.delete(&[("", "")]).await), ErrorCode::InvalidArgument);
    assert_eq!(code(ada.delete(&[(&long, "")]).await), ErrorCode::InvalidArgument);
    assert_eq!(code(ada.list("bad", 10, "").await), ErrorCode::InvalidArgument);
    for limit in [0, 101, -1] {
        assert_eq!(code(ada.list("", limit, "").await), ErrorCode::InvalidArgument, "{limit}");
    }
    assert_eq!(code(ada.list("", 10, "?").await), ErrorCode::InvalidArgument);
    // Nothing to do is fine, and so is what cannot be there.
    assert_eq!(ada.write(vec![]).await.unwrap(), []);
    assert_eq!(ada.read(vec![]).await.unwrap(), []);
    assert_eq!(ada.read(vec![id(&long, &ada.id), id("a\0b", &ada.id)]).await.unwrap(), []);
    ada.delete(&[]).await.unwrap();
    let api = &ada.api;
    let request = api::ReadStorageObjectsRequest::default();
    let refused = call::<calls::ReadStorageObjects>(api, Credential::None, request).await;
    assert_eq!(code(refused), ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn pages_go_on_where_they_ended() {
    let api = World::new().api();
    let (ada, bob) = (Player::new(&api, "ada-ada").await, Player::new(&api, "bob-bob").await);
    ada.write(vec![new("k3", "{}"), new("k1", "{}"), new("k2", "{}")]).await.unwrap();
    let first = ada.list(&ada.id, 2, "").await.unwrap();
    assert_eq!(keys(&first.objects), ["k1", "k2"]);
    let rest = ada.list(&ada.id, 2, &first.cursor).await.unwrap();
    assert_eq!((keys(&rest.objects), rest.cursor.as_str()), (vec!["k3"], ""));
    assert_eq!(keys(&ada.list(&ada.id, None, "").await.unwrap().objects), ["k1"], "the default");
    for (player, user) in [(&ada, ""), (&ada, bob.id.as_str())] {
        let refused = player.list(user, 2, &first.cursor).await;
        assert_eq!(code(refused), ErrorCode::InvalidArgument, "a cursor of another list");
    }
    // Another player may hold the cursor, but sees no more than without.
    assert_eq!(bob.list(&ada.id, 2, &first.cursor).await.unwrap().objects, []);
}

/// Shows the host to the test.
#[derive(Default)]
struct Studio(std::sync::OnceLock<Arc<dyn Host>>);

#[async_trait]
impl Module for Studio {
    fn name(&self) -> &str {
        "studio"
    }

    async fn init(
        &self,
        registrar: &mut Registrar,
        host: Arc<dyn Host>,
    ) -> Result<(), ModuleError> {
        self.0.set(host).map_err(|_| "loaded twice")?;
        registrar.before::<calls::WriteStorageObjects, _, _>(|_, mut request| async move {
            if request.objects.iter().any(|object| object.collection == "forbidden") {
                return Err(HookError::new(ErrorCode::PermissionDenied, "not this one"));
            }
            for object in &mut request.objects {
                object.permission_read = Some(2);
            }
            Ok(Some(request))
        });
        Ok(())
    }
}

async fn with_studio(world: &mut World) -> (Arc<Api>, Arc<dyn Host>) {
    let services = world.services();
    let host = Arc::new(ServerHost::new(Arc::clone(&services)));
    let studio = Arc::new(Studio::default());
    let module: Arc<dyn Module> = Arc::clone(&studio) as _;
    let hooks: Hooks = load(vec![module], host, Duration::from_secs(5)).await.unwrap();
    (with_hooks(services, hooks), Arc::clone(studio.0.get().unwrap()))
}

#[tokio::test]
async fn hooks_see_writes_before_they_happen() {
    let (api, _) = with_studio(&mut World::new()).await;
    let ada = Player::new(&api, "ada-ada").await;
    ada.write(vec![new("k", "{}")]).await.unwrap();
    assert_eq!(ada.read(vec![id("k", &ada.id)]).await.unwrap()[0].permission_read, 2);
    let refused = api::WriteStorageObject { collection: "forbidden".to_owned(), ..new("k", "{}") };
    assert_eq!(code(ada.write(vec![refused]).await), ErrorCode::PermissionDenied);
}

#[tokio::test]
async fn server_code_passes_all_permissions() {
    let (api, host) = with_studio(&mut World::new()).await;
    let ada = Player::new(&api, "ada-ada").await;
    let user: UserId = ada.id.parse().unwrap();
    let hidden = |key: &str, user: UserId, value: &str| HostObjectWrite {
        collection: "c".to_owned(),
        key: key.to_owned(),
        user_id: user.into(),
        value: Json(value.to_owned()),
        permission_read: Some(0),
        permission_write: Some(0),
        ..Default::default()
    };
    let write = |objects: Vec<HostObjectWrite>| host.storage_write(StorageWrite { objects });
    let batch = vec![hidden("k", user, r#"{"v":1}"#), hidden("k", UserId::NIL, "{}")];
    let acks = write(batch).await.unwrap();
    assert_eq!((acks[0].user_id, acks[1].user_id), (user, UserId::NIL));
    assert_eq!(ada.value("k").await, None, "hidden from its owner");
    assert_eq!(ada.read(vec![id("k", "")]).await.unwrap(), [], "and the system's from everybody");
    write(vec![hidden("k", user, r#"{"v":2}"#)]).await.unwrap();
    let at = |user: UserId| HostObjectId {
        collection: "c".to_owned(),
        key: "k".to_owned(),
        user_id: user.into(),
    };
    let read = |objects| host.storage_read(StorageRead { objects });
    let found = read(vec![at(UserId::NIL), at(user)]).await.unwrap();
    let values: Vec<_> = found.iter().map(|object| object.value.0.as_str()).collect();
    assert_eq!(values, ["{}", r#"{"v": 2}"#]);
    assert_eq!((found[1].permission_read, found[1].permission_write), (0, 0));

    let nobody = UserId(uuid::Uuid::from_u128(7));
    let refused = write(vec![hidden("x", user, "{}"), hidden("k", nobody, "{}")]).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidArgument, "{refused}");

    let collection = Some("c".to_owned());
    let query = StorageList { collection, limit: 1_000, ..Default::default() };
    let owners =
        |page: HostObjectPage| page.objects.iter().map(|object| object.user_id).collect::<Vec<_>>();
    let list = |query: &StorageList| host.storage_list(query.clone());
    assert_eq!(owners(list(&query).await.unwrap()), [UserId::NIL, user]);
    let theirs = StorageList { user_id: user.into(), ..query.clone() };
    assert_eq!(owners(list(&theirs).await.unwrap()), [user]);
    let as_them = StorageList { caller_id: user.into(), ..theirs };
    assert_eq!(owners(list(&as_them).await.unwrap()), [], "with the owner's rights");
    let paged = StorageList { limit: 1, ..query.clone() };
    let first = list(&paged).await.unwrap();
    let rest = StorageList { cursor: first.cursor.clone(), ..paged };
    assert_eq!(owners(first), [UserId::NIL]);
    assert_eq!(owners(list(&rest).await.unwrap()), [user]);
    let beyond = StorageList { limit: i64::MAX, ..query };
    assert_eq!(list(&beyond).await.unwrap_err().code, ErrorCode::InvalidArgument);

    let gone = |user: UserId| HostObjectDelete {
        collection: "c".to_owned(),
        key: "k".to_owned(),
        user_id: user.into(),
        version: None,
    };
    let delete = |objects| host.storage_delete(StorageDelete { objects });
    let refused = delete(vec![gone(user), gone(nobody)]).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidArgument);
    delete(vec![gone(user), gone(UserId::NIL)]).await.unwrap();
    assert!(read(vec![at(user), at(UserId::NIL)]).await.unwrap().is_empty());
}
