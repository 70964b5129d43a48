//! Creating accounts, finding them, bans and passwords.

use futures_util::future::join_all;
use tavern_domain::{Timestamp, UserId};

use super::support::{
    MANY, NOW, Player, Suite, address, assert_does_not_fit, assert_same_json, cases, count_of,
    create, id, later, login, owner, password, unique,
};
use crate::{Created, Identity, NewAccount, Storage};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            a_new_account_is_found_by_identity_name_and_id,
            unknown_accounts_are_not_found,
            a_fresh_account_has_the_defaults,
            every_kind_of_identity_signs_in,
            kinds_of_identity_do_not_mix,
            usernames_are_compared_byte_by_byte,
            a_taken_username_creates_nothing,
            a_taken_identity_creates_nothing,
            a_user_id_is_never_used_twice,
            too_long_texts_create_nothing,
            parallel_creates_with_one_identity_give_one_account,
            parallel_creates_with_one_username_give_one_account,
            parallel_repetitions_of_one_create_give_one_account,
            users_are_found_by_ids_and_names_each_once,
            the_system_user_is_no_player,
            a_password_is_replaced_only_if_it_is_still_the_old_one,
            parallel_replacements_of_a_password_succeed_once,
            bans_are_set_and_lifted,
        ]
    );
}

async fn a_new_account_is_found_by_identity_name_and_id(storage: &Storage) {
    let player = Player::create(storage).await;
    let accounts = &storage.accounts;
    let by_device = login(storage, Identity::Device(&player.device)).await;
    let by_name = accounts.find_by_username(&player.username, false).await.expect("by name");
    let by_id = accounts.find_by_id(player.user).await.expect("by id");
    for (found, how) in [(by_device, "device"), (by_name, "name"), (by_id, "id")] {
        let found = found.unwrap_or_else(|| panic!("found by {how}"));
        assert_eq!(found.user, player.user, "the id, by {how}");
        assert_eq!(found.username, player.username, "the name, by {how}");
        assert_eq!(found.disable_time, None, "not banned, by {how}");
        assert_eq!(found.password, None, "no password, by {how}");
        assert_eq!(found.obligation, None, "no obligation, by {how}");
    }
}

async fn unknown_accounts_are_not_found(storage: &Storage) {
    let nobody = unique("nobody");
    let accounts = &storage.accounts;
    for identity in [Identity::Device(&nobody), Identity::Custom(&nobody), Identity::Email(&nobody)]
    {
        assert_eq!(login(storage, identity).await, None, "{identity:?}");
    }
    assert_eq!(accounts.find_by_username(&nobody, true).await.expect("by name"), None);
    assert_eq!(accounts.find_by_id(UserId(id())).await.expect("by id"), None);
    assert_eq!(accounts.get(UserId(id())).await.expect("get"), None);
}

async fn a_fresh_account_has_the_defaults(storage: &Storage) {
    let now = Timestamp::from_nanos(NOW.nanos() + 789);
    let player = Player::create_with(storage, None, now).await;
    let account = storage.accounts.get(player.user).await.expect("get").expect("it exists");
    assert_eq!(account.devices, [player.device.as_str()], "the device");
    assert_eq!(account.email, None, "email");
    assert_eq!(account.custom_id, None, "custom id");
    assert_eq!(account.verify_time, None, "never verified");
    assert_eq!(account.disable_time, None, "not banned");
    assert_same_json(&account.wallet, "{}", "the wallet is empty");
    let user = account.user;
    assert_eq!(user.id, player.user, "id");
    assert_eq!(user.username, player.username, "name");
    assert_eq!(user.lang_tag, "en", "language");
    assert_same_json(&user.metadata, "{}", "no metadata");
    assert_eq!(user.edge_count, 0, "no friends");
    assert_eq!(user.create_time, NOW, "the creation time, in microseconds");
    assert_eq!(user.update_time, NOW, "the update time, in microseconds");
    for (field, name) in [
        (user.display_name, "display name"),
        (user.avatar_url, "avatar"),
        (user.location, "location"),
        (user.timezone, "time zone"),
        (user.facebook_id, "facebook"),
        (user.google_id, "google"),
        (user.gamecenter_id, "game center"),
        (user.steam_id, "steam"),
        (user.facebook_instant_game_id, "instant game"),
        (user.apple_id, "apple"),
    ] {
        assert_eq!(field, None, "no {name}");
    }
}

