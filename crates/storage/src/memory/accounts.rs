//! Players, their profiles, and the identities by which they sign in.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};

use super::limits::{broken, fits, jsonb};
use super::obligations::Standing;
use super::{Memory, Tables};
use crate::{
    Account, AccountUpdate, Accounts, Created, Field, Identity, Imported, Linked, Login,
    NewAccount, Password, Provider, StorageError, Unlinked, Updated, User,
};

/// An identity as the key of the index over all of them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum IdentityKey {
    Device(String),
    Custom(String),
    Email(String),
    External(Provider, String),
}

impl From<Identity<'_>> for IdentityKey {
    fn from(identity: Identity<'_>) -> Self {
        match identity {
            Identity::Device(id) => Self::Device(id.into()),
            Identity::Custom(id) => Self::Custom(id.into()),
            Identity::Email(address) => Self::Email(address.into()),
            Identity::External(provider, id) => Self::External(provider, id.into()),
        }
    }
}

/// A row of the users table together with its devices.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) user: User,
    pub(super) wallet: BTreeMap<String, i64>,
    pub(super) email: Option<String>,
    password: Option<Password>,
    pub(super) custom_id: Option<String>,
    pub(super) devices: BTreeSet<String>,
    pub(super) verify_time: Option<Timestamp>,
    pub(super) disable_time: Option<Timestamp>,
}

impl Row {
    pub(super) fn new(id: UserId, username: &str, now: Timestamp) -> Self {
        let user = User {
            id,
            username: username.into(),
            lang_tag: "en".into(),
            metadata: "{}".into(),
            create_time: now.whole_micros(),
            update_time: now.whole_micros(),
            ..User::default()
        };
        Self {
            user,
            wallet: BTreeMap::new(),
            email: None,
            password: None,
            custom_id: None,
            devices: BTreeSet::new(),
            verify_time: None,
            disable_time: None,
        }
    }

    pub(super) fn touch(&mut self, now: Timestamp) {
        self.user.update_time = now.whole_micros();
    }

    /// In how many ways the player can sign in.
    fn identities(&self) -> usize {
        self.devices.len()
            + usize::from(self.custom_id.is_some())
            + usize::from(self.email.is_some() && self.password.is_some())
            + Provider::ALL.into_iter().filter(|p| self.user.external(*p).is_some()).count()
    }

    fn login(&self, tables: &Tables, with_obligation: bool) -> Login {
        let mut standing = tables.obligations.values().map(|standing| &standing.obligation);
        Login {
            user: self.user.id,
            username: self.user.username.clone(),
            disable_time: self.disable_time,
            password: self.password.clone(),
            obligation: match with_obligation {
                true => standing.find(|o| o.user == self.user.id).cloned(),
                false => None,
            },
        }
    }

    pub(super) fn account(&self) -> Account {
        let wallet = serde_json::to_string(&self.wallet).expect("a map of numbers is JSON");
        Account {
            user: self.user.clone(),
            wallet: jsonb(&wallet).expect("names of currencies were checked on their way in"),
            email: self.email.clone(),
            devices: self.devices.iter().cloned().collect(),
            custom_id: self.custom_id.clone(),
            verify_time: self.verify_time,
            disable_time: self.disable_time,
        }
    }
}

impl Tables {
    pub(super) fn update_account(
        &mut self,
        user: UserId,
        update: &AccountUpdate,
        now: Timestamp,
    ) -> Result<Updated, StorageError> {
        if let Some(username) = &update.username {
            fits(username, 128)?;
        }
        if let Some(tag) = &update.lang_tag {
            fits(tag, 18)?;
        }
        let display_name = changed(&update.display_name, 255)?;
        let avatar_url = changed(&update.avatar_url, 512)?;
        let location = changed(&update.location, 255)?;
        let timezone = changed(&update.timezone, 255)?;
        let metadata = update.metadata.as_deref().map(jsonb).transpose()?;

        let tables = self;
        let Some(row) = tables.users.get_mut(&user) else { return Ok(Updated::NoAccount) };
        if let Some(username) = &update.username {
            if tables.usernames.get(username).is_some_and(|owner| *owner != user) {
                return Ok(Updated::UsernameTaken);
            }
            tables.usernames.remove(&row.user.username);
            tables.usernames.insert(username.clone(), user);
            row.user.username.clone_from(username);
        }
        set(&mut row.user.display_name, display_name);
        set(&mut row.user.avatar_url, avatar_url);
        set(&mut row.user.location, location);
        set(&mut row.user.timezone, timezone);
        set(&mut row.user.lang_tag, update.lang_tag.clone());
        set(&mut row.user.metadata, metadata);
        row.touch(now);
        Ok(Updated::Updated)
    }

