//! Taking away all that is kept of one account, and bringing it back.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;
use tavern_domain::{CodedError, ErrorCode, Timestamp, UserId, check_json_object};
use tavern_objects::{MAX_BATCH, NewObject, Object, ObjectRights, Writes};
use tavern_protocol::{api, console, wkt};
use tavern_storage::{
    Account, ArchiveBounds, ImportInto, ImportRefused, NotArchived, StorageError, User,
};

use crate::services::{Services, no_account};
use crate::{error, wire};

/// Most members of all lists of an export or import together.
const MOST_ROWS: usize = 100_000;
/// Most bytes of what studios and players put into what is exported.
const MOST_BYTES: u64 = 32 << 20;
/// Most bytes of what is imported: that of the largest export, each of whose bytes may take two in
/// a JSON text, and the names of 100,000 rows.
pub(crate) const MOST_IMPORT_BYTES: usize = 96 << 20;
/// Most devices of an account that comes in.
const MOST_DEVICES: usize = 1_000;
/// The largest whole number up to which a floating-point number is exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// All that is kept of an account.
pub(crate) async fn export(
    services: &Services,
    user: UserId,
) -> Result<console::AccountExport, CodedError> {
    let rows = u32::try_from(MOST_ROWS).unwrap_or(u32::MAX);
    let most = ArchiveBounds { rows, bytes: MOST_BYTES };
    let outcome = services.storage.archives.export(user, most).await.map_err(error::storage)?;
    match outcome {
        Ok(archive) => Ok(wire::account_export(archive, services.is_online(user))),
        Err(NotArchived::NoAccount) => Err(no_account()),
        Err(NotArchived::TooMuch) => Err(CodedError::new(
            ErrorCode::FailedPrecondition,
            format!(
                "the account has more than can be exported: {MOST_ROWS} rows, {MOST_BYTES} bytes"
            ),
        )),
    }
}

/// Brings in what was exported: into this account, or else as the account that was exported.
/// Answers which account that is.
///
/// Into an account that is there come metadata, wallet and objects. A new one gets profile and
/// identities besides. The system user, which is always there, is never new.
pub(crate) async fn import(
    services: &Services,
    into: Option<UserId>,
    data: console::AccountExport,
) -> Result<UserId, CodedError> {
    let now = services.clock.now();
    let given = data.account.ok_or_else(|| CodedError::invalid("an export without an account"))?;
    let existing = match into.filter(|user| !user.is_nil()) {
        Some(user) => Some(user),
        None if exported_id(&given)?.is_nil() => Some(UserId::NIL),
        None => None,
    };
    if data.objects.len() > MOST_ROWS {
        return Err(CodedError::invalid(format!("more than {MOST_ROWS} objects")));
    }
    let objects = objects(data.objects, now)?;
    let archives = &services.storage.archives;
    let (user, outcome) = match existing {
        Some(user) => {
            let metadata = metadata(given.user.map(|user| user.metadata))?;
            let wallet = wallet(&given.wallet)?;
            let into = ImportInto::Existing { user, metadata: &metadata, wallet: &wallet };
            (user, archives.import(into, &objects, now).await)
        }
        None => {
            let account = account(given, now)?;
            (account.user.id, archives.import(ImportInto::New(&account), &objects, now).await)
        }
    };
    match outcome {
        Ok(Ok(())) => Ok(user),
        Ok(Err(why)) => Err(refused(why)),
        Err(StorageError::DoesNotFit(source)) => {
            tracing::debug!(%source, "an import does not fit");
            Err(CodedError::invalid("the import has a value that cannot be kept"))
        }
        Err(failed) => Err(error::storage(failed)),
    }
}

fn refused(why: ImportRefused) -> CodedError {
    let taken = |text: &'static str| CodedError::new(ErrorCode::AlreadyExists, text);
    match why {
        ImportRefused::IdTaken => taken("an account with this id is there already"),
        ImportRefused::UsernameTaken => taken("username is already in use"),
        ImportRefused::IdentityTaken => taken("an identity belongs to another account"),
        ImportRefused::NoAccount => no_account(),
    }
}

