//! Writing and deleting scores.

use tavern_domain::{Timestamp, UserId, check_json_object};
use tavern_storage::{
    Board, BoardOperator, BoardRecord, Joined, NO_MAX_SIZE, Period, RecordWrite, ScoreChange,
    StorageError, TournamentTerms, WriteRefused, Written,
};

use crate::boards::kept;
use crate::leaderboards::Known;
use crate::records::Ranked;
use crate::{Leaderboards, LeaderboardsError, MAX_METADATA_BYTES};

/// Who writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writer {
    /// A player, for whom authoritative boards are closed.
    Player,
    /// Server code.
    Server,
}

/// A score to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewScore<'a> {
    /// On which board.
    pub board: &'a str,
    /// Whose.
    pub owner: UserId,
    /// The owner's name; empty keeps the one that is there.
    pub username: &'a str,
    /// Not below zero.
    pub score: i64,
    /// Not below zero.
    pub subscore: i64,
    /// The text of a JSON object; empty keeps what is there.
    pub metadata: &'a str,
    /// What to do instead of what the board says.
    pub operator: Option<BoardOperator>,
}

impl Leaderboards {
    /// Writes a score on a leaderboard or tournament and answers the record as it is then.
    ///
    /// # Errors
    /// [`LeaderboardsError`]; nothing was changed, unless the store failed.
    pub async fn write(&self, by: Writer, new: NewScore<'_>) -> Result<Ranked, LeaderboardsError> {
        let known = self.find(new.board).await?.ok_or(LeaderboardsError::NoLeaderboard)?;
        match &known.board.tournament {
            None => self.write_on(by, &known, new, known.expiry(self.now())).await,
            Some(_) => self.write_in_tournament(by, &known, new).await,
        }
    }

    /// Writes a score in a tournament and answers the record as it is then.
    ///
    /// # Errors
    /// [`LeaderboardsError`]; nothing was changed, unless the store failed.
    pub async fn write_tournament(
        &self,
        by: Writer,
        new: NewScore<'_>,
    ) -> Result<Ranked, LeaderboardsError> {
        let known = self.tournament(new.board).await?;
        self.write_in_tournament(by, &known, new).await
    }

    async fn write_in_tournament(
        &self,
        by: Writer,
        known: &Known,
        new: NewScore<'_>,
    ) -> Result<Ranked, LeaderboardsError> {
        authorised(by, &known.board)?;
        let now = self.now();
        let window = known.window(now).ok_or(LeaderboardsError::NoTournament)?;
        let ended = known.board.tournament.as_ref().and_then(|terms| terms.end_time);
        if ended.is_some_and(|end| end.seconds() <= now) {
            return Err(LeaderboardsError::Ended);
        }
        if !window.is_open(now) {
            return Err(LeaderboardsError::NotActive);
        }
        self.write_on(by, known, new, Timestamp::from_seconds(window.expiry)).await
    }

    async fn write_on(
        &self,
        by: Writer,
        known: &Known,
        new: NewScore<'_>,
        expiry: Timestamp,
    ) -> Result<Ranked, LeaderboardsError> {
        let board = &*known.board;
        authorised(by, board)?;
        if new.score < 0 || new.subscore < 0 {
            return Err(LeaderboardsError::NegativeScore);
        }
        if !new.metadata.is_empty() {
            check_json_object(new.metadata, MAX_METADATA_BYTES)
                .map_err(LeaderboardsError::Metadata)?;
        }
        let period = Period { board: &known.id, expiry };
        let write = RecordWrite {
            period,
            owner: new.owner,
            username: (!new.username.is_empty()).then_some(new.username),
            metadata: (!new.metadata.is_empty()).then_some(new.metadata),
            change: ScoreChange {
                score: new.score,
                subscore: new.subscore,
                operator: new.operator.unwrap_or(board.operator),
                sort: board.sort,
            },
            tournament: board.tournament.as_ref(),
            now: self.clock.now(),
        };
        let mut recounted = false;
        let record = loop {
            match self.put(known, write).await? {
                Ok(record) => break record,
                // Members of the last period count until the reset is carried out.
                Err(WriteRefused::Full) if !recounted => {
                    recounted = true;
                    if !self.records.recount(period).await? {
                        return Err(LeaderboardsError::Full);
                    }
                }
                Err(WriteRefused::Full) => return Err(LeaderboardsError::Full),
                Err(WriteRefused::NotJoined) => return Err(LeaderboardsError::NotJoined),
                Err(WriteRefused::NoBoard) => {
                    self.lose(new.board);
                    return Err(match &board.tournament {
                        None => LeaderboardsError::NoLeaderboard,
                        Some(_) => LeaderboardsError::NoTournament,
                    });
                }
                Err(WriteRefused::NoAttemptsLeft) => {
                    // Whoever had to join hears how the record stands instead.
                    let joined = board.tournament.as_ref().is_some_and(|t| t.join_required);
                    let own = if joined {
                        self.records.of_owners(period, &[new.owner]).await?.pop()
                    } else {
                        None
                    };
                    break own.ok_or(LeaderboardsError::NoAttemptsLeft)?;
                }
            }
        };
        let rank = self.rank_of(known, expiry, &record).await?;
        Ok(Ranked::new(known, expiry, record, rank))
    }

