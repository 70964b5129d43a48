//! Identities with other companies, and what is taken over from them.

use futures_util::future::join_all;
use tavern_domain::UserId;

use super::support::{
    MANY, Player, Suite, address, cases, count_of, create, id, later, owner, password, unique,
};
use crate::{Account, Created, Identity, Imported, Linked, Provider, Storage, Unlinked};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            every_provider_signs_in,
            ids_of_providers_are_apart,
            one_id_creates_one_account,
            an_id_is_linked_and_replaced,
            an_id_of_somebody_else_is_refused,
            the_last_way_to_sign_in_stays,
            another_id_is_not_unlinked,
            parallel_unlinks_leave_one_provider,
            what_lacks_is_filled,
            what_is_there_stays,
            a_taken_address_is_left_out,
            parallel_fills_give_an_address_to_one,
        ]
    );
}

async fn get(storage: &Storage, user: UserId) -> Account {
    storage.accounts.get(user).await.expect("get").expect("it exists")
}

async fn link(storage: &Storage, user: UserId, identity: Identity<'_>) -> Linked {
    storage.accounts.link(user, identity, None, later(60)).await.expect("link")
}

async fn unlink(storage: &Storage, user: UserId, identity: Identity<'_>) -> Unlinked {
    storage.accounts.unlink(user, identity, later(120)).await.expect("unlink")
}

async fn every_provider_signs_in(storage: &Storage) {
    for provider in Provider::ALL {
        let (user, text) = (UserId(id()), unique("id"));
        let identity = Identity::External(provider, &text);
        assert_eq!(owner(storage, identity).await, None, "{provider:?}: nobody's");
        let created = create(storage, user, &unique("name"), identity).await;
        assert_eq!(created, Created::Created, "{provider:?}");
        assert_eq!(owner(storage, identity).await, Some(user), "{provider:?}");
        let account = get(storage, user).await;
        for any in Provider::ALL {
            let expected = (any == provider).then_some(&text);
            assert_eq!(account.user.external(any), expected, "{any:?} of {provider:?}");
        }
        assert_eq!((account.custom_id, account.email, account.devices), (None, None, Vec::new()));
    }
}

async fn ids_of_providers_are_apart(storage: &Storage) {
    let text = unique("id");
    for provider in Provider::ALL {
        let user = UserId(id());
        let identity = Identity::External(provider, &text);
        let created = create(storage, user, &unique("name"), identity).await;
        assert_eq!(created, Created::Created, "{provider:?}");
        assert_eq!(owner(storage, identity).await, Some(user), "{provider:?}");
    }
}

async fn one_id_creates_one_account(storage: &Storage) {
    for provider in Provider::ALL {
        let text = unique("id");
        let names: Vec<String> = (0..MANY).map(|_| unique("name")).collect();
        let identity = Identity::External(provider, &text);
        let tries = names.iter().map(|name| create(storage, UserId(id()), name, identity));
        let outcomes = join_all(tries).await;
        assert_eq!(count_of(&outcomes, &Created::Created), 1, "{provider:?}");
        assert_eq!(count_of(&outcomes, &Created::IdentityTaken), MANY - 1, "{provider:?}");
    }
}

async fn an_id_is_linked_and_replaced(storage: &Storage) {
    for provider in Provider::ALL {
        let player = Player::create(storage).await;
        let (first, second) = (unique("first"), unique("second"));
        for text in [&first, &first, &second] {
            let identity = Identity::External(provider, text);
            assert_eq!(link(storage, player.user, identity).await, Linked::Linked);
            assert_eq!(owner(storage, identity).await, Some(player.user));
        }
        let old = Identity::External(provider, &first);
        assert_eq!(owner(storage, old).await, None, "{provider:?}: replaced");
        let account = get(storage, player.user).await;
        assert_eq!(account.user.external(provider), Some(&second));
        assert_eq!(account.user.update_time, later(60));
        let nobody = UserId(id());
        assert_eq!(link(storage, nobody, old).await, Linked::NoAccount);
        assert_eq!(owner(storage, old).await, None);
    }
}

async fn an_id_of_somebody_else_is_refused(storage: &Storage) {
    for provider in Provider::ALL {
        let (a, b) = (Player::create(storage).await, Player::create(storage).await);
        let text = unique("id");
        let identity = Identity::External(provider, &text);
        let both = [link(storage, a.user, identity), link(storage, b.user, identity)];
        let outcomes = join_all(both).await;
        assert_eq!(count_of(&outcomes, &Linked::Linked), 1, "{provider:?}");
        assert_eq!(count_of(&outcomes, &Linked::Elsewhere), 1, "{provider:?}");
        let winner = if outcomes[0] == Linked::Linked { a.user } else { b.user };
        assert_eq!(owner(storage, identity).await, Some(winner), "as it was told");
    }
}

