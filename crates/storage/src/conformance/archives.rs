//! All that is kept of one account, to be taken away and brought back.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all};
use tavern_domain::{Stream, StreamMode, Timestamp, UserId};

use super::support::{
    MANY, NOW, Player, Suite, address, assert_does_not_fit, assert_same_json, cases, id, later,
    login, owner, unique,
};
use crate::{
    Account, AccountUpdate, Archive, ArchiveBounds, Field, FriendChanges, FriendState, Identity,
    ImportInto, ImportRefused, NewMessage, NotArchived, Notification, Object, ObjectIs, ObjectKey,
    ObjectRights, ObjectWrite, Others, Pair, PairChange, Provider, ReadPermission, Storage,
    StorageError, Together, User, WalletChange, WritePermission,
};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            an_export_has_what_is_the_accounts_and_nothing_else,
            of_nobody_there_is_no_export,
            what_is_too_much_is_not_read,
            an_export_is_of_one_moment,
            a_new_account_comes_in_whole,
            what_comes_in_goes_out_again,
            an_account_that_is_there_gets_metadata_wallet_and_objects,
            what_is_taken_keeps_everything_out,
            what_no_store_can_keep_stays_out,
            imports_at_once_settle,
        ]
    );
}

const MOST: ArchiveBounds = ArchiveBounds { rows: 1_000, bytes: 1 << 20 };

async fn export(storage: &Storage, user: UserId) -> Archive {
    storage.archives.export(user, MOST).await.expect("export").expect("it is there")
}

async fn import(
    storage: &Storage,
    into: ImportInto<'_>,
    objects: &[Object],
) -> Result<(), ImportRefused> {
    storage.archives.import(into, objects, later(60)).await.expect("import")
}

/// An account that is nowhere yet, with something in every field.
fn whole() -> Account {
    let text = |what| Some(unique(what));
    Account {
        user: User {
            id: UserId(id()),
            username: unique("name"),
            display_name: text("display"),
            avatar_url: text("avatar"),
            lang_tag: "de".into(),
            location: text("location"),
            timezone: text("zone"),
            metadata: r#"{"level": 3}"#.into(),
            facebook_id: text("facebook"),
            google_id: text("google"),
            gamecenter_id: text("gamecenter"),
            steam_id: text("steam"),
            facebook_instant_game_id: text("instant"),
            apple_id: text("apple"),
            edge_count: 0,
            create_time: later(-3_600),
            update_time: later(-60),
        },
        wallet: r#"{"coins": 7}"#.into(),
        email: Some(address()),
        devices: vec!["a", "b"].into_iter().map(unique).collect(),
        custom_id: text("custom"),
        verify_time: Some(later(-50)),
        disable_time: Some(later(-40)),
    }
}

fn object(user: UserId, key: &str) -> Object {
    Object {
        collection: "archives".into(),
        key: key.into(),
        user,
        value: r#"{"a": 1}"#.into(),
        version: "a version of elsewhere".into(),
        read: ReadPermission::Everybody,
        write: WritePermission::Nobody,
        create_time: later(-30),
        update_time: later(-20),
    }
}

fn put<'a>(user: UserId, key: &'a str, value: &'a str) -> ObjectWrite<'a> {
    ObjectWrite {
        at: ObjectKey { collection: "archives", key, user },
        if_is: ObjectIs::Any,
        value,
        version: "1",
        read: ReadPermission::Owner,
        write: WritePermission::Owner,
    }
}

