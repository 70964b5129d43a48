//! Fields set by path and query parameters.

use std::str::FromStr;

use crate::rest::ParamError;

/// What a field is as a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arity {
    /// Cannot be set in this way.
    NotAParam,
    /// Holds one value.
    One,
    /// Holds many.
    Many,
}

impl Arity {
    pub(crate) const fn is_param(self) -> bool {
        matches!(self, Self::One | Self::Many)
    }
}

/// A value that the field cannot hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadParam(&'static str);

impl BadParam {
    pub(crate) fn of(self, name: &str) -> ParamError {
        let name = super::error::clipped(name).to_owned();
        ParamError::BadValue { name, wanted: self.0 }
    }
}

pub(crate) fn plain<T>(field: &mut T, value: Result<T, BadParam>) -> Result<Arity, BadParam> {
    *field = value?;
    Ok(Arity::One)
}

pub(crate) fn optional<T>(
    field: &mut Option<T>,
    value: Result<T, BadParam>,
) -> Result<Arity, BadParam> {
    *field = Some(value?);
    Ok(Arity::One)
}

pub(crate) fn append<T>(field: &mut Vec<T>, value: Result<T, BadParam>) -> Result<Arity, BadParam> {
    field.push(value?);
    Ok(Arity::Many)
}

pub(crate) fn text(text: &str) -> Result<String, BadParam> {
    Ok(text.to_owned())
}

pub(crate) fn bool(text: &str) -> Result<bool, BadParam> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(BadParam("true or false")),
    }
}

/// Decimal, with or without a sign.
pub(crate) fn integer<T: FromStr>(text: &str) -> Result<T, BadParam> {
    text.parse().map_err(|_| BadParam("an integer in range"))
}
