//! A studio's own server: Tavern with one module of the studio's.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use tavern_domain::ErrorCode;
use tavern_protocol::calls::{AuthenticateDevice, UpdateAccount};
use tavern_runtime_hooks::host::{AccountGetId, WalletUpdate};
use tavern_runtime_hooks::{HookError, Host, Json, Module, ModuleError, Registrar};

struct Studio;

#[async_trait]
impl Module for Studio {
    fn name(&self) -> &str {
        "studio"
    }

    async fn init(
        &self,
        registrar: &mut Registrar,
        host: Arc<dyn Host>,
    ) -> Result<(), ModuleError> {
        // Every new player begins with coins. After a crash the hook runs again, for the same
        // player: it must see for itself what it has done already.
        registrar.after::<AuthenticateDevice, _, _>(move |context, session, _request| {
            let host = Arc::clone(&host);
            async move {
                let (true, Some(user_id)) = (session.created, context.user) else { return Ok(()) };
                if host.account_get_id(AccountGetId { user_id }).await?.wallet.is_empty() {
                    host.wallet_update(WalletUpdate {
                        user_id,
                        changeset: BTreeMap::from([("coins".to_owned(), 100)]),
                        metadata: Some(Json(r#"{"why":"welcome"}"#.to_owned())),
                        update_ledger: Some(true),
                    })
                    .await?;
                }
                Ok(())
            }
        });
        registrar.before::<UpdateAccount, _, _>(|_context, request| async move {
            let rude = request.display_name.as_deref().is_some_and(|name| name.contains("rude"));
            if rude {
                return Err(HookError::new(
                    ErrorCode::InvalidArgument,
                    "please choose another name",
                ));
            }
            Ok(Some(request))
        });
        registrar.rpc("greet", |context, payload| async move {
            let name = context.call.username.unwrap_or_else(|| "stranger".into());
            Ok(Some(format!("hello {name}, you said: {payload}")))
        });
        Ok(())
    }
}

fn main() -> ExitCode {
    tavern::main_with(vec![Arc::new(Studio)])
}
