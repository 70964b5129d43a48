//! All that is kept of one account, to be taken away and brought back.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};

use super::accounts::{IdentityKey, Row};
use super::limits::{broken, fits, jsonb};
use super::{Memory, Tables};
use crate::{
    Account, Archive, ArchiveBounds, ArchivedFriend, ArchivedMessage, ArchivedRecord, Archives,
    Identity, ImportInto, ImportRefused, NotArchived, Object, Provider, StorageError,
};

impl Archive {
    fn rows(&self) -> usize {
        self.objects.len()
            + self.friends.len()
            + self.groups.len()
            + self.messages.len()
            + self.records.len()
            + self.notifications.len()
            + self.ledger.len()
    }

    fn bytes(&self) -> usize {
        let group = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let lengths = (self.objects.iter().map(|object| object.value.len()))
            .chain(self.friends.iter().map(|friend| friend.metadata.len()))
            .chain(self.groups.iter().map(|one| one.metadata.len() + group(&one.description)))
            .chain(self.messages.iter().map(|one| one.message.content.len()))
            .chain(self.records.iter().map(|one| one.record.metadata.len()))
            .chain(self.notifications.iter().map(|one| one.content.len()))
            .chain(self.ledger.iter().map(|entry| entry.metadata.len()));
        lengths.sum()
    }
}

impl Tables {
    fn archive(&self, user: UserId) -> Option<Archive> {
        let account = self.users.get(&user)?.account();
        let mut friends: Vec<_> =
            self.friends.iter().filter(|((from, _), _)| *from == user).collect();
        friends.sort_by_key(|(_, edge)| (edge.state, edge.position));
        let mut groups: Vec<_> = self.members.iter().filter(|((_, of), _)| *of == user).collect();
        groups.sort_by_key(|(_, edge)| (edge.state, edge.position));
        let mut messages: Vec<_> = (self.histories.iter())
            .flat_map(|(stream, history)| history.iter().map(move |(key, one)| (key, stream, one)))
            .filter(|(_, _, message)| message.sender == user)
            .collect();
        messages.sort_by_key(|(key, _, _)| **key);
        let ledger = self.ledgers.get(&user);
        Some(Archive {
            account,
            objects: self.objects.values().filter(|object| object.user == user).cloned().collect(),
            friends: friends
                .into_iter()
                .map(|((_, other), edge)| ArchivedFriend {
                    user: *other,
                    state: edge.state,
                    update_time: edge.update_time,
                    metadata: edge.metadata.clone(),
                })
                .collect(),
            groups: groups
                .into_iter()
                .filter_map(|((group, _), _)| self.groups.get(group).cloned())
                .collect(),
            messages: messages
                .into_iter()
                .map(|(_, stream, message)| ArchivedMessage {
                    stream: stream.clone(),
                    message: message.clone(),
                })
                .collect(),
            records: self
                .boards
                .of_owner(user)
                .map(|(board, expiry, record)| ArchivedRecord {
                    board: board.to_owned(),
                    expiry: (expiry != Timestamp::EPOCH).then_some(expiry),
                    record: record.clone(),
                })
                .collect(),
            notifications: (self.notifications.values())
                .filter(|notification| notification.user == user)
                .cloned()
                .collect(),
            ledger: ledger.into_iter().flat_map(|own| own.values().rev().cloned()).collect(),
        })
    }

    /// Why a new account cannot come in.
    fn taken(&self, account: &Account, identities: &[IdentityKey]) -> Option<ImportRefused> {
        if self.users.contains_key(&account.user.id) {
            Some(ImportRefused::IdTaken)
        } else if self.usernames.contains_key(&account.user.username) {
            Some(ImportRefused::UsernameTaken)
        } else {
            let taken = identities.iter().any(|identity| self.identities.contains_key(identity));
            taken.then_some(ImportRefused::IdentityTaken)
        }
    }
}

fn identities(account: &Account) -> Vec<IdentityKey> {
    let devices = account.devices.iter().map(|id| Identity::Device(id));
    let custom = account.custom_id.iter().map(|id| Identity::Custom(id));
    let email = account.email.iter().map(|address| Identity::Email(address));
    let external = Provider::ALL.into_iter().filter_map(|provider| {
        account.user.external(provider).map(|id| Identity::External(provider, id))
    });
    devices.chain(custom).chain(email).chain(external).map(IdentityKey::from).collect()
}

