//! The rules for what a player may be called and sign in with.
//!
//! Lengths are in bytes. The rules are those of the public protocol, with its oddities, so that
//! whoever could sign in before still can; only the bounds on passwords and session variables,
//! which the protocol leaves open, are ours.

use tavern_domain::{Classify, Entropy, ErrorCode};

use crate::claims::Vars;
use crate::password::MAX_PASSWORD_BYTES;

/// The most session variables of one session.
pub const MAX_VARS: usize = 64;

/// The longest name of a session variable.
pub const MAX_VAR_NAME_BYTES: usize = 128;

/// The most that all names and values of session variables have together: they travel in every
/// request, and must leave a token below [`MAX_TOKEN_BYTES`](crate::MAX_TOKEN_BYTES).
pub const MAX_VARS_BYTES: usize = 4096;

/// What a rule is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Input {
    Username,
    CustomId,
    DeviceId,
    Email,
    Password,
    VarName,
}

impl Input {
    const fn name(self) -> &'static str {
        match self {
            Self::Username => "user name",
            Self::CustomId => "custom id",
            Self::DeviceId => "device id",
            Self::Email => "email address",
            Self::Password => "password",
            Self::VarName => "session variable's name",
        }
    }
}

impl std::fmt::Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Which rule is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidInput {
    /// It is required and was not given.
    #[error("{0} is required")]
    Missing(Input),
    /// It is too short or too long.
    #[error("{input} must have {min} to {max} bytes")]
    Length {
        /// What it is.
        input: Input,
        /// The fewest bytes.
        min: usize,
        /// The most bytes.
        max: usize,
    },
    /// It holds characters that it must not.
    #[error("{0} must not hold control characters or blanks")]
    Characters(Input),
    /// A user name holds control characters, or an opening bracket right before a closing one.
    #[error("user name must not hold control characters or []")]
    UsernameCharacters,
    /// It has not the form of an email address.
    #[error("email address has no valid form")]
    EmailForm,
    /// There are more session variables than [`MAX_VARS`].
    #[error("more than {MAX_VARS} session variables")]
    TooManyVars,
    /// Session variables are larger than [`MAX_VARS_BYTES`].
    #[error("session variables have more than {MAX_VARS_BYTES} bytes")]
    VarsTooLarge,
}

