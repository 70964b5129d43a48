//! Passes against a slow and obviously right reference: every group is allowed, and no allowed group
//! is left, whatever came and went before.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tavern_domain::{SessionId, Timestamp, UserId};
use tavern_matchmaker::{
    Config, Group, Matchmaker, Owner, Player, Progress, TicketId, TicketSpec, Widening,
};
use tavern_search::{Document, Query};
use uuid::Uuid;

/// A ticket as the reference sees it.
#[derive(Clone, Debug)]
struct Known {
    spec: TicketSpec,
    passes: u32,
}

impl Known {
    fn document(&self) -> Document<'static> {
        let texts = self.spec.texts.iter().fold(Document::new(), |document, (name, value)| {
            document.text(format!("properties.{name}"), value.clone())
        });
        self.spec.numbers.iter().fold(texts, |document, (name, value)| {
            document.number(format!("properties.{name}"), *value)
        })
    }

    /// The query in force during its present pass.
    fn query(&self) -> Query {
        let widened = self.spec.widening.iter().rev().find(|w| w.after_passes < self.passes);
        let text = widened.map_or(&self.spec.query, |w| &w.query);
        Query::parse(text).expect("well formed")
    }

    fn accepts(&self, other: &Self) -> bool {
        self.query().matches(&other.document())
    }

    fn fits(&self, size: i32) -> bool {
        let spec = &self.spec;
        spec.min_count <= size && size <= spec.max_count && size % spec.count_multiple == 0
    }

    /// Whether it would look for a group of this size itself.
    fn wants(&self, size: i32, config: &Config) -> bool {
        self.passes > config.max_intervals || size == self.spec.max_count
    }

    /// With one-way matching: whether it looks for others in this pass.
    fn looks(&self, config: &Config) -> bool {
        let spec = &self.spec;
        let last = if spec.min_count == spec.max_count { 1 } else { config.max_intervals + 1 };
        self.passes <= last || spec.widening.iter().any(|w| w.after_passes + 1 == self.passes)
    }
}

/// Whether these tickets may form a group.
fn allowed(tickets: &[&Known], config: &Config) -> bool {
    let sessions: Vec<SessionId> =
        tickets.iter().flat_map(|t| t.spec.players.iter().map(|p| p.session)).collect();
    let size = i32::try_from(sessions.len()).expect("few players");
    let distinct: BTreeSet<SessionId> = sessions.iter().copied().collect();
    let others = |at: usize| tickets.iter().enumerate().filter(move |(o, _)| *o != at);
    let accepts_all = |at: usize| others(at).all(|(_, other)| tickets[at].accepts(other));
    tickets.len() >= 2
        && distinct.len() == sessions.len()
        && tickets.iter().all(|ticket| ticket.fits(size))
        && if config.rev_precision {
            tickets.iter().any(|ticket| ticket.wants(size, config))
                && (0..tickets.len()).all(accepts_all)
        } else {
            (0..tickets.len()).any(|at| {
                tickets[at].looks(config) && tickets[at].wants(size, config) && accepts_all(at)
            })
        }
}

/// Every set of tickets, by bits.
fn any_allowed(tickets: &[&Known], config: &Config) -> Option<Vec<Known>> {
    (1_u32..1 << tickets.len()).find_map(|bits| {
        let chosen: Vec<&Known> = tickets
            .iter()
            .enumerate()
            .filter(|(at, _)| bits >> at & 1 == 1)
            .map(|(_, ticket)| *ticket)
            .collect();
        allowed(&chosen, config).then(|| chosen.into_iter().cloned().collect())
    })
}

#[derive(Clone, Debug)]
enum Step {
    Add(Box<TicketSpec>),
    Remove(prop::sample::Index),
    RemoveSession(u128),
    Pass { slice: u64 },
}

fn query() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        1 => Just("+properties.mode:a".to_owned()),
        1 => Just("-properties.mode:b".to_owned()),
        1 => Just("+properties.mode:/a|c/".to_owned()),
        1 => Just("properties.mode:a^2 properties.mode:b".to_owned()),
        1 => Just("+properties.mode:? properties.skill:>4".to_owned()),
        4 => (0..8, 1..6).prop_map(|(low, width)| {
            format!("+properties.skill:>={low} +properties.skill:<={}", low + width)
        }),
    ]
}

