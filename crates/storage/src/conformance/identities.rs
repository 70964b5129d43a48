//! Linking and unlinking identities.

use futures_util::future::join_all;
use tavern_domain::UserId;

use super::support::{
    MANY, Player, Suite, address, cases, count_of, id, later, login, owner, password, unique,
};
use crate::{Account, Identity, Linked, Storage, Unlinked};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            devices_are_added_and_listed_in_order,
            linking_ones_own_identity_again_is_fine,
            a_custom_id_is_replaced,
            an_email_is_linked_with_its_password_and_replaced,
            an_identity_of_somebody_else_is_refused,
            no_account_no_link,
            parallel_links_of_one_identity_succeed_once,
            an_unlinked_identity_no_longer_signs_in,
            the_last_identity_stays,
            what_is_not_ones_own_cannot_be_unlinked,
            a_custom_id_is_compared_when_unlinked,
            an_email_goes_with_its_password_whatever_address_is_given,
            an_unlinked_identity_is_free,
            parallel_unlinks_leave_one_identity,
            parallel_unlinks_of_different_kinds_leave_one_identity,
            links_and_unlinks_move_the_update_time,
        ]
    );
}

async fn link(storage: &Storage, user: UserId, identity: Identity<'_>) -> Linked {
    let secret = matches!(identity, Identity::Email(_)).then(|| password("hash"));
    storage.accounts.link(user, identity, secret.as_ref(), later(60)).await.expect("link")
}

async fn unlink(storage: &Storage, user: UserId, identity: Identity<'_>) -> Unlinked {
    storage.accounts.unlink(user, identity, later(120)).await.expect("unlink")
}

async fn get(storage: &Storage, user: UserId) -> Account {
    storage.accounts.get(user).await.expect("get").expect("it exists")
}

async fn devices_are_added_and_listed_in_order(storage: &Storage) {
    let player = Player::create(storage).await;
    let mut devices = vec![player.device.clone()];
    for _ in 0..4 {
        let device = unique("device");
        let linked = link(storage, player.user, Identity::Device(&device)).await;
        assert_eq!(linked, Linked::Linked);
        assert_eq!(owner(storage, Identity::Device(&device)).await, Some(player.user));
        devices.push(device);
    }
    devices.sort();
    assert_eq!(get(storage, player.user).await.devices, devices, "in the order of the ids");
}

async fn linking_ones_own_identity_again_is_fine(storage: &Storage) {
    let player = Player::create(storage).await;
    let (custom, email) = (unique("custom"), address());
    for identity in
        [Identity::Device(&player.device), Identity::Custom(&custom), Identity::Email(&email)]
    {
        for _ in 0..2 {
            assert_eq!(link(storage, player.user, identity).await, Linked::Linked, "{identity:?}");
        }
        assert_eq!(owner(storage, identity).await, Some(player.user), "{identity:?}");
    }
    assert_eq!(get(storage, player.user).await.devices, [player.device], "one device still");
}

async fn a_custom_id_is_replaced(storage: &Storage) {
    let player = Player::create(storage).await;
    let (first, second) = (unique("first"), unique("second"));
    link(storage, player.user, Identity::Custom(&first)).await;
    assert_eq!(link(storage, player.user, Identity::Custom(&second)).await, Linked::Linked);
    assert_eq!(get(storage, player.user).await.custom_id, Some(second.clone()), "the new one");
    assert_eq!(owner(storage, Identity::Custom(&second)).await, Some(player.user));
    assert_eq!(owner(storage, Identity::Custom(&first)).await, None, "the old one is gone");
    let other = Player::create(storage).await;
    let linked = link(storage, other.user, Identity::Custom(&first)).await;
    assert_eq!(linked, Linked::Linked, "and free for others");
}

async fn an_email_is_linked_with_its_password_and_replaced(storage: &Storage) {
    let player = Player::create(storage).await;
    for secret in ["one", "two"] {
        let (email, secret) = (address(), password(secret));
        let identity = Identity::Email(&email);
        let linked = storage.accounts.link(player.user, identity, Some(&secret), later(1)).await;
        assert_eq!(linked.expect("link"), Linked::Linked);
        let found = login(storage, identity).await.expect("found");
        assert_eq!((found.user, found.password), (player.user, Some(secret)), "with the password");
        assert_eq!(get(storage, player.user).await.email, Some(email), "the account shows it");
    }
}

