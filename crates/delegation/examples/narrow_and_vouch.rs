//! A token from its minting to a partner's word: `cargo run -p tavern-delegation --example
//! narrow_and_vouch`.

#![expect(clippy::print_stdout, reason = "it is what an example is for")]

use tavern_delegation::{
    DelegationConfig, DelegationError, Grant, Name, Narrowing, PartnerFact, SigningKey, append,
    attenuate, inspect, mint, request, vouch,
};
use tavern_domain::{OsEntropy, Timestamp};

fn main() -> Result<(), DelegationError> {
    let signing_key = SigningKey::generate(&OsEntropy).secret();
    let config = DelegationConfig { signing_key, ..DelegationConfig::default() };
    let partner = SigningKey::generate(&OsEntropy);
    let member = PartnerFact::parse("member=guild-7")?;
    let narrowing = Narrowing {
        requires: vec![(member.clone(), partner.public_text())],
        ..Narrowing::default()
    };
    let rights = vec!["ReadStorageObjects".to_owned()];
    let grant = Grant { rights, narrowing, ..Grant::default() };
    let minted = mint(&config, &grant, None, Timestamp::from_seconds(1_700_000_000), &OsEntropy)?;
    println!("minted: {}", minted.token);

    // Whoever holds it narrows it, without any key.
    let things = vec![(Name::Collection, "saves".to_owned())];
    let narrowed = attenuate(&minted.token, &Narrowing { things, ..Narrowing::default() })?;
    println!("narrowed: {narrowed}");

    // The partner sees the request only.
    let asked = request(&narrowed)?;
    println!("request: {asked}");
    let block = vouch(&asked, &partner, &[member], &Narrowing::default())?;
    println!("block: {block}");
    let vouched = append(&narrowed, &block)?;
    for block in inspect(&vouched, None)?.blocks {
        println!("--\n{}", block.code);
    }
    Ok(())
}