    pub(super) fn add_system_user(&mut self) {
        self.usernames.insert(String::new(), UserId::NIL);
        self.users.insert(UserId::NIL, Row::new(UserId::NIL, "", Timestamp::EPOCH));
    }

    /// Makes an identity the account's; the caller has made sure that it is nobody else's.
    fn add_identity(
        &mut self,
        user: UserId,
        identity: Identity<'_>,
        password: Option<&Password>,
        now: Timestamp,
    ) {
        let row = self.users.get_mut(&user).expect("the caller has looked the account up");
        let replaced = match identity {
            Identity::Device(id) => {
                row.devices.insert(id.into());
                None
            }
            Identity::Custom(id) => row.custom_id.replace(id.into()).map(IdentityKey::Custom),
            Identity::Email(address) => {
                row.password = password.cloned();
                row.email.replace(address.into()).map(IdentityKey::Email)
            }
            Identity::External(provider, id) => external(&mut row.user, provider)
                .replace(id.into())
                .map(|old| IdentityKey::External(provider, old)),
        };
        row.touch(now);
        if let Some(old) = replaced {
            self.identities.remove(&old);
        }
        self.identities.insert(identity.into(), user);
    }
}

fn external(user: &mut User, provider: Provider) -> &mut Option<String> {
    match provider {
        Provider::Apple => &mut user.apple_id,
        Provider::Facebook => &mut user.facebook_id,
        Provider::FacebookInstant => &mut user.facebook_instant_game_id,
        Provider::GameCenter => &mut user.gamecenter_id,
        Provider::Google => &mut user.google_id,
        Provider::Steam => &mut user.steam_id,
    }
}

fn check_identity(identity: Identity<'_>) -> Result<(), StorageError> {
    match identity {
        Identity::Device(id) | Identity::Custom(id) | Identity::External(_, id) => fits(id, 128),
        Identity::Email(address) => fits(address, 255),
    }
}

fn check_password(password: Option<&Password>) -> Result<(), StorageError> {
    match password {
        Some(Password(kept)) if kept.len() >= 32_000 => {
            Err(StorageError::DoesNotFit("a password of 32,000 bytes or more".into()))
        }
        Some(_) | None => Ok(()),
    }
}

/// A changed field and how wide its column is; `None` when it stays as it is.
fn changed(field: &Field, width: usize) -> Result<Option<Option<String>>, StorageError> {
    match field {
        Field::Keep => Ok(None),
        Field::Clear => Ok(Some(None)),
        Field::Set(text) => {
            fits(text, width)?;
            Ok(Some(Some(text.clone())))
        }
    }
}

fn set<T>(field: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *field = new;
    }
}

#[async_trait]
impl Accounts for Memory {
    async fn find(
        &self,
        identity: Identity<'_>,
        with_obligation: bool,
    ) -> Result<Option<Login>, StorageError> {
        let tables = self.lock();
        let row = tables.identities.get(&identity.into()).and_then(|user| tables.users.get(user));
        Ok(row.map(|row| row.login(&tables, with_obligation)))
    }

    async fn find_by_username(
        &self,
        username: &str,
        with_obligation: bool,
    ) -> Result<Option<Login>, StorageError> {
        let tables = self.lock();
        let row = tables.usernames.get(username).and_then(|user| tables.users.get(user));
        Ok(row.map(|row| row.login(&tables, with_obligation)))
    }

    async fn find_by_id(&self, user: UserId) -> Result<Option<Login>, StorageError> {
        let tables = self.lock();
        Ok(tables.users.get(&user).map(|row| row.login(&tables, false)))
    }