async fn every_kind_of_identity_signs_in(storage: &Storage) {
    let (device, custom, email) = (unique("device"), unique("custom"), address());
    for identity in [Identity::Device(&device), Identity::Custom(&custom), Identity::Email(&email)]
    {
        let user = UserId(id());
        let is_email = matches!(identity, Identity::Email(_));
        let secret = is_email.then(|| password("hash"));
        let new = NewAccount {
            user,
            username: &unique("name"),
            identity,
            password: secret.clone(),
            now: NOW,
            obligation: None,
        };
        let created = storage.accounts.create(new).await.expect("create");
        assert_eq!(created, Created::Created, "{identity:?}");
        let found = login(storage, identity).await.expect("found");
        assert_eq!(found.user, user, "{identity:?}");
        assert_eq!(found.password, secret, "the password of {identity:?}");
        let account = storage.accounts.get(user).await.expect("get").expect("it exists");
        let shown = (
            account.devices.first().map(String::as_str),
            account.custom_id.as_deref(),
            account.email.as_deref(),
        );
        let expected = match identity {
            Identity::Device(id) => (Some(id), None, None),
            Identity::Custom(id) => (None, Some(id), None),
            Identity::Email(address) => (None, None, Some(address)),
            Identity::External(..) => (None, None, None),
        };
        assert_eq!(shown, expected, "the account shows {identity:?} and nothing else");
    }
}

async fn kinds_of_identity_do_not_mix(storage: &Storage) {
    let same = address();
    let (a, b, c) = (UserId(id()), UserId(id()), UserId(id()));
    for (user, identity) in
        [(a, Identity::Device(&same)), (b, Identity::Custom(&same)), (c, Identity::Email(&same))]
    {
        let created = create(storage, user, &unique("name"), identity).await;
        assert_eq!(created, Created::Created, "{identity:?}");
    }
    assert_eq!(owner(storage, Identity::Device(&same)).await, Some(a), "device");
    assert_eq!(owner(storage, Identity::Custom(&same)).await, Some(b), "custom id");
    assert_eq!(owner(storage, Identity::Email(&same)).await, Some(c), "email");
}

async fn usernames_are_compared_byte_by_byte(storage: &Storage) {
    let lower = unique("zoë 漢字");
    let upper = lower.to_uppercase();
    for name in [&lower, &upper] {
        let device = unique("device");
        let created = create(storage, UserId(id()), name, Identity::Device(&device)).await;
        assert_eq!(created, Created::Created, "{name}");
    }
    let found = storage.accounts.find_by_username(&lower, false).await.expect("by name");
    assert_eq!(found.expect("found").username, lower, "names keep their case");
}

async fn a_taken_username_creates_nothing(storage: &Storage) {
    let first = Player::create(storage).await;
    let (user, device) = (UserId(id()), unique("device"));
    let created = create(storage, user, &first.username, Identity::Device(&device)).await;
    assert_eq!(created, Created::UsernameTaken);
    assert_eq!(owner(storage, Identity::Device(&device)).await, None, "no device was kept");
    assert_eq!(storage.accounts.get(user).await.expect("get"), None, "no account was kept");
    let found = storage.accounts.find_by_username(&first.username, false).await.expect("by name");
    assert_eq!(found.expect("found").user, first.user, "the name is still the first one's");
}

async fn a_taken_identity_creates_nothing(storage: &Storage) {
    let (device, custom, email) = (unique("device"), unique("custom"), address());
    for identity in [Identity::Device(&device), Identity::Custom(&custom), Identity::Email(&email)]
    {
        let (first, second, name) = (UserId(id()), UserId(id()), unique("second"));
        let created = create(storage, first, &unique("first"), identity).await;
        assert_eq!(created, Created::Created, "{identity:?}");
        let created = create(storage, second, &name, identity).await;
        assert_eq!(created, Created::IdentityTaken, "{identity:?}");
        assert_eq!(owner(storage, identity).await, Some(first), "still the first one's");
        assert_eq!(storage.accounts.get(second).await.expect("get"), None, "nothing was kept");
        let found = storage.accounts.find_by_username(&name, false).await.expect("by name");
        assert_eq!(found, None, "the second name is still free");
    }
}

async fn a_user_id_is_never_used_twice(storage: &Storage) {
    let first = Player::create(storage).await;
    let device = unique("device");
    let new = NewAccount {
        user: first.user,
        username: &unique("name"),
        identity: Identity::Device(&device),
        password: None,
        now: NOW,
        obligation: None,
    };
    let outcome = storage.accounts.create(new).await;
    assert!(outcome.is_err(), "an id that exists is an error, not {outcome:?}");
    assert_eq!(owner(storage, Identity::Device(&device)).await, None, "nothing was kept");
}