fn exported_id(account: &api::Account) -> Result<UserId, CodedError> {
    let id = account.user.as_ref().map(|user| user.id.as_str()).unwrap_or_default();
    id.parse().map_err(|_| CodedError::invalid("the exported account has no valid id"))
}

/// The text of a JSON object; what is left out is an empty one.
fn metadata(text: Option<String>) -> Result<String, CodedError> {
    let text = text.filter(|text| !text.is_empty()).unwrap_or_else(|| "{}".to_owned());
    check_json_object(&text, MOST_IMPORT_BYTES)
        .map_err(|error| CodedError::invalid(format!("metadata: {error}")))?;
    Ok(text)
}

/// A wallet with whole amounts, none of them below zero. Older servers kept some as `5.0`.
fn wallet(text: &str) -> Result<String, CodedError> {
    let bad = || CodedError::invalid("a wallet holds whole amounts that are not below zero");
    if text.is_empty() {
        return Ok("{}".to_owned());
    }
    let given: BTreeMap<String, Value> = serde_json::from_str(text).map_err(|_| bad())?;
    let amounts = given.into_iter().map(|(currency, amount)| {
        let amount = amount.as_i64().or_else(|| amount.as_f64().and_then(whole));
        amount.filter(|amount| *amount >= 0).map(|amount| (currency, amount))
    });
    let amounts = amounts.collect::<Option<BTreeMap<String, i64>>>().ok_or_else(bad)?;
    serde_json::to_string(&amounts).map_err(CodedError::internal)
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and exact")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// A time after the epoch, if one is given.
fn time(at: Option<wkt::Timestamp>) -> Option<Timestamp> {
    let at = at.filter(wkt::Timestamp::is_valid)?;
    let nanos = i64::from(at.nanos);
    let nanos = at.seconds.checked_mul(1_000_000_000).and_then(|whole| whole.checked_add(nanos));
    nanos.map(Timestamp::from_nanos).filter(|at| *at > Timestamp::EPOCH)
}

fn account(given: api::Account, now: Timestamp) -> Result<Account, CodedError> {
    let id = exported_id(&given)?;
    let user = given.user.unwrap_or_default();
    let some = |text: String| Some(text).filter(|text| !text.trim().is_empty());
    tavern_auth::validate::username(&user.username).map_err(error::classified)?;
    let custom_id = some(given.custom_id);
    if let Some(id) = &custom_id {
        tavern_auth::validate::custom_id(id).map_err(error::classified)?;
    }
    let email = some(given.email).map(|address| tavern_auth::validate::email(&address));
    let mut devices: Vec<String> = given.devices.into_iter().map(|device| device.id).collect();
    devices.sort_unstable();
    devices.dedup();
    if devices.len() > MOST_DEVICES {
        return Err(CodedError::invalid(format!("more than {MOST_DEVICES} devices")));
    }
    for id in &devices {
        tavern_auth::validate::device_id(id).map_err(error::classified)?;
    }
    Ok(Account {
        user: User {
            id,
            username: user.username,
            display_name: some(user.display_name),
            avatar_url: some(user.avatar_url),
            lang_tag: some(user.lang_tag).unwrap_or_else(|| "en".to_owned()),
            location: some(user.location),
            timezone: some(user.timezone),
            metadata: metadata(Some(user.metadata))?,
            facebook_id: some(user.facebook_id),
            google_id: some(user.google_id),
            gamecenter_id: some(user.gamecenter_id),
            steam_id: some(user.steam_id),
            facebook_instant_game_id: some(user.facebook_instant_game_id),
            apple_id: some(user.apple_id),
            edge_count: 0,
            create_time: time(user.create_time).unwrap_or(now),
            update_time: time(user.update_time).unwrap_or(now),
        },
        wallet: wallet(&given.wallet)?,
        email: email.transpose().map_err(error::classified)?,
        devices,
        custom_id,
        verify_time: time(given.verify_time),
        disable_time: time(given.disable_time),
    })
}

/// Objects by the rules that hold for every object; they keep the versions and times they had.
fn objects(given: Vec<api::StorageObject>, now: Timestamp) -> Result<Vec<Object>, CodedError> {
    let mut objects = Vec::with_capacity(given.len());
    for batch in given.chunks(MAX_BATCH) {
        let new: Vec<NewObject<'_>> = batch
            .iter()
            .map(|object| NewObject {
                collection: &object.collection,
                key: &object.key,
                user: UserId::NIL,
                value: &object.value,
                version: "",
                permission_read: Some(object.permission_read),
                permission_write: Some(object.permission_write),
            })
            .collect();
        let writes = Writes::new(ObjectRights::Server, &new).map_err(error::classified)?;
        let checked = writes.for_store();
        if checked.len() != batch.len() {
            return Err(twice());
        }
        objects.extend(checked.iter().zip(batch).map(|(checked, given)| {
            let version = Some(given.version.clone()).filter(|version| !version.is_empty());
            Object {
                collection: checked.at.collection.to_owned(),
                key: checked.at.key.to_owned(),
                user: UserId::NIL,
                value: checked.value.to_owned(),
                version: version.unwrap_or_else(|| checked.version.to_owned()),
                read: checked.read,
                write: checked.write,
                create_time: time(given.create_time).unwrap_or(now),
                update_time: time(given.update_time).unwrap_or(now),
            }
        }));
    }
    let names = objects.iter().map(|object| (&object.collection, &object.key));
    if names.collect::<HashSet<_>>().len() != objects.len() {
        return Err(twice());
    }
    Ok(objects)
}

fn twice() -> CodedError {
    CodedError::invalid("the import has an object twice")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wallets_hold_whole_amounts() {
        let kept = wallet(r#"{"b": 5.0, "a": 9223372036854775807}"#).unwrap();
        assert_eq!(kept, r#"{"a":9223372036854775807,"b":5}"#);
        assert_eq!(wallet("").unwrap(), "{}");
        for bad in [r#"{"a": -1}"#, r#"{"a": 0.5}"#, r#"{"a": "1"}"#, r#"{"a": 1e30}"#, "[]", "x"] {
            assert_eq!(wallet(bad).unwrap_err().code(), ErrorCode::InvalidArgument, "{bad}");
        }
    }

    #[test]
    fn times_that_say_never_are_none() {
        let at = |seconds, nanos| time(Some(wkt::Timestamp { seconds, nanos }));
        assert_eq!(at(5, 7), Some(Timestamp::from_nanos(5_000_000_007)));
        for (seconds, nanos) in [(0, 0), (-62_135_596_800, 0), (5, -1), (i64::MAX, 0)] {
            assert_eq!(at(seconds, nanos), None, "{seconds}, {nanos}");
        }
    }

    #[test]
    fn objects_keep_versions_and_come_once() {
        let object = |key: &str, version: &str| api::StorageObject {
            collection: "c".into(),
            key: key.into(),
            value: "{}".into(),
            version: version.into(),
            permission_read: 2,
            ..Default::default()
        };
        let now = Timestamp::from_seconds(9);
        let kept = objects(vec![object("b", "v"), object("a", "")], now).unwrap();
        assert_eq!((&*kept[0].key, &*kept[0].version), ("b", "v"));
        assert_eq!(kept[1].version, "99914b932bd37a50b983c5e7c90ae93b", "that of its value");
        assert_eq!((kept[0].read.number(), kept[0].write.number()), (2, 0));
        assert_eq!(kept[0].create_time, now);
        assert!(objects(vec![object("a", ""), object("a", "v")], now).is_err(), "twice");
        let bad = api::StorageObject { value: "[]".into(), ..object("a", "") };
        assert!(objects(vec![bad], now).is_err(), "no object");
        let bad = api::StorageObject { permission_read: 3, ..object("a", "") };
        assert!(objects(vec![bad], now).is_err(), "a permission that there is not");
    }
}
