//! Purchases and subscriptions in stores.

use async_trait::async_trait;
use tavern_domain::{Timestamp, UserId};
use tavern_protocol::api;
use tavern_purchases::{
    GoogleAccount, ListQuery, PurchaseProof, SubscriptionProof, ValidatedPurchase,
    ValidatedSubscription,
};
use tavern_runtime_hooks::HookError;
use tavern_runtime_hooks::host::{
    HostPurchase, HostPurchasePage, HostSubscription, HostSubscriptionPage, HostValidatedPurchases,
    HostValidatedSubscription, PurchaseGetByTransactionId, PurchaseValidateApple,
    PurchaseValidateFacebookInstant, PurchaseValidateGoogle, PurchaseValidateHuawei,
    PurchaseValidateSamsung, PurchasesHost, PurchasesList, SubscriptionGetByProductId,
    SubscriptionValidateApple, SubscriptionValidateGoogle, SubscriptionsList,
};
use tavern_storage::{Store, StoreEnvironment};

use super::ServerHost;
use crate::cases::purchases::refused;

impl ServerHost {
    async fn validate_purchase(
        &self,
        user: UserId,
        proof: PurchaseProof<'_>,
        persist: Option<bool>,
    ) -> Result<HostValidatedPurchases, HookError> {
        let validated = self.0.shop.validate_purchase(user, proof, persist.unwrap_or(true)).await;
        let validated = validated.map_err(refused)?;
        let validated_purchases = validated.into_iter().map(|one| purchase(one, false)).collect();
        Ok(HostValidatedPurchases { validated_purchases })
    }

    async fn validate_subscription(
        &self,
        user: UserId,
        proof: SubscriptionProof<'_>,
        persist: Option<bool>,
    ) -> Result<HostValidatedSubscription, HookError> {
        let persist = persist.unwrap_or(true);
        let validated = self.0.shop.validate_subscription(user, proof, persist).await;
        let validated_subscription = subscription(validated.map_err(refused)?, false);
        Ok(HostValidatedSubscription { validated_subscription })
    }
}