async fn too_long_texts_create_nothing(storage: &Storage) {
    let (device, long) = (unique("device"), "n".repeat(129));
    for (username, identity, what) in [
        (long.as_str(), Identity::Device(&device), "a name of 129 characters"),
        (&unique("name"), Identity::Device(&long), "a device id of 129 characters"),
        (&unique("name"), Identity::Custom(&long), "a custom id of 129 characters"),
        (&unique("na\0me"), Identity::Device(&device), "a NUL character in a name"),
    ] {
        let user = UserId(id());
        let new =
            NewAccount { user, username, identity, password: None, now: NOW, obligation: None };
        assert_does_not_fit(storage.accounts.create(new).await, what);
        assert_eq!(storage.accounts.get(user).await.expect("get"), None, "{what}: nothing kept");
        assert_eq!(owner(storage, identity).await, None, "{what}: no identity kept");
    }
}

async fn parallel_creates_with_one_identity_give_one_account(storage: &Storage) {
    let (device, custom, email) = (unique("device"), unique("custom"), address());
    for identity in [Identity::Device(&device), Identity::Custom(&custom), Identity::Email(&email)]
    {
        let names: Vec<_> = (0..MANY).map(|_| (UserId(id()), unique("name"))).collect();
        let outcomes =
            join_all(names.iter().map(|(user, name)| create(storage, *user, name, identity))).await;
        assert_eq!(count_of(&outcomes, &Created::Created), 1, "{identity:?}: one is created");
        assert_eq!(
            count_of(&outcomes, &Created::IdentityTaken),
            MANY - 1,
            "{identity:?}: the others hear that the identity is taken"
        );
        let found = owner(storage, identity).await;
        for ((user, name), outcome) in names.iter().zip(&outcomes) {
            let won = *outcome == Created::Created;
            assert_eq!(found == Some(*user), won, "{identity:?}: the winner has the identity");
            let named = storage.accounts.find_by_username(name, false).await.expect("by name");
            assert_eq!(named.is_some(), won, "{identity:?}: losers leave no name behind");
        }
    }
}

async fn parallel_creates_with_one_username_give_one_account(storage: &Storage) {
    let name = unique("name");
    let devices: Vec<_> = (0..MANY).map(|_| (UserId(id()), unique("device"))).collect();
    let outcomes = join_all(
        devices
            .iter()
            .map(|(user, device)| create(storage, *user, &name, Identity::Device(device))),
    )
    .await;
    assert_eq!(count_of(&outcomes, &Created::Created), 1, "one is created");
    assert_eq!(count_of(&outcomes, &Created::UsernameTaken), MANY - 1, "the others are refused");
    for ((user, device), outcome) in devices.iter().zip(&outcomes) {
        let expected = (*outcome == Created::Created).then_some(*user);
        let found = owner(storage, Identity::Device(device)).await;
        assert_eq!(found, expected, "losers leave no device behind");
    }
}

/// A client that sends the same request twice: whatever the loser hears, nothing is kept twice.
async fn parallel_repetitions_of_one_create_give_one_account(storage: &Storage) {
    let (name, device) = (unique("name"), unique("device"));
    let users: Vec<_> = (0..MANY).map(|_| UserId(id())).collect();
    let outcomes =
        join_all(users.iter().map(|user| create(storage, *user, &name, Identity::Device(&device))))
            .await;
    assert_eq!(count_of(&outcomes, &Created::Created), 1, "one is created");
    let winner = users.iter().zip(&outcomes).find(|(_, o)| **o == Created::Created);
    let found = owner(storage, Identity::Device(&device)).await;
    assert_eq!(found, winner.map(|(user, _)| *user), "the winner has the device");
    let named = storage.accounts.find_by_username(&name, false).await.expect("by name");
    assert_eq!(named.map(|login| login.user), found, "and the name");
}

