//! Lists of a collection.

use tavern_domain::UserId;

use super::{Place, SERVER, put, write};
use crate::conformance::support::{Player, Suite, cases};
use crate::{Object, ObjectKey, ObjectPosition, ObjectWrite, ObjectsOf, ReadPermission, Storage};

pub(super) async fn run(suite: &mut Suite, storage: &Storage) {
    cases!(
        suite,
        storage,
        [
            a_list_shows_what_is_kept,
            an_owners_list_goes_by_permission_and_key,
            the_public_list_goes_by_key_and_owner,
            everything_is_everything,
            a_position_before_the_list_begins_it,
            other_collections_are_left_out,
            lists_go_on_where_they_ended,
        ]
    );
}

/// What a list shows of an object.
type Shown = (String, UserId);

fn shown(objects: &[Object]) -> Vec<Shown> {
    objects.iter().map(|object| (object.key.clone(), object.user)).collect()
}

/// All pages of a list, so many objects at a time.
async fn walk(storage: &Storage, p: &Place, of: ObjectsOf, limit: u32) -> Vec<Object> {
    let (mut walked, mut after) = (Vec::<Object>::new(), None);
    // No list here is longer; a store that turns in circles must not do so for ever.
    for _ in 0..100 {
        let page = storage.objects.list(&p.collection, of, after.as_ref(), limit).await;
        let page = page.expect("list");
        let count = page.objects.len();
        walked.extend(page.objects);
        after = walked.last().map(|last| ObjectPosition {
            read: last.read,
            key: last.key.clone(),
            user: last.user,
        });
        if !page.more {
            assert!(count <= limit as usize, "at most as many as asked for");
            return walked;
        }
        assert_eq!(count, limit as usize, "only the last page is shorter");
    }
    panic!("{of:?}, {limit} at a time: the pages never end");
}

/// Three keys of each permission, of two owners; the lower owner first.
async fn filled(storage: &Storage) -> (Place, [UserId; 2]) {
    let mut p = Place::new(storage).await;
    let mut owners = [p.user, Player::create(storage).await.user];
    owners.sort();
    p.user = owners[0];
    for owner in owners {
        for (read, keys) in [
            (ReadPermission::Everybody, ["a1", "d1", "g1"]),
            (ReadPermission::Owner, ["b1", "e1", "h1"]),
            (ReadPermission::Nobody, ["c1", "f1", "i1"]),
        ] {
            let batch = keys.map(|key| {
                let at = ObjectKey { collection: &p.collection, key, user: owner };
                ObjectWrite { read, ..put(at, "v1") }
            });
            write(storage, SERVER, &batch).await.expect("not refused");
        }
    }
    (p, owners)
}

async fn a_list_shows_what_is_kept(storage: &Storage) {
    let p = Place::new(storage).await;
    let new = ObjectWrite { read: ReadPermission::Everybody, ..p.put("k", "v1") };
    write(storage, SERVER, &[new]).await.expect("not refused");
    let kept = p.object(storage, "k").await.expect("it is there");
    let own = ObjectsOf::User(p.user, ReadPermission::Nobody);
    for of in [own, ObjectsOf::Public, ObjectsOf::Everything] {
        assert_eq!(walk(storage, &p, of, 5).await, std::slice::from_ref(&kept), "{of:?}");
    }
}

async fn an_owners_list_goes_by_permission_and_key(storage: &Storage) {
    let (p, [owner, other]) = filled(storage).await;
    let everybody = ["a1", "d1", "g1"];
    let from_owner = ["b1", "e1", "h1", "a1", "d1", "g1"];
    let all = ["c1", "f1", "i1", "b1", "e1", "h1", "a1", "d1", "g1"];
    for user in [owner, other] {
        for (least, expected) in [
            (ReadPermission::Everybody, &everybody[..]),
            (ReadPermission::Owner, &from_owner),
            (ReadPermission::Nobody, &all),
        ] {
            let expected: Vec<_> = expected.iter().map(|key| ((*key).to_owned(), user)).collect();
            for limit in [1, 2, 3, 9, 100] {
                let walked = walk(storage, &p, ObjectsOf::User(user, least), limit).await;
                assert_eq!(shown(&walked), expected, "{least:?}, {limit} at a time");
            }
        }
    }
}

async fn the_public_list_goes_by_key_and_owner(storage: &Storage) {
    let (p, owners) = filled(storage).await;
    let expected: Vec<_> = ["a1", "d1", "g1"]
        .iter()
        .flat_map(|key| owners.map(|owner| ((*key).to_owned(), owner)))
        .collect();
    for limit in [1, 2, 3, 6, 100] {
        let walked = walk(storage, &p, ObjectsOf::Public, limit).await;
        assert_eq!(shown(&walked), expected, "{limit} at a time");
    }
}

async fn everything_is_everything(storage: &Storage) {
    let (p, owners) = filled(storage).await;
    let keys = ["a1", "b1", "c1", "d1", "e1", "f1", "g1", "h1", "i1"];
    let expected: Vec<_> =
        keys.iter().flat_map(|key| owners.map(|owner| ((*key).to_owned(), owner))).collect();
    for limit in [1, 4, 18, 100] {
        let walked = walk(storage, &p, ObjectsOf::Everything, limit).await;
        assert_eq!(shown(&walked), expected, "{limit} at a time");
    }
}

async fn a_position_before_the_list_begins_it(storage: &Storage) {
    let (p, [owner, _]) = filled(storage).await;
    let hidden = ObjectPosition { read: ReadPermission::Nobody, key: "f1".into(), user: owner };
    for (least, first) in [(ReadPermission::Owner, "b1"), (ReadPermission::Everybody, "a1")] {
        let of = ObjectsOf::User(owner, least);
        let page = storage.objects.list(&p.collection, of, Some(&hidden), 1).await.expect("list");
        assert_eq!(shown(&page.objects), [(first.to_owned(), owner)], "{least:?}");
    }
}

async fn other_collections_are_left_out(storage: &Storage) {
    let (p, [owner, _]) = filled(storage).await;
    let other = Place::new(storage).await;
    for collection in [&p.collection[..p.collection.len() - 1], &other.collection, ""] {
        for of in [
            ObjectsOf::User(owner, ReadPermission::Nobody),
            ObjectsOf::Public,
            ObjectsOf::Everything,
        ] {
            let page = storage.objects.list(collection, of, None, 100).await.expect("list");
            assert!(page.objects.is_empty() && !page.more, "{collection} {of:?}");
        }
    }
}

/// What is written or deleted between two pages moves nothing else.
async fn lists_go_on_where_they_ended(storage: &Storage) {
    let p = Place::new(storage).await;
    let batch = ["b", "d", "f"].map(|key| p.put(key, "v1"));
    write(storage, SERVER, &batch).await.expect("not refused");
    let of = ObjectsOf::User(p.user, ReadPermission::Owner);
    let page = storage.objects.list(&p.collection, of, None, 2).await.expect("list");
    assert!(page.more && page.objects[1].key == "d", "two of three");
    let after = ObjectPosition { read: ReadPermission::Owner, key: "d".into(), user: p.user };
    super::delete_one(storage, &p, "d").await;
    write(storage, SERVER, &[p.put("a", "v1"), p.put("e", "v1")]).await.expect("not refused");
    let page = storage.objects.list(&p.collection, of, Some(&after), 9).await.expect("list");
    let keys: Vec<_> = page.objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, ["e", "f"]);
}
