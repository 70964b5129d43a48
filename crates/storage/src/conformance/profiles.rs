//! Changing profiles.

use futures_util::future::join_all;
use tavern_domain::UserId;

use super::support::{
    MANY, NOW, Player, Suite, assert_does_not_fit, assert_same_json, cases, count_of, id, later,
    unique,
};
use crate::{Account, AccountUpdate, Field, Storage, Updated};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            every_field_is_set,
            fields_left_out_stay_and_others_clear,
            texts_outside_ascii_are_kept,
            metadata_is_kept_by_value,
            an_update_moves_the_update_time,
            ones_own_name_again_is_fine,
            a_taken_name_changes_nothing,
            a_name_given_up_is_free,
            parallel_renames_to_one_name_succeed_once,
            no_account_no_update,
            players_come_in_the_order_of_ids_and_round_the_end,
            what_does_not_fit_changes_nothing,
        ]
    );
}

async fn players_come_in_the_order_of_ids_and_round_the_end(storage: &Storage) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(Player::create(storage).await.user);
    }
    ids.sort_unstable();
    let all = storage.accounts.users_from(ids[2], 1_000_000).await.expect("users");
    let all: Vec<UserId> = all.into_iter().map(|user| user.id).collect();
    assert_eq!(all[0], ids[2], "the first one is the one asked for");
    let mut again = all.clone();
    again.sort_unstable();
    again.dedup();
    assert_eq!(again.len(), all.len(), "each once");
    let mine: Vec<UserId> = all.iter().copied().filter(|id| ids.contains(id)).collect();
    assert_eq!(mine, [ids[2], ids[3], ids[4], ids[0], ids[1]], "round the end");
    assert!(!all.contains(&UserId::NIL), "without the system user");
    let two = storage.accounts.users_from(ids[2], 2).await.expect("users");
    let two: Vec<UserId> = two.into_iter().map(|user| user.id).collect();
    assert_eq!(two, all[..2], "as many as asked for");
    let none = storage.accounts.users_from(ids[2], 0).await.expect("users");
    assert_eq!(none, [], "or none");
}

async fn update(storage: &Storage, user: UserId, update: &AccountUpdate) -> Updated {
    storage.accounts.update(user, update, later(60)).await.expect("update")
}

async fn get(storage: &Storage, player: &Player) -> Account {
    storage.accounts.get(player.user).await.expect("get").expect("it exists")
}

fn set(text: &str) -> Field {
    Field::Set(text.into())
}

