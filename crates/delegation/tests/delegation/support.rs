//! A world with one player.

use std::sync::Arc;

use tavern_delegation::{
    Action, CallFacts, Delegate, DelegationConfig, DelegationError, DelegationMeters,
    DelegationParts, Delegations, Element, Grant, Interface, SigningKey, Standing,
};
use tavern_domain::{Clock as _, ManualClock, SeededEntropy, Timestamp, UserId};
use tavern_storage::{Identity, NewAccount, Storage, memory};
use uuid::Uuid;

pub(crate) const ANN: UserId = UserId(Uuid::from_u128(0xa));
/// Has no account.
pub(crate) const BOB: UserId = UserId(Uuid::from_u128(0xb));

pub(crate) struct World {
    pub(crate) config: DelegationConfig,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) delegations: Delegations,
    pub(crate) meters: DelegationMeters,
    storage: Storage,
}

impl World {
    pub(crate) async fn new() -> Self {
        let config = DelegationConfig {
            signing_key: SigningKey::generate(&SeededEntropy::new(7)).secret(),
            expiry_sec: 3_600,
            max_expiry_sec: 86_400,
            ..DelegationConfig::default()
        };
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_123)));
        let storage = memory::storage();
        let new = NewAccount {
            user: ANN,
            username: "ann",
            identity: Identity::Device("ann-s-device"),
            password: None,
            now: clock.now(),
            obligation: None,
        };
        storage.accounts.create(new).await.unwrap();
        let meters = DelegationMeters::default();
        let delegations = make(&config, &clock, &storage, &meters);
        Self { config, clock, delegations, meters, storage }
    }

    /// A new process on the same store.
    pub(crate) async fn restart(&mut self) {
        self.delegations = make(&self.config, &self.clock, &self.storage, &self.meters);
        self.delegations.load().await.unwrap();
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn mint(&self, names: &[&str]) -> String {
        self.delegations.mint(&rights(names), None).unwrap().token
    }

    pub(crate) fn verify(&self, token: &str) -> Result<Arc<Delegate>, DelegationError> {
        self.delegations.verify(token)
    }

    pub(crate) fn may(&self, token: &str, call: CallFacts, things: Vec<Element>) -> bool {
        let token = self.verify(token).unwrap();
        self.delegations.authorize(&token, call, things).is_ok()
    }

    pub(crate) async fn ban(&self, user: UserId) {
        self.storage.accounts.set_disabled(&[user], Some(self.now())).await.unwrap();
    }
}

fn make(
    config: &DelegationConfig,
    clock: &Arc<ManualClock>,
    storage: &Storage,
    meters: &DelegationMeters,
) -> Delegations {
    Delegations::new(DelegationParts {
        config: config.clone(),
        store: Arc::clone(&storage.token_revocations),
        accounts: Arc::clone(&storage.accounts),
        clock: Arc::clone(clock) as _,
        entropy: Arc::new(SeededEntropy::new(9)),
        meters: meters.clone(),
    })
    .unwrap()
}

/// A grant of these rights by Ann.
pub(crate) fn rights(names: &[&str]) -> Grant {
    Grant {
        user: ANN,
        username: Some("ann".to_owned()),
        rights: names.iter().map(|name| (*name).to_owned()).collect(),
        vars: [("team".to_owned(), "red".to_owned())].into(),
        ..Grant::default()
    }
}

/// An ordinary call that reads, over HTTP.
pub(crate) fn call(name: &'static str) -> CallFacts {
    CallFacts {
        call: name,
        action: Action::Read,
        standing: Standing::Ordinary,
        interface: Interface::Rest,
    }
}

/// A call that no token may make.
pub(crate) fn never(name: &'static str) -> CallFacts {
    CallFacts { standing: Standing::Never, ..call(name) }
}