/// Scripts pass an empty text where they mean the configured one.
fn given(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

#[async_trait]
impl PurchasesHost for ServerHost {
    async fn purchase_validate_apple(
        &self,
        args: PurchaseValidateApple,
    ) -> Result<HostValidatedPurchases, HookError> {
        let password = given(args.password_override.as_ref());
        let proof = PurchaseProof::Apple { receipt: &args.receipt, password };
        self.validate_purchase(args.user_id, proof, args.persist).await
    }

    async fn purchase_validate_google(
        &self,
        args: PurchaseValidateGoogle,
    ) -> Result<HostValidatedPurchases, HookError> {
        let account = GoogleAccount {
            client_email: given(args.client_email_override.as_ref()),
            private_key: given(args.private_key_override.as_ref()),
        };
        let proof = PurchaseProof::Google { purchase: &args.purchase, account };
        self.validate_purchase(args.user_id, proof, args.persist).await
    }

    async fn purchase_validate_huawei(
        &self,
        args: PurchaseValidateHuawei,
    ) -> Result<HostValidatedPurchases, HookError> {
        let PurchaseValidateHuawei { user_id, mut signature, mut purchase, persist } = args;
        // Modules have them either way round; only one of them is JSON.
        if signature.starts_with('{') {
            std::mem::swap(&mut signature, &mut purchase);
        }
        let proof = PurchaseProof::Huawei { purchase: &purchase, signature: &signature };
        self.validate_purchase(user_id, proof, persist).await
    }

    async fn purchase_validate_facebook_instant(
        &self,
        args: PurchaseValidateFacebookInstant,
    ) -> Result<HostValidatedPurchases, HookError> {
        let proof = PurchaseProof::FacebookInstant { signed_request: &args.signed_request };
        self.validate_purchase(args.user_id, proof, args.persist).await
    }

    async fn purchase_validate_samsung(
        &self,
        args: PurchaseValidateSamsung,
    ) -> Result<HostValidatedPurchases, HookError> {
        let proof = PurchaseProof::Samsung { purchase_id: &args.purchase_id };
        self.validate_purchase(args.user_id, proof, args.persist).await
    }

    async fn purchase_get_by_transaction_id(
        &self,
        args: PurchaseGetByTransactionId,
    ) -> Result<HostPurchase, HookError> {
        let found = self.0.shop.purchase_of(&args.transaction_id).await;
        Ok(purchase(found.map_err(refused)?, true))
    }

    async fn purchases_list(&self, args: PurchasesList) -> Result<HostPurchasePage, HookError> {
        let cursor = args.cursor.unwrap_or_default();
        let query = ListQuery { user: args.user_id.0, limit: args.limit, cursor: &cursor };
        let page = self.0.shop.purchases(query).await.map_err(refused)?;
        Ok(HostPurchasePage {
            validated_purchases: page.entries.into_iter().map(|one| purchase(one, true)).collect(),
            cursor: page.cursor,
            prev_cursor: page.prev_cursor,
        })
    }

    async fn subscription_validate_apple(
        &self,
        args: SubscriptionValidateApple,
    ) -> Result<HostValidatedSubscription, HookError> {
        let password = given(args.password_override.as_ref());
        let proof = SubscriptionProof::Apple { receipt: &args.receipt, password };
        self.validate_subscription(args.user_id, proof, args.persist).await
    }

    async fn subscription_validate_google(
        &self,
        args: SubscriptionValidateGoogle,
    ) -> Result<HostValidatedSubscription, HookError> {
        let account = GoogleAccount {
            client_email: given(args.client_email_override.as_ref()),
            private_key: given(args.private_key_override.as_ref()),
        };
        let proof = SubscriptionProof::Google { receipt: &args.receipt, account };
        self.validate_subscription(args.user_id, proof, args.persist).await
    }

    async fn subscription_get_by_product_id(
        &self,
        args: SubscriptionGetByProductId,
    ) -> Result<HostSubscription, HookError> {
        let found = self.0.shop.subscription_to(args.user_id, &args.product_id).await;
        Ok(subscription(found.map_err(refused)?, false))
    }

    async fn subscriptions_list(
        &self,
        args: SubscriptionsList,
    ) -> Result<HostSubscriptionPage, HookError> {
        let cursor = args.cursor.unwrap_or_default();
        let query = ListQuery { user: args.user_id.0, limit: args.limit, cursor: &cursor };
        let page = self.0.shop.subscriptions(query).await.map_err(refused)?;
        Ok(HostSubscriptionPage {
            validated_subscriptions: page
                .entries
                .into_iter()
                .map(|one| subscription(one, true))
                .collect(),
            cursor: page.cursor,
            prev_cursor: page.prev_cursor,
        })
    }
}

fn owner(user: UserId) -> String {
    if user.is_nil() { String::new() } else { user.to_string() }
}

fn store(store: Store) -> String {
    let number = i32::from(store.number());
    api::StoreProvider::try_from(number).map_or("", |store| store.as_str_name()).to_owned()
}

fn environment(environment: StoreEnvironment) -> String {
    let number = i32::from(environment.number());
    let known = api::StoreEnvironment::try_from(number);
    known.map_or("", |environment| environment.as_str_name()).to_owned()
}

/// See the field.
fn refund(time: Option<Timestamp>, listed: bool) -> Option<i64> {
    time.map(Timestamp::seconds).or(listed.then_some(0))
}

fn purchase(one: ValidatedPurchase, listed: bool) -> HostPurchase {
    HostPurchase {
        user_id: owner(one.user),
        product_id: one.product,
        transaction_id: one.transaction,
        store: store(one.store),
        purchase_time: one.purchase_time,
        create_time: one.kept.map(|kept| kept.create_time.seconds()),
        update_time: one.kept.map(|kept| kept.update_time.seconds()),
        refund_time: refund(one.refund_time, listed),
        provider_response: one.response,
        environment: environment(one.environment),
        seen_before: one.seen_before,
    }
}

fn subscription(one: ValidatedSubscription, listed: bool) -> HostSubscription {
    HostSubscription {
        user_id: owner(one.user),
        product_id: one.product,
        original_transaction_id: one.original_transaction,
        store: store(one.store),
        purchase_time: one.purchase_time,
        create_time: one.kept.map(|kept| kept.create_time.seconds()),
        update_time: one.kept.map(|kept| kept.update_time.seconds()),
        expiry_time: one.expire_time,
        refund_time: refund(one.refund_time, listed),
        provider_response: one.response,
        provider_notification: one.notification,
        environment: environment(one.environment),
        active: one.active,
    }
}
