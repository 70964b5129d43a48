//! A player signs in, calls, and is logged out, without any server around it.
//!
//! `cargo run -p tavern-auth --example sign_in`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;

use tavern_auth::{
    AuthConfig, AuthMeters, ClientAddress, Lockout, Passwords, SessionConfig, Sessions, Vars,
    Verdict, generate_secret, validate,
};
use tavern_domain::{Clock, Entropy, OsEntropy, SystemClock, UserId};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let meters = AuthMeters::default();

    // A real program reads both sections from its configuration file and checks them.
    let auth = AuthConfig::default();
    let config = SessionConfig {
        encryption_key: generate_secret(&*entropy),
        refresh_encryption_key: generate_secret(&*entropy),
        ..SessionConfig::default()
    };
    let mut problems = Vec::new();
    config.validate(&mut problems);
    config.check_secrets(&mut problems);
    auth.validate(&mut problems);
    assert!(problems.is_empty(), "{problems:?}");

    // Revocations must survive the process, so a real program gives a database's implementation.
    let store = tavern_storage::memory::storage().revocations;
    let sessions =
        Sessions::new(&config, store, Arc::clone(&clock), Arc::clone(&entropy), &meters)?;
    sessions.load().await?;
    let passwords = Passwords::new(auth.password, Arc::clone(&entropy), meters.clone())?;
    let lockout = Lockout::new(auth.lockout, clock, &*entropy, meters);

    // Somebody registers.
    let email = validate::email("Ann@Example.com")?;
    validate::password("correct horse")?;
    let (user, username) = (UserId(entropy.uuid_v4()), validate::generate_username(&*entropy));
    let kept = passwords.hash("correct horse").await?;
    println!("{email} is {username}, and the table keeps {kept}");

    // They sign in, at the second try, from behind our proxy.
    let proxies = ["10.0.0.0/8".parse()?];
    let peer: IpAddr = "10.0.0.1".parse()?;
    let address = ClientAddress::from_forwarded(peer, "203.0.113.5", &proxies, 0);
    for password in ["wrong horse", "correct horse"] {
        lockout.check_address(address)?;
        lockout.check_account(user.into())?;
        match passwords.verify(password, Some(kept.as_bytes())).await? {
            Verdict::Wrong => {
                lockout.failed(user.into(), address);
                println!("{password:?} from {address} is wrong");
            }
            Verdict::Right { .. } => lockout.succeeded(user.into()),
        }
    }
    let vars = Vars::from([("device".to_owned(), "phone".to_owned())]);
    let pair = sessions.start(user, &username, &vars).await?;
    println!("session token: {}", pair.token);

    // Every call of theirs comes with the token.
    let caller = sessions.authenticate(&pair.token)?;
    println!("{} calls, with {:?}", caller.username, caller.vars);

    // The token is renewed before it expires.
    let old = sessions.verify_refresh(&pair.refresh_token)?;
    let renewed = sessions.refresh(&old, &username, &Vars::new())?;
    println!("renewed until {} s", renewed.claims.expires.seconds());

    // They log out everywhere, and in again.
    sessions.log_out(&caller, "", "").await?;
    if let Err(reason) = sessions.authenticate(&renewed.token) {
        println!("after the log-out: {reason}");
    }
    let again = sessions.start(user, &username, &vars).await?;
    println!("after a new log-in: {}", sessions.authenticate(&again.token)?.username);
    Ok(())
}