impl Classify for InvalidInput {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// Checks a user name: 1 to 128 bytes, no control character, not `[]`. Blanks are fine.
///
/// # Errors
/// [`InvalidInput`].
pub fn username(name: &str) -> Result<(), InvalidInput> {
    length(Input::Username, name, 1, 128)?;
    let odd = name.bytes().any(|b| b.is_ascii_control()) || name.contains("[]");
    if odd { Err(InvalidInput::UsernameCharacters) } else { Ok(()) }
}

/// Checks a custom id: 6 to 128 bytes, no blank, no control character.
///
/// # Errors
/// [`InvalidInput`].
pub fn custom_id(id: &str) -> Result<(), InvalidInput> {
    length(Input::CustomId, id, 6, 128)?;
    solid(Input::CustomId, id)
}

/// Checks a device id: 10 to 128 bytes, no blank, no control character.
///
/// # Errors
/// [`InvalidInput`].
pub fn device_id(id: &str) -> Result<(), InvalidInput> {
    length(Input::DeviceId, id, 10, 128)?;
    solid(Input::DeviceId, id)
}

/// Checks an email address, 10 to 255 bytes of the form `<some>@<some>.<some>` without blanks and
/// control characters, and gives it back as it is kept: in lower case.
///
/// # Errors
/// [`InvalidInput`].
pub fn email(address: &str) -> Result<String, InvalidInput> {
    length(Input::Email, address, 10, 255)?;
    solid(Input::Email, address)?;
    // The widest reading of the form: the first `@` that is not at the start, the last dot that is
    // not at the end, and something between them.
    let at = address.bytes().skip(1).position(|b| b == b'@').map(|i| i + 1);
    let dot = address.as_bytes()[..address.len() - 1].iter().rposition(|b| *b == b'.');
    match (at, dot) {
        (Some(at), Some(dot)) if dot >= at + 2 => Ok(address.chars().map(lower_case).collect()),
        _ => Err(InvalidInput::EmailForm),
    }
}

/// One character for one, without the context rules of `str::to_lowercase`: addresses that others
/// have put into the table must be found again.
fn lower_case(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// Checks a password that a player chooses or signs in with: at least 8 bytes, at most
/// [`MAX_PASSWORD_BYTES`]. (A new one has narrower bounds:
/// [`Passwords::hash`](crate::Passwords::hash).)
///
/// # Errors
/// [`InvalidInput`].
pub fn password(password: &str) -> Result<(), InvalidInput> {
    length(Input::Password, password, 8, MAX_PASSWORD_BYTES)
}

/// Checks session variables: how many, how long their names, how large all of them.
///
/// # Errors
/// [`InvalidInput`].
pub fn vars(vars: &Vars) -> Result<(), InvalidInput> {
    if vars.len() > MAX_VARS {
        return Err(InvalidInput::TooManyVars);
    }
    let mut bytes = 0;
    for (name, value) in vars {
        if name.len() > MAX_VAR_NAME_BYTES {
            let (input, max) = (Input::VarName, MAX_VAR_NAME_BYTES);
            return Err(InvalidInput::Length { input, min: 0, max });
        }
        bytes += name.len() + value.len();
    }
    if bytes > MAX_VARS_BYTES { Err(InvalidInput::VarsTooLarge) } else { Ok(()) }
}

/// A made-up user name: 10 letters.
#[must_use]
pub fn generate_username(entropy: &dyn Entropy) -> String {
    pick(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 10, entropy)
}

/// `count` characters, each of them as likely as any other in `from` (which has at most 64).
pub(crate) fn pick(from: &[u8], count: usize, entropy: &dyn Entropy) -> String {
    debug_assert!((1..=64).contains(&from.len()) && from.is_ascii());
    let mut picked = String::with_capacity(count);
    let mut bytes = [0; 32];
    while picked.len() < count {
        entropy.fill(&mut bytes);
        // Six bits choose of 64; those beyond the set are thrown again, so that none is favoured.
        let chosen = bytes.iter().filter_map(|b| from.get(usize::from(b & 0x3f)));
        picked.extend(chosen.take(count - picked.len()).map(|b| char::from(*b)));
    }
    picked
}

fn length(input: Input, text: &str, min: usize, max: usize) -> Result<(), InvalidInput> {
    if text.is_empty() && min > 0 {
        Err(InvalidInput::Missing(input))
    } else if (min..=max).contains(&text.len()) {
        Ok(())
    } else {
        Err(InvalidInput::Length { input, min, max })
    }
}

/// Refuses blanks and control characters of ASCII.
fn solid(input: Input, text: &str) -> Result<(), InvalidInput> {
    let odd = text.bytes().any(|b| b <= b' ' || b == 0x7f);
    if odd { Err(InvalidInput::Characters(input)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tavern_domain::SeededEntropy;

    use super::*;

    fn of(length: usize) -> String {
        "z".repeat(length)
    }

    #[test]
    fn user_names_have_1_to_128_bytes_and_no_control_characters() {
        for fine in ["a", "two words", "[", "]", "][", "[x]", "\u{85}", "ümläut", &of(128)] {
            assert_eq!(username(fine), Ok(()), "{fine}");
        }
        assert_eq!(username(""), Err(InvalidInput::Missing(Input::Username)));
        let too_long = InvalidInput::Length { input: Input::Username, min: 1, max: 128 };
        assert_eq!(username(&of(129)), Err(too_long));
        for bad in ["tab\there", "line\nbreak", "nul\0", "del\x7f", "[]", "a[]b"] {
            assert_eq!(username(bad), Err(InvalidInput::UsernameCharacters), "{bad}");
        }
    }

    #[test]
    fn ids_are_solid_and_of_some_length() {
        for (check, input, min) in [
            (custom_id as fn(&str) -> _, Input::CustomId, 6),
            (device_id as fn(&str) -> _, Input::DeviceId, 10),
        ] {
            assert_eq!(check(&of(min)), Ok(()));
            assert_eq!(check(&of(128)), Ok(()));
            assert_eq!(check(""), Err(InvalidInput::Missing(input)));
            let length = Err(InvalidInput::Length { input, min, max: 128 });
            assert_eq!(check(&of(min - 1)), length);
            assert_eq!(check(&of(129)), length);
            for odd in [' ', '\t', '\0', '\x7f'] {
                let bad = format!("{}{odd}", of(12));
                assert_eq!(check(&bad), Err(InvalidInput::Characters(input)));
            }
        }
    }

    #[test]
    fn email_addresses_are_kept_in_lower_case() {
        assert_eq!(email("Ann.B@EXAMPLE.com").unwrap(), "ann.b@example.com");
        assert_eq!(email("ÄNN@example.com").unwrap(), "änn@example.com");
        assert_eq!(email("ΟΔΟΣ@example.com").unwrap(), "οδοσ@example.com");
        assert_eq!(email("İ@example.com").unwrap(), "i@example.com");
    }

    #[test]
    fn email_addresses_have_a_form_but_not_a_strict_one() {
        for fine in
            ["a@b.cdefgh", "@@bbbbbb.c", "a@b@c.defg", "aaaa@b..cd", "a@.....bcd", "a@@.bcdefg"]
        {
            assert!(email(fine).is_ok(), "{fine}");
        }
        for bad in
            ["nodomain-x", "@bbbbbbb.c", "aaaaaaa@.b", "aaaaaaaa@b", "a.bcdefg@h", "aaaa@bbbb."]
        {
            assert_eq!(email(bad), Err(InvalidInput::EmailForm), "{bad}");
        }
        for bad in ["with space@example.com", "tab\t@example.com", "a@example.c\nom"] {
            assert_eq!(email(bad), Err(InvalidInput::Characters(Input::Email)), "{bad}");
        }
        let length = Err(InvalidInput::Length { input: Input::Email, min: 10, max: 255 });
        assert_eq!(email("a@b.com"), length);
        assert_eq!(email(&format!("{}@b.com", of(250))), length);
        assert_eq!(email(""), Err(InvalidInput::Missing(Input::Email)));
    }

    #[test]
    fn passwords_have_8_bytes_or_more() {
        assert!(password("short").is_err() && password("").is_err());
        assert!(password("eight888").is_ok());
        assert!(password(&of(MAX_PASSWORD_BYTES)).is_ok());
        assert!(password(&of(MAX_PASSWORD_BYTES + 1)).is_err());
    }

    #[test]
    fn session_variables_are_bounded_in_number_and_size() {
        let many = |n: usize| (0..n).map(|i| (i.to_string(), String::new())).collect::<Vars>();
        assert_eq!(vars(&many(MAX_VARS)), Ok(()));
        assert_eq!(vars(&many(MAX_VARS + 1)), Err(InvalidInput::TooManyVars));
        let one = |name: usize, value: usize| Vars::from([(of(name), of(value))]);
        assert_eq!(vars(&one(MAX_VAR_NAME_BYTES, 0)), Ok(()));
        assert!(vars(&one(MAX_VAR_NAME_BYTES + 1, 0)).is_err());
        assert_eq!(vars(&one(6, MAX_VARS_BYTES - 6)), Ok(()));
        assert_eq!(vars(&one(6, MAX_VARS_BYTES - 5)), Err(InvalidInput::VarsTooLarge));
    }

    #[test]
    fn made_up_user_names_are_ten_letters_of_either_case() {
        let entropy = SeededEntropy::new(5);
        let names: Vec<_> = (0..200).map(|_| generate_username(&entropy)).collect();
        assert!(names.iter().all(|n| n.len() == 10 && n.bytes().all(|b| b.is_ascii_alphabetic())));
        let all = names.concat();
        for letter in ('a'..='z').chain('A'..='Z') {
            assert!(all.contains(letter), "{letter} never comes up");
        }
    }

    proptest! {
        /// The form as the protocol's description writes it: `^.+@.+\..+$`.
        #[test]
        fn the_form_of_an_email_address_is_that_of_its_pattern(text in "[a@.]{10,14}") {
            let pattern = text.char_indices().any(|(i, c)| {
                c == '@' && i > 0 && text[i + 1..].char_indices().any(|(j, d)| {
                    d == '.' && j > 0 && i + 1 + j + 1 < text.len()
                })
            });
            prop_assert_eq!(email(&text).is_ok(), pattern);
        }

        #[test]
        fn any_text_is_checked_without_a_panic(text: String) {
            let solid = [custom_id(&text), device_id(&text)].iter().any(Result::is_ok);
            prop_assert!(!solid || username(&text).is_ok() || text.contains("[]"));
            prop_assert_eq!(password(&text).is_ok(), text.len() >= 8);
            if let Ok(kept) = email(&text) {
                prop_assert_eq!(kept.chars().map(lower_case).collect::<String>(), kept);
            }
        }
    }
}
