//! Values in the binary form of the database, without copies on the way.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use postgres_protocol::types::array_to_sql;
use tavern_domain::{Timestamp, UserId};
use tavern_storage::Snapshot;
use tokio_postgres::types::{FromSql, IsNull, Kind, ToSql, Type, accepts, to_sql_checked};

type Failure = Box<dyn Error + Sync + Send>;

/// Microseconds between the epoch of Unix and that of PostgreSQL, 2000-01-01.
const EPOCH: i64 = 946_684_800_000_000;

/// A `timestamptz`. What is finer than a microsecond is cut off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Time(pub(crate) Timestamp);

impl Time {
    /// `None` for the epoch, which the public tables use for "never".
    pub(crate) fn unless_epoch(self) -> Option<Timestamp> {
        (self.0 != Timestamp::EPOCH).then_some(self.0)
    }
}

impl ToSql for Time {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        out.put_i64(self.0.micros().saturating_sub(EPOCH));
        Ok(IsNull::No)
    }

    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

impl FromSql<'_> for Time {
    fn from_sql(_: &Type, raw: &[u8]) -> Result<Self, Failure> {
        let micros = i64::from_be_bytes(raw.try_into()?);
        // Infinite times are at the ends of the range, where they stay.
        Ok(Self(Timestamp::from_micros(micros.saturating_add(EPOCH))))
    }

    accepts!(TIMESTAMPTZ);
}

/// The text of a JSON value, for a `jsonb`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonText<'a>(pub(crate) &'a str);

/// The version of `jsonb`'s binary form, which is this byte and the text.
const JSONB: u8 = 1;

impl ToSql for JsonText<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        out.put_u8(JSONB);
        out.put_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    accepts!(JSONB);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for JsonText<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        match raw.split_first() {
            Some((&JSONB, text)) => Ok(Self(std::str::from_utf8(text)?)),
            Some(_) | None => Err("an unknown version of jsonb".into()),
        }
    }

    accepts!(JSONB);
}

impl From<JsonText<'_>> for String {
    fn from(json: JsonText<'_>) -> Self {
        json.0.to_owned()
    }
}

/// User ids, for a `uuid[]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids<'a>(pub(crate) &'a [UserId]);

impl ToSql for Ids<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        let Kind::Array(member) = ty.kind() else { return Err("not an array".into()) };
        let length = i32::try_from(self.0.len())?;
        let dimension = postgres_protocol::types::ArrayDimension { len: length, lower_bound: 1 };
        array_to_sql(
            Some(dimension),
            member.oid(),
            self.0,
            |id, out| {
                out.put_slice(id.0.as_bytes());
                Ok(postgres_protocol::IsNull::No)
            },
            out,
        )?;
        Ok(IsNull::No)
    }

    accepts!(UUID_ARRAY);
    to_sql_checked!();
}

/// The number of a transaction, an `xid8`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Transaction(pub(crate) u64);

impl FromSql<'_> for Transaction {
    fn from_sql(_: &Type, raw: &[u8]) -> Result<Self, Failure> {
        Ok(Self(u64::from_be_bytes(raw.try_into()?)))
    }

    accepts!(XID8);
}

/// Which transactions a statement has seen, a `pg_snapshot`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seen(pub(crate) Snapshot);

impl FromSql<'_> for Seen {
    /// The number of unfinished transactions, the oldest of them, the next to begin, and they.
    fn from_sql(_: &Type, raw: &[u8]) -> Result<Self, Failure> {
        let (_count, rest) = raw.split_at_checked(4).ok_or("a short pg_snapshot")?;
        let mut numbers = rest
            .chunks_exact(8)
            .map(|number| u64::from_be_bytes(number.try_into().expect("a chunk has eight bytes")));
        let oldest = numbers.next().ok_or("a short pg_snapshot")?;
        let next = numbers.next().ok_or("a short pg_snapshot")?;
        Ok(Self(Snapshot { oldest, next, unfinished: numbers.collect() }))
    }

    accepts!(PG_SNAPSHOT);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(time: Timestamp) -> Timestamp {
        let mut out = BytesMut::new();
        assert!(matches!(Time(time).to_sql(&Type::TIMESTAMPTZ, &mut out), Ok(IsNull::No)));
        Time::from_sql(&Type::TIMESTAMPTZ, &out).unwrap().0
    }

    #[test]
    fn times_keep_their_microseconds() {
        for nanos in [0, 1_754_000_000_123_456_789, -1_001, i64::MAX, i64::MIN + 1_000] {
            let time = Timestamp::from_nanos(nanos);
            assert_eq!(back(time), time.whole_micros(), "{nanos}");
        }
        let mut out = BytesMut::new();
        Time(Timestamp::from_micros(EPOCH)).to_sql(&Type::TIMESTAMPTZ, &mut out).unwrap();
        assert_eq!(out[..], [0; 8], "the year 2000 is zero");
    }

    #[test]
    fn infinite_times_stay_at_the_ends() {
        for (raw, expected) in [(i64::MAX, i64::MAX), (i64::MIN, i64::MIN)] {
            let time = Time::from_sql(&Type::TIMESTAMPTZ, &raw.to_be_bytes()).unwrap();
            assert!(time.0.nanos() / 1_000_000_000 == expected / 1_000_000_000, "{time:?}");
        }
    }

    #[test]
    fn snapshots_are_read_whole() {
        let numbers = [7_u64, 12, 7, 9];
        let mut raw = 2_u32.to_be_bytes().to_vec();
        raw.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        let Seen(snapshot) = Seen::from_sql(&Type::PG_SNAPSHOT, &raw).unwrap();
        assert_eq!(snapshot, Snapshot { oldest: 7, next: 12, unfinished: vec![7, 9] });
        for (transaction, seen) in
            [(6, true), (7, false), (8, true), (9, false), (11, true), (12, false)]
        {
            assert_eq!(snapshot.sees(transaction), seen, "{transaction}");
        }
        assert!(Seen::from_sql(&Type::PG_SNAPSHOT, &raw[..12]).is_err());
        assert_eq!(Transaction::from_sql(&Type::XID8, &raw[4..12]).unwrap(), Transaction(7));
    }

    #[test]
    fn only_the_known_form_of_jsonb_is_taken() {
        assert_eq!(JsonText::from_sql(&Type::JSONB, b"\x01{}").unwrap().0, "{}");
        for bad in [&b""[..], b"\x02{}", b"\x01\xff"] {
            assert!(JsonText::from_sql(&Type::JSONB, bad).is_err());
        }
    }
}
