//! From rows to players. Positions are those of the columns in the parent module's macros.

use tavern_domain::UserId;
use tavern_storage::{Account, Login, Obligation, Password, User};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::DbError;
use crate::query::Column;
use crate::values::{JsonText, Time};

pub(super) fn login(row: &Row, with_obligation: bool) -> Result<Login, DbError> {
    let user = UserId(row.column(0)?);
    let obligation = match with_obligation {
        true => obligation(row, user)?,
        false => None,
    };
    Ok(Login {
        user,
        username: row.column(1)?,
        disable_time: row.column::<Time>(2)?.unless_epoch(),
        password: row.column::<Option<Vec<u8>>>(3)?.map(Password),
        obligation,
    })
}

fn obligation(row: &Row, user: UserId) -> Result<Option<Obligation>, DbError> {
    let Some(id) = row.column::<Option<Uuid>>(4)? else { return Ok(None) };
    Ok(Some(Obligation {
        id,
        user,
        call: row.column(5)?,
        request: row.column::<JsonText<'_>>(6)?.into(),
        attempts: row.column(7)?,
        create_time: row.column::<Time>(8)?.0,
    }))
}

/// A player as others see them, from the first columns of a row.
pub(crate) fn user(row: &Row) -> Result<User, DbError> {
    Ok(User {
        id: UserId(row.column(0)?),
        username: row.column(1)?,
        display_name: row.column(2)?,
        avatar_url: row.column(3)?,
        lang_tag: row.column(4)?,
        location: row.column(5)?,
        timezone: row.column(6)?,
        metadata: row.column::<JsonText<'_>>(7)?.into(),
        facebook_id: row.column(8)?,
        google_id: row.column(9)?,
        gamecenter_id: row.column(10)?,
        steam_id: row.column(11)?,
        facebook_instant_game_id: row.column(12)?,
        apple_id: row.column(13)?,
        edge_count: row.column(14)?,
        create_time: row.column::<Time>(15)?.0,
        update_time: row.column::<Time>(16)?.0,
    })
}

/// An account, from the columns that looking one up has.
pub(crate) fn account(row: &Row) -> Result<Account, DbError> {
    let mut devices: Vec<String> = row.column(22)?;
    // By bytes: the order of the database depends on its locale.
    devices.sort_unstable();
    Ok(Account {
        user: user(row)?,
        wallet: row.column::<JsonText<'_>>(17)?.into(),
        email: row.column(18)?,
        custom_id: row.column(19)?,
        verify_time: row.column::<Time>(20)?.unless_epoch(),
        disable_time: row.column::<Time>(21)?.unless_epoch(),
        devices,
    })
}