async fn an_identity_of_somebody_else_is_refused(storage: &Storage) {
    let (a, b) = (Player::create(storage).await, Player::create(storage).await);
    let (custom, email) = (unique("custom"), address());
    link(storage, a.user, Identity::Custom(&custom)).await;
    link(storage, a.user, Identity::Email(&email)).await;
    let before = (get(storage, a.user).await, get(storage, b.user).await);
    for identity in
        [Identity::Device(&a.device), Identity::Custom(&custom), Identity::Email(&email)]
    {
        assert_eq!(link(storage, b.user, identity).await, Linked::Elsewhere, "{identity:?}");
        assert_eq!(owner(storage, identity).await, Some(a.user), "still the first one's");
    }
    let after = (get(storage, a.user).await, get(storage, b.user).await);
    assert_eq!(after, before, "nothing was changed");
}

async fn no_account_no_link(storage: &Storage) {
    let (nobody, text) = (UserId(id()), address());
    for identity in [Identity::Device(&text), Identity::Custom(&text), Identity::Email(&text)] {
        assert_eq!(link(storage, nobody, identity).await, Linked::NoAccount, "{identity:?}");
        assert_eq!(owner(storage, identity).await, None, "nothing was kept");
    }
}

async fn parallel_links_of_one_identity_succeed_once(storage: &Storage) {
    let text = address();
    for identity in [Identity::Device(&text), Identity::Custom(&text), Identity::Email(&text)] {
        let players = join_all((0..MANY).map(|_| Player::create(storage))).await;
        let outcomes = join_all(players.iter().map(|p| link(storage, p.user, identity))).await;
        assert_eq!(count_of(&outcomes, &Linked::Linked), 1, "{identity:?}: one gets it");
        assert_eq!(count_of(&outcomes, &Linked::Elsewhere), MANY - 1, "{identity:?}: others not");
        let winner = players.iter().zip(&outcomes).find(|(_, o)| **o == Linked::Linked);
        let expected = winner.map(|(player, _)| player.user);
        assert_eq!(owner(storage, identity).await, expected, "{identity:?}: as it was told");
    }
}

async fn an_unlinked_identity_no_longer_signs_in(storage: &Storage) {
    let player = Player::create(storage).await;
    let (device, custom) = (unique("device"), unique("custom"));
    for identity in [Identity::Device(&device), Identity::Custom(&custom)] {
        link(storage, player.user, identity).await;
        assert_eq!(unlink(storage, player.user, identity).await, Unlinked::Unlinked);
        assert_eq!(owner(storage, identity).await, None, "{identity:?} is gone");
        let again = unlink(storage, player.user, identity).await;
        assert_eq!(again, Unlinked::LastOrMissing, "{identity:?} is gone already");
    }
    let account = get(storage, player.user).await;
    assert_eq!(account.devices, [player.device], "the other device stays");
    assert_eq!(account.custom_id, None, "no custom id");
}

async fn the_last_identity_stays(storage: &Storage) {
    let player = Player::create(storage).await;
    let user = player.user;
    let (custom, email) = (unique("custom"), address());
    let (device, custom, email) =
        (Identity::Device(&player.device), Identity::Custom(&custom), Identity::Email(&email));
    for (last, next) in [(device, custom), (custom, email), (email, device)] {
        assert_eq!(unlink(storage, user, last).await, Unlinked::LastOrMissing, "{last:?}");
        assert_eq!(owner(storage, last).await, Some(user), "{last:?} still signs in");
        link(storage, user, next).await;
        assert_eq!(unlink(storage, user, last).await, Unlinked::Unlinked, "{last:?}, not last");
    }
}

async fn what_is_not_ones_own_cannot_be_unlinked(storage: &Storage) {
    let (a, b) = (Player::create(storage).await, Player::create(storage).await);
    let (custom, email, text) = (unique("custom"), address(), address());
    link(storage, a.user, Identity::Custom(&custom)).await;
    link(storage, a.user, Identity::Email(&email)).await;
    link(storage, b.user, Identity::Device(&unique("device"))).await;
    let before = get(storage, b.user).await;
    for identity in [
        Identity::Device(&a.device),
        Identity::Custom(&custom),
        Identity::Email(&email),
        Identity::Device(&text),
        Identity::Custom(&text),
        Identity::Email(&text),
    ] {
        let outcome = unlink(storage, b.user, identity).await;
        assert_eq!(outcome, Unlinked::LastOrMissing, "{identity:?}");
        let outcome = unlink(storage, UserId(id()), identity).await;
        assert_eq!(outcome, Unlinked::LastOrMissing, "{identity:?}, without an account");
    }
    assert_eq!(get(storage, b.user).await, before, "nothing was changed");
    assert_eq!(owner(storage, Identity::Device(&a.device)).await, Some(a.user), "nor there");
    assert_eq!(owner(storage, Identity::Custom(&custom)).await, Some(a.user), "nor there");
    assert_eq!(owner(storage, Identity::Email(&email)).await, Some(a.user), "nor there");
}