    async fn create(&self, new: NewAccount<'_>) -> Result<Created, StorageError> {
        fits(new.username, 128)?;
        check_identity(new.identity)?;
        check_password(new.password.as_ref())?;
        let obligation = match new.obligation {
            Some(obligation) => Some(Standing::new(new.user, obligation, new.now)?),
            None => None,
        };
        let mut tables = self.lock();
        if tables.identities.contains_key(&new.identity.into()) {
            return Ok(Created::IdentityTaken);
        }
        if tables.usernames.contains_key(new.username) {
            return Ok(Created::UsernameTaken);
        }
        if tables.users.contains_key(&new.user) {
            return Err(broken("a user with this id exists"));
        }
        if let Some(standing) = obligation {
            if tables.obligations.contains_key(&standing.obligation.id) {
                return Err(broken("an obligation with this id exists"));
            }
            tables.obligations.insert(standing.obligation.id, standing);
        }
        tables.usernames.insert(new.username.into(), new.user);
        tables.users.insert(new.user, Row::new(new.user, new.username, new.now));
        tables.add_identity(new.user, new.identity, new.password.as_ref(), new.now);
        Ok(Created::Created)
    }

    async fn get(&self, user: UserId) -> Result<Option<Account>, StorageError> {
        Ok(self.lock().users.get(&user).map(Row::account))
    }

    async fn users(
        &self,
        ids: &[UserId],
        usernames: &[String],
        facebook_ids: &[String],
    ) -> Result<Vec<User>, StorageError> {
        let tables = self.lock();
        let by_facebook = tables
            .users
            .values()
            .filter(|row| row.user.facebook_id.as_ref().is_some_and(|id| facebook_ids.contains(id)))
            .map(|row| &row.user.id);
        let by_username = usernames.iter().filter_map(|name| tables.usernames.get(name));
        let wanted: HashSet<&UserId> = ids.iter().chain(by_username).chain(by_facebook).collect();
        let rows = wanted
            .into_iter()
            .filter(|id| !id.is_nil())
            .filter_map(|id| tables.users.get(id).map(|row| row.user.clone()));
        Ok(rows.collect())
    }

    async fn users_from(&self, from: UserId, count: u32) -> Result<Vec<User>, StorageError> {
        let tables = self.lock();
        let rows = tables.users.values().filter(|row| !row.user.id.is_nil());
        let mut users: Vec<User> = rows.map(|row| row.user.clone()).collect();
        users.sort_by_key(|user| (user.id < from, user.id));
        users.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        Ok(users)
    }

    async fn update(
        &self,
        user: UserId,
        update: &AccountUpdate,
        now: Timestamp,
    ) -> Result<Updated, StorageError> {
        self.lock().update_account(user, update, now)
    }

    async fn delete(
        &self,
        user: UserId,
        _recorded: bool, // Nothing in the port reads tombstones.
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let mut tables = self.lock();
        if user.is_nil() {
            return Ok(false);
        }
        if tables.users.contains_key(&user) {
            tables.leave_all_groups(user, now);
            tables.lose_all_friends(user);
        }
        let Some(row) = tables.users.remove(&user) else { return Ok(false) };
        tables.usernames.remove(&row.user.username);
        tables.identities.retain(|_, owner| *owner != user);
        tables.obligations.retain(|_, standing| standing.obligation.user != user);
        for history in tables.histories.values_mut() {
            history.retain(|_, message| message.sender != user);
        }
        let Tables { histories, messages, .. } = &mut *tables;
        messages.retain(|_, (stream, key)| {
            histories.get(stream).is_some_and(|history| history.contains_key(key))
        });
        tables.notifications.retain(|(owner, _), _| *owner != user);
        tables.notification_ids.retain(|_, (owner, _)| *owner != user);
        tables.ledgers.remove(&user);
        tables.ledger_ids.retain(|_, owner| *owner != user);
        tables.objects.retain(|(_, _, owner), _| *owner != user);
        tables.boards.delete_owner(user);
        tables.purchases_lose(user);
        Ok(true)
    }