fn full() -> AccountUpdate {
    AccountUpdate {
        username: Some(unique("new")),
        display_name: set("Ada L."),
        avatar_url: set("https://example.com/a.png"),
        lang_tag: Some("fr".into()),
        location: set("Paris"),
        timezone: set("Europe/Paris"),
        metadata: Some(r#"{"level":3}"#.into()),
    }
}

async fn every_field_is_set(storage: &Storage) {
    let player = Player::create(storage).await;
    let wanted = full();
    assert_eq!(update(storage, player.user, &wanted).await, Updated::Updated);
    let user = get(storage, &player).await.user;
    assert_eq!(Some(&user.username), wanted.username.as_ref(), "name");
    assert_eq!(user.display_name.as_deref(), Some("Ada L."), "display name");
    assert_eq!(user.avatar_url.as_deref(), Some("https://example.com/a.png"), "avatar");
    assert_eq!(user.lang_tag, "fr", "language");
    assert_eq!(user.location.as_deref(), Some("Paris"), "location");
    assert_eq!(user.timezone.as_deref(), Some("Europe/Paris"), "time zone");
    assert_same_json(&user.metadata, r#"{"level":3}"#, "metadata");
    let found = storage.accounts.find_by_username(&user.username, false).await.expect("by name");
    assert_eq!(found.map(|login| login.user), Some(player.user), "found by the new name");
}

async fn fields_left_out_stay_and_others_clear(storage: &Storage) {
    let player = Player::create(storage).await;
    update(storage, player.user, &full()).await;
    let before = get(storage, &player).await.user;
    let change = AccountUpdate {
        display_name: Field::Clear,
        location: Field::Clear,
        timezone: set("UTC"),
        ..AccountUpdate::default()
    };
    assert_eq!(update(storage, player.user, &change).await, Updated::Updated);
    let after = get(storage, &player).await.user;
    assert_eq!(after.display_name, None, "cleared");
    assert_eq!(after.location, None, "cleared");
    assert_eq!(after.timezone.as_deref(), Some("UTC"), "set");
    assert_eq!(after.avatar_url, before.avatar_url, "kept");
    assert_eq!(after.lang_tag, before.lang_tag, "kept");
    assert_eq!(after.username, before.username, "kept");
    assert_eq!(after.metadata, before.metadata, "kept");
    let change = AccountUpdate {
        avatar_url: Field::Clear,
        timezone: Field::Clear,
        ..AccountUpdate::default()
    };
    update(storage, player.user, &change).await;
    let after = get(storage, &player).await.user;
    assert_eq!((after.avatar_url, after.timezone), (None, None), "cleared");
}

async fn texts_outside_ascii_are_kept(storage: &Storage) {
    let player = Player::create(storage).await;
    let name = unique("é 漢字");
    let change = AccountUpdate {
        username: Some(name.clone()),
        display_name: set("Zoë 漢字 🙂 'quoted' \\ %s $1"),
        ..AccountUpdate::default()
    };
    update(storage, player.user, &change).await;
    let user = get(storage, &player).await.user;
    assert_eq!(user.username, name, "name");
    assert_eq!(user.display_name.as_deref(), Some("Zoë 漢字 🙂 'quoted' \\ %s $1"), "display name");
}

async fn metadata_is_kept_by_value(storage: &Storage) {
    let player = Player::create(storage).await;
    let metadata = r#"{"tags":["x","y"],"level":3,"s":"é\n\"","n":null,"deep":{"b":true,"a":-1}}"#;
    let change = AccountUpdate { metadata: Some(metadata.into()), ..AccountUpdate::default() };
    update(storage, player.user, &change).await;
    assert_same_json(&get(storage, &player).await.user.metadata, metadata, "metadata");
}

async fn an_update_moves_the_update_time(storage: &Storage) {
    let player = Player::create(storage).await;
    let change = AccountUpdate { location: set("Oslo"), ..AccountUpdate::default() };
    update(storage, player.user, &change).await;
    let user = get(storage, &player).await.user;
    assert_eq!(user.update_time, later(60), "moved");
    assert_eq!(user.create_time, NOW, "the creation time stays");
}

async fn ones_own_name_again_is_fine(storage: &Storage) {
    let player = Player::create(storage).await;
    let change = AccountUpdate {
        username: Some(player.username.clone()),
        location: set("Oslo"),
        ..AccountUpdate::default()
    };
    assert_eq!(update(storage, player.user, &change).await, Updated::Updated);
    let user = get(storage, &player).await.user;
    assert_eq!(user.username, player.username, "the same name");
    assert_eq!(user.location.as_deref(), Some("Oslo"), "and the rest is done");
}

async fn a_taken_name_changes_nothing(storage: &Storage) {
    let (a, b) = (Player::create(storage).await, Player::create(storage).await);
    let before = get(storage, &a).await;
    let change = AccountUpdate { username: Some(b.username.clone()), ..full() };
    assert_eq!(update(storage, a.user, &change).await, Updated::UsernameTaken);
    assert_eq!(get(storage, &a).await, before, "nothing was changed");
}

async fn a_name_given_up_is_free(storage: &Storage) {
    let (a, b) = (Player::create(storage).await, Player::create(storage).await);
    let rename =
        |name: &str| AccountUpdate { username: Some(name.into()), ..AccountUpdate::default() };
    assert_eq!(update(storage, a.user, &rename(&unique("new"))).await, Updated::Updated);
    assert_eq!(update(storage, b.user, &rename(&a.username)).await, Updated::Updated);
    let found = storage.accounts.find_by_username(&a.username, false).await.expect("by name");
    assert_eq!(found.map(|login| login.user), Some(b.user), "the name is the other's now");
}

async fn parallel_renames_to_one_name_succeed_once(storage: &Storage) {
    let players = join_all((0..MANY).map(|_| Player::create(storage))).await;
    let name = unique("wanted");
    let change = AccountUpdate { username: Some(name.clone()), ..AccountUpdate::default() };
    let outcomes = join_all(players.iter().map(|p| update(storage, p.user, &change))).await;
    assert_eq!(count_of(&outcomes, &Updated::Updated), 1, "one gets the name");
    assert_eq!(count_of(&outcomes, &Updated::UsernameTaken), MANY - 1, "the others are refused");
    for (player, outcome) in players.iter().zip(outcomes) {
        let expected = if outcome == Updated::Updated { &name } else { &player.username };
        assert_eq!(&get(storage, player).await.user.username, expected, "as it was told");
    }
}

async fn no_account_no_update(storage: &Storage) {
    let nobody = UserId(id());
    assert_eq!(update(storage, nobody, &full()).await, Updated::NoAccount);
    assert_eq!(storage.accounts.get(nobody).await.expect("get"), None, "and none was made");
}

async fn what_does_not_fit_changes_nothing(storage: &Storage) {
    let player = Player::create(storage).await;
    let widest = AccountUpdate {
        display_name: set(&"é".repeat(255)),
        avatar_url: set(&"a".repeat(512)),
        lang_tag: Some("l".repeat(18)),
        ..AccountUpdate::default()
    };
    assert_eq!(update(storage, player.user, &widest).await, Updated::Updated, "the widest texts");
    let before = get(storage, &player).await;
    let long = |len| Field::Set("x".repeat(len));
    let none = AccountUpdate::default;
    for (change, what) in [
        (AccountUpdate { display_name: long(256), ..none() }, "display name"),
        (AccountUpdate { avatar_url: long(513), ..none() }, "avatar"),
        (AccountUpdate { location: long(256), ..none() }, "location"),
        (AccountUpdate { timezone: long(256), ..none() }, "time zone"),
        (AccountUpdate { lang_tag: Some("x".repeat(19)), ..none() }, "language"),
        (AccountUpdate { location: set("a\0b"), ..none() }, "a NUL character"),
        (AccountUpdate { metadata: Some(r#"{"a":"\u0000"}"#.into()), ..none() }, "NUL in JSON"),
    ] {
        let change = AccountUpdate { username: Some(unique("unused")), ..change };
        assert_does_not_fit(storage.accounts.update(player.user, &change, NOW).await, what);
        assert_eq!(get(storage, &player).await, before, "{what}: nothing was changed");
    }
}