fn spec() -> impl Strategy<Value = TicketSpec> {
    let counts = (1..3_i32, 1..4_i32, 0..3_i32).prop_map(|(multiple, least, more)| {
        let min = (multiple * least).max(2);
        (min, min + multiple * more, multiple)
    });
    let members = prop_oneof![
        5 => prop::collection::btree_set(1_u128..14, 1),
        2 => prop::collection::btree_set(1_u128..14, 2..4),
    ];
    let widening = prop::option::weighted(0.2, (1_u32..3, query()));
    let mode = prop::sample::select(vec!["a", "b", "c"]);
    (counts, members, mode, 0..10_i32, query(), widening).prop_map(
        |((min_count, max_count, count_multiple), members, mode, skill, query, widening)| {
            let player = |n: u128| Player {
                user: UserId(Uuid::from_u128(n)),
                session: SessionId(Uuid::from_u128(n)),
                username: "name".into(),
                node: None,
            };
            TicketSpec {
                owner: Owner::Server,
                players: members
                    .into_iter()
                    .take(max_count.unsigned_abs() as usize)
                    .map(player)
                    .collect(),
                texts: BTreeMap::from([("mode".to_owned(), mode.to_owned())]),
                numbers: BTreeMap::from([("skill".to_owned(), f64::from(skill))]),
                query,
                min_count,
                max_count,
                count_multiple,
                widening: widening
                    .map(|(after_passes, query)| Widening { after_passes, query })
                    .into_iter()
                    .collect(),
            }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => spec().prop_map(|spec| Step::Add(Box::new(spec))),
        1 => any::<prop::sample::Index>().prop_map(Step::Remove),
        1 => (1_u128..14).prop_map(Step::RemoveSession),
        3 => prop_oneof![Just(1), Just(u64::MAX)].prop_map(|slice| Step::Pass { slice }),
    ]
}

/// One pass, by the matchmaker, checked by the reference.
fn checked_pass(
    matchmaker: &mut Matchmaker,
    known: &mut BTreeMap<TicketId, Known>,
    config: &Config,
    slice: u64,
) {
    known.values_mut().for_each(|ticket| ticket.passes += 1);
    let now = Timestamp::from_seconds(0);
    let mut pass = matchmaker.begin_pass(now);
    let mut groups: Vec<Group> = Vec::new();
    let report = loop {
        if let Progress::Done(report) = matchmaker.advance(&mut pass, now, slice, &mut groups) {
            break report;
        }
    };
    assert_eq!((report.groups, report.unfinished), (groups.len(), 0));
    for group in groups {
        let members: Vec<Known> = group
            .tickets
            .iter()
            .map(|ticket| known.remove(&ticket.id).expect("each ticket is matched once"))
            .collect();
        let members: Vec<&Known> = members.iter().collect();
        assert!(allowed(&members, config), "must not be put together: {members:#?}");
    }
    let left: Vec<&Known> = known.values().collect();
    if let Some(missed) = any_allowed(&left, config) {
        panic!("could have been put together: {missed:#?}");
    }
    assert_eq!(matchmaker.len(), known.len());
}

fn play(config: &Config, steps: Vec<Step>) {
    let mut matchmaker = Matchmaker::new(config.clone());
    let mut known: BTreeMap<TicketId, Known> = BTreeMap::new();
    for (n, step) in (0_u32..).zip(steps) {
        match step {
            // The reference looks at every set, so the pool stays small.
            Step::Add(_) if known.len() >= 11 => {}
            Step::Add(spec) => {
                let id = TicketId(Uuid::from_u128(n.into()));
                matchmaker
                    .add(id, (*spec).clone(), Timestamp::from_seconds(n.into()))
                    .expect("fine");
                known.insert(id, Known { spec: *spec, passes: 0 });
            }
            Step::Remove(_) if known.is_empty() => {}
            Step::Remove(which) => {
                let id = *known.keys().nth(which.index(known.len())).expect("within");
                known.remove(&id);
                assert!(matchmaker.remove(id).is_some());
            }
            Step::RemoveSession(n) => {
                let session = SessionId(Uuid::from_u128(n));
                let gone = matchmaker.remove_session(session);
                let before = known.len();
                known.retain(|_, t| t.spec.players.iter().all(|p| p.session != session));
                assert_eq!(gone.len(), before - known.len());
            }
            Step::Pass { slice } => checked_pass(&mut matchmaker, &mut known, config, slice),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn mutual_passes_form_all_allowed_groups_and_no_others(
        steps in prop::collection::vec(step(), 5..40),
        max_intervals in 1_u32..4,
    ) {
        play(&Config { max_intervals, ..Config::default() }, steps);
    }

    #[test]
    fn one_way_passes_form_all_allowed_groups_and_no_others(
        steps in prop::collection::vec(step(), 5..40),
        max_intervals in 1_u32..4,
    ) {
        play(&Config { max_intervals, rev_precision: false, ..Config::default() }, steps);
    }
}