fn amounts(wallet: &str) -> Result<BTreeMap<String, i64>, StorageError> {
    serde_json::from_str(wallet).map_err(|error| StorageError::DoesNotFit(error.into()))
}

fn row(account: &Account) -> Result<Row, StorageError> {
    let user = &account.user;
    fits(&user.username, 128)?;
    fits(&user.lang_tag, 18)?;
    for (text, width) in [
        (&user.display_name, 255),
        (&user.avatar_url, 512),
        (&user.location, 255),
        (&user.timezone, 255),
        (&account.email, 255),
        (&account.custom_id, 128),
    ] {
        text.iter().try_for_each(|text| fits(text, width))?;
    }
    let external = Provider::ALL.into_iter().filter_map(|provider| user.external(provider));
    account.devices.iter().chain(external).try_for_each(|id| fits(id, 128))?;
    let mut row = Row::new(user.id, &user.username, Timestamp::EPOCH);
    row.user.clone_from(user);
    row.user.metadata = jsonb(&user.metadata)?;
    row.user.edge_count = 0;
    row.user.create_time = user.create_time.whole_micros();
    row.user.update_time = user.update_time.whole_micros();
    row.wallet = amounts(&account.wallet)?;
    row.email.clone_from(&account.email);
    row.custom_id.clone_from(&account.custom_id);
    row.devices = account.devices.iter().cloned().collect();
    row.verify_time = account.verify_time.map(Timestamp::whole_micros);
    row.disable_time = account.disable_time.map(Timestamp::whole_micros);
    Ok(row)
}

#[async_trait]
impl Archives for Memory {
    async fn export(
        &self,
        user: UserId,
        most: ArchiveBounds,
    ) -> Result<Result<Archive, NotArchived>, StorageError> {
        let Some(archive) = self.lock().archive(user) else {
            return Ok(Err(NotArchived::NoAccount));
        };
        let fits = u32::try_from(archive.rows()).is_ok_and(|rows| rows <= most.rows)
            && u64::try_from(archive.bytes()).is_ok_and(|bytes| bytes <= most.bytes);
        Ok(if fits { Ok(archive) } else { Err(NotArchived::TooMuch) })
    }

    async fn import(
        &self,
        into: ImportInto<'_>,
        objects: &[Object],
        now: Timestamp,
    ) -> Result<Result<(), ImportRefused>, StorageError> {
        let user = into.user();
        let mut owned = BTreeMap::new();
        for object in objects {
            fits(&object.collection, 128)?;
            fits(&object.key, 128)?;
            fits(&object.version, 32)?;
            let kept = Object {
                user,
                value: jsonb(&object.value)?,
                create_time: object.create_time.whole_micros(),
                update_time: object.update_time.whole_micros(),
                ..object.clone()
            };
            let name = (object.collection.clone(), object.key.clone(), user);
            if owned.insert(name, kept).is_some() {
                return Err(broken("an import names an object twice"));
            }
        }
        let mut tables = self.lock();
        match into {
            ImportInto::New(account) => {
                let (row, identities) = (row(account)?, identities(account));
                if let Some(taken) = tables.taken(account, &identities) {
                    return Ok(Err(taken));
                }
                tables.usernames.insert(account.user.username.clone(), user);
                tables.identities.extend(identities.into_iter().map(|identity| (identity, user)));
                tables.users.insert(user, row);
            }
            ImportInto::Existing { metadata, wallet, .. } => {
                let (metadata, wallet) = (jsonb(metadata)?, amounts(wallet)?);
                let Some(row) = tables.users.get_mut(&user) else {
                    return Ok(Err(ImportRefused::NoAccount));
                };
                (row.user.metadata, row.wallet) = (metadata, wallet);
                row.touch(now);
                tables.objects.retain(|(_, _, of), _| *of != user);
            }
        }
        tables.objects.extend(owned);
        Ok(Ok(()))
    }
}