    /// Writes once, and lets the ranks know.
    async fn put(
        &self,
        known: &Known,
        write: RecordWrite<'_>,
    ) -> Result<Result<BoardRecord, WriteRefused>, LeaderboardsError> {
        let pending = self.ranks.pending(&known.id, write.period.expiry);
        match self.records.write(write).await {
            Ok(Written::Changed(record, change)) => {
                pending.changed(change);
                Ok(Ok(record))
            }
            Ok(Written::Unchanged(record)) => {
                pending.unchanged();
                Ok(Ok(record))
            }
            Ok(Written::Refused(why)) => {
                pending.unchanged();
                Ok(Err(why))
            }
            Err(error @ (StorageError::DoesNotFit(_) | StorageError::Contention(_))) => {
                pending.unchanged();
                // With a name and metadata that fit, it is the sum that does not.
                Err(match (error, write.change.operator) {
                    (StorageError::DoesNotFit(_), BoardOperator::Increment) => {
                        LeaderboardsError::ScoreRange
                    }
                    (error, _) => kept(error),
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The rank of a record; 0 when the board has none.
    pub(crate) async fn rank_of(
        &self,
        known: &Known,
        expiry: Timestamp,
        record: &BoardRecord,
    ) -> Result<u64, LeaderboardsError> {
        if !self.has_ranks(&known.board) {
            return Ok(0);
        }
        Ok(self.ranks.rank(&known.id, expiry, known.board.sort, record.key()).await?)
    }

    /// Deletes an owner's present record of a leaderboard, if there is one.
    ///
    /// # Errors
    /// When there is no such leaderboard, or it is closed to the writer.
    pub async fn delete_record(
        &self,
        by: Writer,
        board: &str,
        owner: UserId,
    ) -> Result<(), LeaderboardsError> {
        let known = self.find(board).await?.filter(|known| known.board.tournament.is_none());
        let known = known.ok_or(LeaderboardsError::NoLeaderboard)?;
        authorised(by, &known.board)?;
        self.remove(&known, owner, false).await
    }

    /// Deletes an owner's present record of a tournament, if there is one, and frees the place.
    ///
    /// # Errors
    /// When there is no such tournament, or it is closed to the writer.
    pub async fn delete_tournament_record(
        &self,
        by: Writer,
        tournament: &str,
        owner: UserId,
    ) -> Result<(), LeaderboardsError> {
        let known = self.tournament(tournament).await?;
        authorised(by, &known.board)?;
        let limited =
            known.board.tournament.as_ref().is_some_and(|terms| terms.max_size != NO_MAX_SIZE);
        self.remove(&known, owner, limited).await
    }

    async fn remove(
        &self,
        known: &Known,
        owner: UserId,
        limited: bool,
    ) -> Result<(), LeaderboardsError> {
        let expiry = known.expiry(self.now());
        let pending = self.ranks.pending(&known.id, expiry);
        match self.records.delete(Period { board: &known.id, expiry }, owner, limited).await? {
            Some(change) => pending.changed(change),
            None => pending.unchanged(),
        }
        Ok(())
    }

    /// Deletes every record of a player who goes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_owner(&self, owner: UserId) -> Result<(), LeaderboardsError> {
        for (board, expiry, change) in self.records.delete_owner(owner).await? {
            self.ranks.apply(&(board.into(), expiry), change);
        }
        Ok(())
    }

    /// Makes a player a member of a tournament that one must join; of others everybody is one.
    ///
    /// # Errors
    /// When there is no such tournament, it is not on, or it is full.
    pub async fn join(
        &self,
        tournament: &str,
        owner: UserId,
        username: &str,
    ) -> Result<(), LeaderboardsError> {
        let known = self.tournament(tournament).await?;
        let Some(terms) = known.board.tournament.as_ref().filter(|terms| terms.join_required)
        else {
            return Ok(());
        };
        let now = self.now();
        let open = known.window(now).filter(|window| now < window.end_active);
        let window = open.ok_or(LeaderboardsError::CannotJoin("is not active"))?;
        let expiry = Timestamp::from_seconds(window.expiry);
        let period = Period { board: &known.id, expiry };
        if self.join_once(&known, period, owner, username, terms).await? {
            return Ok(());
        }
        // Members of the last period count until the reset is carried out.
        if self.records.recount(period).await?
            && self.join_once(&known, period, owner, username, terms).await?
        {
            return Ok(());
        }
        Err(LeaderboardsError::CannotJoin("is full"))
    }

    /// Answers whether there was room.
    async fn join_once(
        &self,
        known: &Known,
        period: Period<'_>,
        owner: UserId,
        username: &str,
        terms: &TournamentTerms,
    ) -> Result<bool, LeaderboardsError> {
        let pending = self.ranks.pending(&known.id, period.expiry);
        let now = self.clock.now();
        match self.records.join(period, owner, username, terms, now).await.map_err(kept)? {
            Joined::New(change) => pending.changed(change),
            Joined::Already => pending.unchanged(),
            Joined::Full => {
                pending.unchanged();
                return Ok(false);
            }
            Joined::NoBoard => {
                pending.unchanged();
                self.lose(period.board);
                return Err(LeaderboardsError::NoTournament);
            }
        }
        Ok(true)
    }

    /// Changes how often an owner may write in this period, if there is a record.
    ///
    /// # Errors
    /// When there is no such tournament, it is not on, or the number is zero.
    pub async fn add_attempts(
        &self,
        tournament: &str,
        owner: UserId,
        count: i32,
    ) -> Result<(), LeaderboardsError> {
        if count == 0 {
            return Err(LeaderboardsError::NoChange);
        }
        let known = self.tournament(tournament).await?;
        let now = self.now();
        let open = known.window(now).filter(|window| now < window.end_active);
        let window = open.ok_or(LeaderboardsError::NotActive)?;
        let expiry = Timestamp::from_seconds(window.expiry);
        self.records.add_attempts(Period { board: &known.id, expiry }, owner, count).await?;
        Ok(())
    }
}

/// Whether the writer may write.
fn authorised(by: Writer, board: &Board) -> Result<(), LeaderboardsError> {
    if board.authoritative && by == Writer::Player {
        return Err(LeaderboardsError::Authoritative);
    }
    Ok(())
}