async fn the_last_way_to_sign_in_stays(storage: &Storage) {
    for provider in Provider::ALL {
        let (user, text, email) = (UserId(id()), unique("id"), address());
        let identity = Identity::External(provider, &text);
        create(storage, user, &unique("name"), identity).await;
        let last = unlink(storage, user, identity).await;
        assert_eq!(last, Unlinked::LastOrMissing, "{provider:?}");
        let imported = Imported { email: Some(&email), ..Imported::default() };
        storage.accounts.fill(user, imported, later(1)).await.expect("fill");
        let still = unlink(storage, user, identity).await;
        assert_eq!(
            still,
            Unlinked::LastOrMissing,
            "{provider:?}: nobody signs in by an address alone"
        );
        let by_email = Identity::Email(&email);
        let secret = password("hash");
        let linked = storage.accounts.link(user, by_email, Some(&secret), later(2)).await;
        assert_eq!(linked.expect("link"), Linked::Linked);
        assert_eq!(unlink(storage, user, identity).await, Unlinked::Unlinked, "{provider:?}");
        assert_eq!(owner(storage, identity).await, None);
        assert_eq!(unlink(storage, user, by_email).await, Unlinked::LastOrMissing);
        let other = Provider::ALL.into_iter().find(|any| *any != provider).expect("another");
        link(storage, user, Identity::External(other, &text)).await;
        assert_eq!(unlink(storage, user, by_email).await, Unlinked::Unlinked, "{other:?} is left");
    }
}

async fn another_id_is_not_unlinked(storage: &Storage) {
    let player = Player::create(storage).await;
    for provider in Provider::ALL {
        let text = unique("id");
        let identity = Identity::External(provider, &text);
        link(storage, player.user, identity).await;
        for wrong in ["", "another", "with\0nul"] {
            let outcome = unlink(storage, player.user, Identity::External(provider, wrong)).await;
            assert_eq!(outcome, Unlinked::LastOrMissing, "{provider:?}: {wrong:?}");
        }
        assert_eq!(owner(storage, identity).await, Some(player.user));
    }
}

async fn parallel_unlinks_leave_one_provider(storage: &Storage) {
    for _ in 0..MANY {
        let (user, text) = (UserId(id()), unique("id"));
        let all = Provider::ALL.map(|provider| Identity::External(provider, &text));
        create(storage, user, &unique("name"), all[0]).await;
        for identity in &all[1..] {
            link(storage, user, *identity).await;
        }
        let outcomes = join_all(all.map(|identity| unlink(storage, user, identity))).await;
        let gone = count_of(&outcomes, &Unlinked::Unlinked);
        assert_eq!(gone, Provider::ALL.len() - 1, "all but one: {outcomes:?}");
    }
}

async fn what_lacks_is_filled(storage: &Storage) {
    let (player, email) = (Player::create(storage).await, address());
    let imported = Imported {
        display_name: Some("Ada"),
        avatar_url: Some("https://example.com/ada.png"),
        email: Some(&email),
    };
    storage.accounts.fill(player.user, imported, later(9)).await.expect("fill");
    let account = get(storage, player.user).await;
    assert_eq!(account.user.display_name.as_deref(), imported.display_name);
    assert_eq!(account.user.avatar_url.as_deref(), imported.avatar_url);
    assert_eq!(account.email.as_deref(), imported.email);
    assert_eq!(account.user.update_time, later(9));
    assert_eq!(owner(storage, Identity::Email(&email)).await, Some(player.user));
    storage.accounts.fill(UserId(id()), imported, later(9)).await.expect("no account is fine");
}

async fn what_is_there_stays(storage: &Storage) {
    let (player, first, second) = (Player::create(storage).await, address(), address());
    let imported = Imported { display_name: Some("Ada"), avatar_url: None, email: Some(&first) };
    storage.accounts.fill(player.user, imported, later(1)).await.expect("fill");
    let before = get(storage, player.user).await;
    let other = Imported { display_name: Some("Eve"), avatar_url: None, email: Some(&second) };
    storage.accounts.fill(player.user, other, later(2)).await.expect("fill");
    assert_eq!(get(storage, player.user).await, before, "not even the update time moves");
    assert_eq!(owner(storage, Identity::Email(&second)).await, None);
}

async fn a_taken_address_is_left_out(storage: &Storage) {
    let (a, b, email) = (Player::create(storage).await, Player::create(storage).await, address());
    let imported = Imported { display_name: Some("Ada"), avatar_url: None, email: Some(&email) };
    storage.accounts.fill(a.user, imported, later(1)).await.expect("fill");
    storage.accounts.fill(b.user, imported, later(2)).await.expect("fill");
    let account = get(storage, b.user).await;
    assert_eq!((account.email, account.user.display_name.as_deref()), (None, Some("Ada")));
    assert_eq!(owner(storage, Identity::Email(&email)).await, Some(a.user));
}

async fn parallel_fills_give_an_address_to_one(storage: &Storage) {
    let players = join_all((0..MANY).map(|_| Player::create(storage))).await;
    let email = address();
    let imported = Imported { email: Some(&email), ..Imported::default() };
    let fills = players.iter().map(|player| storage.accounts.fill(player.user, imported, later(1)));
    for outcome in join_all(fills).await {
        outcome.expect("fill");
    }
    let mut owners = 0;
    for player in &players {
        owners += usize::from(get(storage, player.user).await.email.is_some());
    }
    assert_eq!(owners, 1);
}