    async fn link(
        &self,
        user: UserId,
        identity: Identity<'_>,
        password: Option<&Password>,
        now: Timestamp,
    ) -> Result<Linked, StorageError> {
        check_identity(identity)?;
        check_password(password)?;
        let mut tables = self.lock();
        if !tables.users.contains_key(&user) {
            return Ok(Linked::NoAccount);
        }
        if tables.identities.get(&identity.into()).is_some_and(|owner| *owner != user) {
            return Ok(Linked::Elsewhere);
        }
        tables.add_identity(user, identity, password, now);
        Ok(Linked::Linked)
    }

    async fn unlink(
        &self,
        user: UserId,
        identity: Identity<'_>,
        now: Timestamp,
    ) -> Result<Unlinked, StorageError> {
        let mut tables = self.lock();
        let Some(row) = tables.users.get_mut(&user) else { return Ok(Unlinked::LastOrMissing) };
        let gone = match identity {
            Identity::Device(id) => row.devices.get(id).cloned().map(IdentityKey::Device),
            Identity::Custom(id) => {
                row.custom_id.clone().filter(|own| own == id).map(IdentityKey::Custom)
            }
            Identity::Email(_) => row.email.clone().map(IdentityKey::Email),
            Identity::External(provider, id) => (row.user.external(provider))
                .filter(|own| *own == id)
                .map(|own| IdentityKey::External(provider, own.clone())),
        };
        let signs_in = match &gone {
            Some(IdentityKey::Email(_)) => row.password.is_some(),
            Some(_) | None => true,
        };
        let left = row.identities().saturating_sub(usize::from(signs_in));
        let Some(gone) = gone.filter(|_| left > 0) else {
            return Ok(Unlinked::LastOrMissing);
        };
        match &gone {
            IdentityKey::External(provider, _) => *external(&mut row.user, *provider) = None,
            IdentityKey::Device(id) => {
                row.devices.remove(id);
            }
            IdentityKey::Custom(_) => row.custom_id = None,
            IdentityKey::Email(_) => {
                row.email = None;
                row.password = None;
            }
        }
        row.touch(now);
        tables.identities.remove(&gone);
        Ok(Unlinked::Unlinked)
    }

    async fn fill(
        &self,
        user: UserId,
        imported: Imported<'_>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        for (text, width) in
            [(imported.display_name, 255), (imported.avatar_url, 512), (imported.email, 255)]
        {
            text.map_or(Ok(()), |text| fits(text, width))?;
        }
        let mut tables = self.lock();
        let key = imported.email.map(|address| IdentityKey::Email(address.into()));
        let key = key.filter(|key| !tables.identities.contains_key(key));
        let Some(row) = tables.users.get_mut(&user) else { return Ok(()) };
        let mut changed = false;
        for (field, text) in [
            (&mut row.user.display_name, imported.display_name),
            (&mut row.user.avatar_url, imported.avatar_url),
        ] {
            let lacking = field.as_deref().unwrap_or_default().is_empty();
            if let Some(text) = text.filter(|_| lacking) {
                *field = Some(text.into());
                changed = true;
            }
        }
        let key = key.filter(|_| row.email.is_none());
        if let (Some(_), Some(address)) = (&key, imported.email) {
            row.email = Some(address.into());
            changed = true;
        }
        if changed {
            row.touch(now);
        }
        if let Some(key) = key {
            tables.identities.insert(key, user);
        }
        Ok(())
    }

    async fn replace_password(
        &self,
        user: UserId,
        old: &Password,
        new: &Password,
    ) -> Result<bool, StorageError> {
        check_password(Some(new))?;
        let mut tables = self.lock();
        match tables.users.get_mut(&user) {
            Some(row) if row.password.as_ref() == Some(old) => {
                row.password = Some(new.clone());
                Ok(true)
            }
            Some(_) | None => Ok(false),
        }
    }

    async fn set_disabled(
        &self,
        users: &[UserId],
        at: Option<Timestamp>,
    ) -> Result<(), StorageError> {
        let mut tables = self.lock();
        for user in users {
            if let Some(row) = tables.users.get_mut(user) {
                row.disable_time = at.map(Timestamp::whole_micros);
            }
        }
        Ok(())
    }
}