async fn a_custom_id_is_compared_when_unlinked(storage: &Storage) {
    let player = Player::create(storage).await;
    let custom = unique("custom");
    link(storage, player.user, Identity::Custom(&custom)).await;
    let outcome = unlink(storage, player.user, Identity::Custom(&unique("other"))).await;
    assert_eq!(outcome, Unlinked::LastOrMissing, "another id");
    assert_eq!(owner(storage, Identity::Custom(&custom)).await, Some(player.user), "it stays");
}

async fn an_email_goes_with_its_password_whatever_address_is_given(storage: &Storage) {
    let player = Player::create(storage).await;
    let (email, secret) = (address(), password("hash"));
    storage
        .accounts
        .link(player.user, Identity::Email(&email), Some(&secret), later(1))
        .await
        .expect("link");
    let outcome = unlink(storage, player.user, Identity::Email("")).await;
    assert_eq!(outcome, Unlinked::Unlinked, "the address is not compared");
    assert_eq!(owner(storage, Identity::Email(&email)).await, None, "it is gone");
    let found = login(storage, Identity::Device(&player.device)).await.expect("found");
    assert_eq!(found.password, None, "and so is the password");
    assert_eq!(get(storage, player.user).await.email, None, "the account shows none");
}

async fn an_unlinked_identity_is_free(storage: &Storage) {
    let (a, b) = (Player::create(storage).await, Player::create(storage).await);
    link(storage, a.user, Identity::Device(&unique("device"))).await;
    assert_eq!(unlink(storage, a.user, Identity::Device(&a.device)).await, Unlinked::Unlinked);
    assert_eq!(link(storage, b.user, Identity::Device(&a.device)).await, Linked::Linked);
    assert_eq!(owner(storage, Identity::Device(&a.device)).await, Some(b.user));
}

async fn parallel_unlinks_leave_one_identity(storage: &Storage) {
    for _ in 0..4 {
        let player = Player::create(storage).await;
        let mut devices = vec![player.device.clone()];
        for _ in 1..MANY {
            devices.push(unique("device"));
        }
        for device in &devices {
            link(storage, player.user, Identity::Device(device)).await;
        }
        let outcomes = join_all(
            devices.iter().map(|device| unlink(storage, player.user, Identity::Device(device))),
        )
        .await;
        assert_eq!(count_of(&outcomes, &Unlinked::Unlinked), MANY - 1, "all but one go");
        let left: Vec<_> = devices
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| **outcome == Unlinked::LastOrMissing)
            .map(|(device, _)| device.clone())
            .collect();
        assert_eq!(get(storage, player.user).await.devices, left, "the last one stays");
    }
}

async fn parallel_unlinks_of_different_kinds_leave_one_identity(storage: &Storage) {
    for _ in 0..MANY {
        let player = Player::create(storage).await;
        let (custom, email) = (unique("custom"), address());
        let all =
            [Identity::Device(&player.device), Identity::Custom(&custom), Identity::Email(&email)];
        for identity in all {
            link(storage, player.user, identity).await;
        }
        let outcomes = join_all(all.map(|identity| unlink(storage, player.user, identity))).await;
        assert_eq!(count_of(&outcomes, &Unlinked::Unlinked), 2, "two go: {outcomes:?}");
        for (identity, outcome) in all.into_iter().zip(outcomes) {
            let expected = (outcome == Unlinked::LastOrMissing).then_some(player.user);
            assert_eq!(owner(storage, identity).await, expected, "{identity:?}: as it was told");
        }
    }
}

async fn links_and_unlinks_move_the_update_time(storage: &Storage) {
    let player = Player::create(storage).await;
    let custom = unique("custom");
    link(storage, player.user, Identity::Custom(&custom)).await;
    assert_eq!(get(storage, player.user).await.user.update_time, later(60), "moved by the link");
    unlink(storage, player.user, Identity::Custom(&custom)).await;
    assert_eq!(get(storage, player.user).await.user.update_time, later(120), "and the unlink");
}