async fn write(storage: &Storage, batch: &[ObjectWrite<'_>]) {
    let written = storage.objects.write(ObjectRights::Server, batch, NOW).await;
    written.expect("write").expect("not refused");
}

fn pay(user: UserId, coins: i64) -> WalletChange {
    WalletChange {
        user,
        changeset: BTreeMap::from([("coins".to_owned(), coins)]),
        metadata: r#"{"why": "x"}"#.into(),
        ledger_id: Some(id()),
    }
}

async fn befriend(storage: &Storage, user: UserId, other: UserId) {
    let decide = move |_: &[Pair]| FriendChanges {
        pairs: vec![PairChange {
            pair: Pair {
                other,
                mine: Some(FriendState::InviteSent),
                theirs: Some(FriendState::InviteReceived),
                named: true,
            },
            metadata: Some(r#"{"note": "met at the lake"}"#.into()),
            their_metadata: None,
        }],
        notifications: Vec::new(),
    };
    let others = Others { ids: &[other], ..Others::default() };
    storage.friends.change(user, others, NOW, &decide).await.expect("change");
}

async fn say(storage: &Storage, stream: &Stream, sender: UserId, content: &str) {
    let new = NewMessage {
        id: id(),
        code: 0,
        sender,
        username: "somebody",
        stream,
        content,
        create_time: NOW,
    };
    storage.messages.insert(new).await.expect("insert");
}

async fn an_export_has_what_is_the_accounts_and_nothing_else(storage: &Storage) {
    let (ada, bob) = (Player::create(storage).await, Player::create(storage).await);
    let room = Stream { label: unique("room").into(), ..Stream::of(StreamMode::CHANNEL, id()) };
    for (player, value) in [(&ada, r#"{"of": "ada"}"#), (&bob, r#"{"of": "bob"}"#)] {
        write(storage, &[put(player.user, "b", value), put(player.user, "a", value)]).await;
        say(storage, &room, player.user, value).await;
        let wallets = [pay(player.user, 5), pay(player.user, -2)];
        storage.wallets.apply(&wallets, NOW).await.expect("apply").expect("not refused");
        let waits = Notification {
            id: id(),
            user: player.user,
            subject: "hello".into(),
            content: value.into(),
            code: 7,
            sender: UserId::NIL,
            create_time: NOW,
        };
        storage.notifications.insert(&[waits]).await.expect("insert");
    }
    befriend(storage, ada.user, bob.user).await;

    let archive = export(storage, ada.user).await;
    let account = storage.accounts.get(ada.user).await.expect("get").expect("it is there");
    assert_eq!(archive.account, account);
    let keys: Vec<_> = archive.objects.iter().map(|object| &*object.key).collect();
    assert_eq!(keys, ["a", "b"]);
    for object in &archive.objects {
        assert_eq!((object.user, &*object.collection), (ada.user, "archives"));
        assert_same_json(&object.value, r#"{"of": "ada"}"#, "hers");
    }
    let [message] = &archive.messages[..] else { panic!("one message: {archive:?}") };
    assert_eq!((&message.stream, message.message.sender), (&room, ada.user));
    assert_same_json(&message.message.content, r#"{"of": "ada"}"#, "hers");
    let [friend] = &archive.friends[..] else { panic!("one friend: {archive:?}") };
    assert_eq!((friend.user, friend.state), (bob.user, FriendState::InviteSent));
    assert_same_json(&friend.metadata, r#"{"note": "met at the lake"}"#, "hers");
    let [waits] = &archive.notifications[..] else { panic!("one notification: {archive:?}") };
    assert_eq!((waits.user, waits.code), (ada.user, 7));
    let mut amounts: Vec<_> = archive.ledger.iter().map(|entry| entry.changeset["coins"]).collect();
    amounts.sort_unstable();
    assert_eq!(amounts, [-2, 5]);
    assert!(archive.ledger.iter().all(|entry| entry.user == ada.user));
    assert!(archive.groups.is_empty() && archive.records.is_empty());
}

async fn of_nobody_there_is_no_export(storage: &Storage) {
    let outcome = storage.archives.export(UserId(id()), MOST).await.expect("export");
    assert_eq!(outcome, Err(NotArchived::NoAccount));
}

async fn what_is_too_much_is_not_read(storage: &Storage) {
    let user = Player::create(storage).await.user;
    let value = format!(r#"{{"a": "{}"}}"#, "x".repeat(1_000));
    let batch = ["a", "b", "c"].map(|key| put(user, key, &value));
    write(storage, &batch).await;
    for (rows, bytes, fits) in [(3, 4_000, true), (2, 4_000, false), (3, 3_000, false)] {
        let outcome = storage.archives.export(user, ArchiveBounds { rows, bytes }).await;
        let outcome = outcome.expect("export").map(|archive| archive.objects.len());
        let expected = if fits { Ok(3) } else { Err(NotArchived::TooMuch) };
        assert_eq!(outcome, expected, "{rows} rows, {bytes} bytes");
    }
}

/// The same number is in the metadata, the wallet and an object; whoever sees two different ones
/// has looked at two moments.
async fn an_export_is_of_one_moment(storage: &Storage) {
    let user = Player::create(storage).await.user;
    write(storage, &[put(user, "n", r#"{"coins": 0}"#)]).await;
    storage.wallets.apply(&[pay(user, 0)], NOW).await.expect("apply").expect("not refused");
    let writes = async {
        for n in 1..=20 {
            let value = format!(r#"{{"coins": {n}}}"#);
            let metadata = AccountUpdate { metadata: Some(value.clone()), ..Default::default() };
            // A write of the version that is there would change nothing.
            let version = format!("version {n}");
            let changes = Together {
                accounts: &[(user, metadata)],
                writes: &[ObjectWrite { version: &version, ..put(user, "n", &value) }],
                wallets: &[pay(user, 1)],
                ..Together::default()
            };
            storage.togethers.apply(changes, NOW).await.expect("apply").expect("not refused");
        }
    };
    let looks = join_all((0..MANY).map(|_| async {
        for _ in 0..5 {
            let archive = export(storage, user).await;
            let [object] = &archive.objects[..] else { panic!("one object") };
            assert_same_json(&archive.account.wallet, &object.value, "of one moment");
        }
    }));
    join(writes, looks).await;
}

async fn a_new_account_comes_in_whole(storage: &Storage) {
    let account = whole();
    let user = account.user.id;
    let objects = [object(UserId::NIL, "a"), object(UserId::NIL, "b")];
    assert_eq!(import(storage, ImportInto::New(&account), &objects).await, Ok(()));
    let kept = storage.accounts.get(user).await.expect("get").expect("it is there");
    let expected = Account { devices: kept.devices.clone(), ..account.clone() };
    assert_eq!(kept, expected);
    for device in &account.devices {
        assert_eq!(owner(storage, Identity::Device(device)).await, Some(user));
    }
    for provider in Provider::ALL {
        let with = account.user.external(provider).expect("it has one");
        assert_eq!(owner(storage, Identity::External(provider, with)).await, Some(user));
    }
    let email = account.email.as_deref().expect("it has one");
    let found = login(storage, Identity::Email(email)).await.expect("it is found");
    assert_eq!((found.user, found.password), (user, None));
    assert_eq!(export(storage, user).await.objects, [object(user, "a"), object(user, "b")]);
}

async fn what_comes_in_goes_out_again(storage: &Storage) {
    let player = Player::create(storage).await;
    let update = AccountUpdate { location: Field::Set("Here".into()), ..AccountUpdate::default() };
    storage.accounts.update(player.user, &update, later(5)).await.expect("update");
    write(storage, &[put(player.user, "a", r#"{"a": [1, 2.5, null]}"#)]).await;
    let before = export(storage, player.user).await;
    assert!(storage.accounts.delete(player.user, false, later(6)).await.expect("delete"));
    let into = ImportInto::New(&before.account);
    assert_eq!(import(storage, into, &before.objects).await, Ok(()));
    assert_eq!(export(storage, player.user).await, before);
}

async fn an_account_that_is_there_gets_metadata_wallet_and_objects(storage: &Storage) {
    let player = Player::create(storage).await;
    let user = player.user;
    write(storage, &[put(user, "old", "{}"), put(user, "both", "{}")]).await;
    storage.wallets.apply(&[pay(user, 5)], NOW).await.expect("apply").expect("not refused");
    let before = export(storage, user).await;
    let other = Player::create(storage).await.user;
    write(storage, &[put(other, "old", "{}")]).await;

    let (metadata, wallet) = (r#"{"x": 1}"#, r#"{"gems": 2}"#);
    let into = ImportInto::Existing { user, metadata, wallet };
    let objects = [object(UserId::NIL, "both"), object(other, "new")];
    assert_eq!(import(storage, into, &objects).await, Ok(()));
    let after = export(storage, user).await;
    assert_eq!(after.objects, [object(user, "both"), object(user, "new")]);
    assert_same_json(&after.account.user.metadata, metadata, "replaced");
    assert_same_json(&after.account.wallet, wallet, "replaced");
    assert_eq!(after.account.user.update_time, later(60).whole_micros());
    let mut rest = after.clone();
    rest.objects.clone_from(&before.objects);
    rest.account.wallet.clone_from(&before.account.wallet);
    rest.account.user.metadata.clone_from(&before.account.user.metadata);
    rest.account.user.update_time = before.account.user.update_time;
    assert_eq!(rest, before, "the rest stays, the ledger included");
    assert_eq!(export(storage, other).await.objects.len(), 1, "nobody else's");
}

async fn what_is_taken_keeps_everything_out(storage: &Storage) {
    let player = Player::create(storage).await;
    let there = storage.accounts.get(player.user).await.expect("get").expect("it is there");
    let fresh = whole();
    let id_taken = Account { user: User { id: player.user, ..fresh.user.clone() }, ..whole() };
    let name = User { username: player.username.clone(), ..fresh.user.clone() };
    let name_taken = Account { user: name, ..fresh.clone() };
    let device_taken = Account { devices: vec![player.device.clone()], ..fresh.clone() };
    for (account, why) in [
        (&id_taken, ImportRefused::IdTaken),
        (&name_taken, ImportRefused::UsernameTaken),
        (&device_taken, ImportRefused::IdentityTaken),
    ] {
        let into = ImportInto::New(account);
        assert_eq!(import(storage, into, &[object(UserId::NIL, "a")]).await, Err(why));
    }
    assert_eq!(storage.accounts.get(fresh.user.id).await.expect("get"), None);
    let archive = export(storage, player.user).await;
    assert_eq!((archive.account, archive.objects.len()), (there, 0));
    let user = UserId(id());
    let into = ImportInto::Existing { user, metadata: "{}", wallet: "{}" };
    assert_eq!(import(storage, into, &[]).await, Err(ImportRefused::NoAccount));
    // What was free stays free.
    assert_eq!(import(storage, ImportInto::New(&fresh), &[]).await, Ok(()));
    let custom = fresh.custom_id.clone();
    let custom_taken = Account { custom_id: custom, email: None, ..whole() };
    let outcome = import(storage, ImportInto::New(&custom_taken), &[]).await;
    assert_eq!(outcome, Err(ImportRefused::IdentityTaken));
}

async fn what_no_store_can_keep_stays_out(storage: &Storage) {
    let long = Account { custom_id: Some("x".repeat(129)), ..whole() };
    let outcome = storage.archives.import(ImportInto::New(&long), &[], NOW).await;
    assert_does_not_fit(outcome, "a custom id");
    let account = whole();
    let bad = Object { key: "x".repeat(129), ..object(UserId::NIL, "") };
    let outcome = storage.archives.import(ImportInto::New(&account), &[bad], NOW).await;
    assert_does_not_fit(outcome, "a key");
    let twice = [object(UserId::NIL, "a"), object(UserId::NIL, "a")];
    let outcome = storage.archives.import(ImportInto::New(&account), &twice, NOW).await;
    assert!(matches!(outcome, Err(StorageError::Failed(_))), "{outcome:?}");
    assert_eq!(storage.accounts.get(account.user.id).await.expect("get"), None, "all or nothing");
}

async fn imports_at_once_settle(storage: &Storage) {
    let account = whole();
    let user = account.user.id;
    let outcomes =
        join_all((0..MANY).map(|_| import(storage, ImportInto::New(&account), &[]))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    // Of imports of the same account, each leaves all of its objects or none.
    let imports = (0..MANY).map(|n| async move {
        let wallet = format!(r#"{{"coins": {n}}}"#);
        let into = ImportInto::Existing { user, metadata: "{}", wallet: &wallet };
        let value = wallet.clone();
        let of = |key: &str| Object { value: value.clone(), ..object(user, key) };
        let mut objects = vec![of("a"), of("b"), of("c")];
        if n % 2 == 0 {
            objects.reverse();
        }
        import(storage, into, &objects).await
    });
    let writes = (0..MANY).map(|_| async move {
        let batch = ["c", "a"].map(|key| put(user, key, "{}"));
        write(storage, &batch).await;
    });
    let (imports, _) = join(join_all(imports), join_all(writes)).await;
    assert!(imports.iter().all(Result::is_ok), "{imports:?}");
    let archive = export(storage, user).await;
    let b = archive.objects.iter().find(|object| object.key == "b").expect("it is there");
    assert_same_json(&b.value, &archive.account.wallet, "of the same import");
    let now = Timestamp::from_seconds(NOW.seconds());
    assert!(archive.account.user.update_time >= now);
}