async fn users_are_found_by_ids_and_names_each_once(storage: &Storage) {
    let (a, b) = (Player::create(storage).await, Player::create(storage).await);
    let _c = Player::create(storage).await;
    let accounts = &storage.accounts;
    let mut found = accounts
        .users(
            &[a.user, UserId(id()), a.user],
            &[b.username.clone(), unique("nobody"), a.username.clone(), b.username.clone()],
            &[unique("facebook")],
        )
        .await
        .expect("users");
    found.sort_by_key(|user| user.id != a.user);
    let ids: Vec<_> = found.iter().map(|user| user.id).collect();
    assert_eq!(ids, [a.user, b.user], "those asked for, each once, unknown ones left out");
    let account = accounts.get(a.user).await.expect("get").expect("it exists");
    assert_eq!(found[0], account.user, "the same as in the account");
    assert_eq!(accounts.users(&[], &[], &[]).await.expect("users"), [], "nothing asked");
}

async fn the_system_user_is_no_player(storage: &Storage) {
    let found = storage.accounts.users(&[UserId::NIL], &[String::new()], &[]).await;
    assert_eq!(found.expect("users"), [], "it is left out");
    let deleted = storage.accounts.delete(UserId::NIL, false, NOW).await.expect("delete");
    assert!(!deleted, "it cannot be deleted");
    let created = create(storage, UserId(id()), "", Identity::Device(&unique("device"))).await;
    assert_eq!(created, Created::UsernameTaken, "its empty name is taken, also after that");
}

async fn a_password_is_replaced_only_if_it_is_still_the_old_one(storage: &Storage) {
    let email = address();
    let new = NewAccount {
        user: UserId(id()),
        username: &unique("name"),
        identity: Identity::Email(&email),
        password: Some(password("old")),
        now: NOW,
        obligation: None,
    };
    let user = new.user;
    storage.accounts.create(new).await.expect("create");
    let replace = async |user, old: &str, new: &str| {
        let outcome = storage.accounts.replace_password(user, &password(old), &password(new)).await;
        outcome.expect("replace the password")
    };
    let kept = async || login(storage, Identity::Email(&email)).await.and_then(|l| l.password);
    assert!(!replace(user, "other", "new").await, "not the old one");
    assert_eq!(kept().await, Some(password("old")), "nothing was changed");
    assert!(replace(user, "old", "new").await, "the old one");
    assert_eq!(kept().await, Some(password("new")), "replaced");
    assert!(!replace(UserId(id()), "new", "x").await, "no such account");
    let player = Player::create(storage).await;
    assert!(!replace(player.user, "", "x").await, "an account without password gets none");
}

async fn parallel_replacements_of_a_password_succeed_once(storage: &Storage) {
    let email = address();
    let user = UserId(id());
    let new = NewAccount {
        user,
        username: &unique("name"),
        identity: Identity::Email(&email),
        password: Some(password("old")),
        now: NOW,
        obligation: None,
    };
    storage.accounts.create(new).await.expect("create");
    let old = password("old");
    let candidates: Vec<_> = (0..MANY).map(|i| password(&format!("new {i}"))).collect();
    let outcomes =
        join_all(candidates.iter().map(|new| storage.accounts.replace_password(user, &old, new)))
            .await;
    let outcomes: Vec<_> = outcomes.into_iter().map(|o| o.expect("replace")).collect();
    assert_eq!(count_of(&outcomes, &true), 1, "one replaces it");
    let winner = candidates.iter().zip(&outcomes).find(|(_, won)| **won).map(|(new, _)| new);
    let kept = login(storage, Identity::Email(&email)).await.expect("found").password;
    assert_eq!(kept.as_ref(), winner, "the winner's is kept");
}

async fn bans_are_set_and_lifted(storage: &Storage) {
    let (a, b, c) = (
        Player::create(storage).await,
        Player::create(storage).await,
        Player::create(storage).await,
    );
    let seen = async |player: &Player| {
        let account = storage.accounts.get(player.user).await.expect("get").expect("it exists");
        let login = login(storage, Identity::Device(&player.device)).await.expect("found");
        assert_eq!(account.disable_time, login.disable_time, "account and login agree");
        account.disable_time
    };
    let ban = async |users: &[UserId], at| {
        storage.accounts.set_disabled(users, at).await.expect("set disabled");
    };
    ban(&[a.user, UserId(id()), b.user], Some(later(5))).await;
    assert_eq!(seen(&a).await, Some(later(5)), "banned");
    assert_eq!(seen(&b).await, Some(later(5)), "banned, also behind an unknown id");
    assert_eq!(seen(&c).await, None, "not asked for");
    ban(&[a.user], None).await;
    assert_eq!(seen(&a).await, None, "lifted");
    assert_eq!(seen(&b).await, Some(later(5)), "still banned");
    ban(&[], Some(NOW)).await;
}
