//! A pass over 100,000 tickets, and how long additions wait meanwhile. Run it with `--release`.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tavern_domain::{Clock, OsEntropy, SeededEntropy, SessionId, SystemClock, UserId};
use tavern_domain::{Entropy, Timestamp};
use tavern_matchmaker::{Config, LocalMatchmaker, Player, TicketSpec};

const TICKETS: usize = 100_000;

/// One of five regions and of four modes, a skill of 0 to 2,999, and an opponent or a team at most
/// 50 to 150 away, in duels, fours and tens; a third is flexible.
fn ticket(chance: &SeededEntropy) -> TicketSpec {
    let pick = |most: u64| chance.next_u64() % most;
    let number = |most: u64| i32::try_from(pick(most)).unwrap_or(0);
    let player = Player {
        user: UserId(chance.uuid_v4()),
        session: SessionId(chance.uuid_v4()),
        username: "player".into(),
        node: None,
    };
    let (region, mode, skill) = (pick(5), pick(4), number(3_000));
    let distance = 50 + number(100);
    let mut spec = TicketSpec::solo(player);
    spec.max_count = [2, 2, 4, 10][usize::try_from(mode).unwrap_or(0)];
    spec.min_count = if pick(3) == 0 { 2 } else { spec.max_count };
    spec.texts.insert("region".into(), format!("r{region}"));
    spec.texts.insert("mode".into(), format!("m{mode}"));
    spec.numbers.insert("skill".into(), f64::from(skill));
    let (low, high) = (skill - distance, skill + distance);
    spec.query = format!(
        "+properties.region:r{region} +properties.mode:m{mode} \
         +properties.skill:>={low} +properties.skill:<={high}"
    );
    spec
}

fn millis(from: Timestamp, to: Timestamp) -> f64 {
    (to.nanos() - from.nanos()) as f64 / 1e6
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock = SystemClock;
    let lobby =
        Arc::new(LocalMatchmaker::new(Config::default(), Arc::new(clock), Arc::new(OsEntropy)));
    let chance = SeededEntropy::new(7);
    let mut out = std::io::stdout().lock();

    let specs: Vec<TicketSpec> = (0..TICKETS).map(|_| ticket(&chance)).collect();
    let begun = clock.now();
    for spec in specs {
        lobby.add(spec)?;
    }
    let each = millis(begun, clock.now()) * 1e3 / TICKETS as f64;
    writeln!(out, "{TICKETS} tickets added, {each:.1} us each")?;

    for pass in 1..=4 {
        let stop = Arc::new(AtomicBool::new(false));
        let adder = std::thread::spawn({
            let (lobby, stop) = (Arc::clone(&lobby), Arc::clone(&stop));
            move || {
                let chance = SeededEntropy::new(pass);
                let mut waits = Vec::new();
                while !stop.load(Ordering::SeqCst) {
                    let spec = ticket(&chance);
                    let begun = clock.now();
                    if lobby.add(spec).is_ok() {
                        waits.push(millis(begun, clock.now()));
                    }
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                waits.sort_by(f64::total_cmp);
                waits
            }
        });
        let begun = clock.now();
        let report = lobby.pass(drop);
        let took = millis(begun, clock.now());
        stop.store(true, Ordering::SeqCst);
        let waits = adder.join().map_err(|_| "the adding thread panicked")?;
        let at = |share: usize| waits.get(waits.len() * share / 100).copied().unwrap_or(0.0);
        let most = waits.last().copied().unwrap_or(0.0);
        writeln!(out, "pass {pass}: {took:.0} ms, {report:?}")?;
        writeln!(
            out,
            "  {} added meanwhile: median {:.3} ms, 99 of 100 within {:.3} ms, longest {most:.3} ms",
            waits.len(),
            at(50),
            at(99),
        )?;
    }
    Ok(())
}
