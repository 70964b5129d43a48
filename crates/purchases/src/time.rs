//! Times as stores write them.

use serde::{Deserialize, Deserializer};
use tavern_domain::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds since the epoch, as a number or as digits in a text; none when it is left out,
/// empty or zero.
pub(crate) fn millis<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(i64),
        Text(String),
    }
    let millis = match Option::<Written>::deserialize(from)? {
        None => return Ok(None),
        Some(Written::Number(millis)) => millis,
        Some(Written::Text(text)) if text.is_empty() => return Ok(None),
        Some(Written::Text(text)) => text.parse().map_err(serde::de::Error::custom)?,
    };
    // Until the year 5138: a store that means seconds or nanoseconds is not understood.
    if !(0..100_000_000_000_000).contains(&millis) {
        return Err(serde::de::Error::custom("a time beyond all times"));
    }
    Ok((millis > 0).then(|| Timestamp::from_millis(millis)))
}

/// A time by RFC 3339.
pub(crate) fn rfc3339(text: &str) -> Option<Timestamp> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let nanos = i64::try_from(time.unix_timestamp_nanos()).ok()?;
    (nanos > 0).then(|| Timestamp::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Holder {
        #[serde(default, deserialize_with = "millis")]
        at: Option<Timestamp>,
    }

    #[test]
    fn milliseconds_are_read_however_they_are_written() {
        let read = |json: &str| serde_json::from_str::<Holder>(json).map(|holder| holder.at);
        let expected = Some(Timestamp::from_millis(1_600_000_000_123));
        assert_eq!(read(r#"{"at": 1600000000123}"#).unwrap(), expected);
        assert_eq!(read(r#"{"at": "1600000000123"}"#).unwrap(), expected);
        for none in ["{}", r#"{"at": null}"#, r#"{"at": ""}"#, r#"{"at": 0}"#, r#"{"at": "0"}"#] {
            assert_eq!(read(none).unwrap(), None, "{none}");
        }
        for bad in [
            r#"{"at": "x"}"#,
            r#"{"at": 1.5}"#,
            r#"{"at": -1}"#,
            r#"{"at": "99999999999999999999"}"#,
            r#"{"at": 9223372036854775807}"#,
            r#"{"at": []}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn written_out_times_are_read_with_their_fractions() {
        let expected = Timestamp::from_nanos(1_600_000_000_123_456_789);
        assert_eq!(rfc3339("2020-09-13T12:26:40.123456789Z"), Some(expected));
        for bad in ["", "2020-09-13", "0000-01-01T00:00:00Z", "9999-01-01T00:00:00Z"] {
            assert_eq!(rfc3339(bad), None, "{bad}");
        }
    }
}
