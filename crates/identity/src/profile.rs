//! What a provider says about a player.

use serde::Deserialize;
use tavern_storage::Provider;

use crate::error::{IdentityError, Why};

/// A player, as a provider knows them. Every text fits the column that it is kept in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Profile {
    /// The player's id with the provider, 1 to 128 bytes.
    pub id: String,
    /// The id that they had before, where the provider has given them a new one.
    pub former_id: Option<String>,
    /// An address that the provider says is the player's, in lower case, 255 bytes at most.
    pub email: Option<String>,
    /// 255 bytes at most.
    pub display_name: Option<String>,
    /// 512 bytes at most.
    pub avatar_url: Option<String>,
}

/// A player's friend with a provider, or the player, as JSON has them: more than is read is there.
#[derive(Deserialize, Default)]
pub(crate) struct Said {
    pub(crate) id: String,
    pub(crate) former_id: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) avatar_url: Option<String>,
}

impl Said {
    /// The profile, without what does not fit.
    pub(crate) fn checked(self, provider: Provider) -> Result<Profile, IdentityError> {
        let id = fitting(Some(self.id), 128)
            .ok_or_else(|| IdentityError::refused(provider, Why::Proof("there is no usable id")))?;
        let email = fitting(self.email, 255).map(|address| address.to_lowercase());
        Ok(Profile {
            former_id: fitting(self.former_id, 128).filter(|former| *former != id),
            email: email.filter(|address| is_address(address)),
            display_name: fitting(self.display_name, 255),
            avatar_url: fitting(self.avatar_url, 512),
            id,
        })
    }
}

fn fitting(text: Option<String>, most: usize) -> Option<String> {
    text.filter(|text| {
        !text.is_empty() && text.len() <= most && !text.chars().any(char::is_control)
    })
}

/// Whether it looks like an address at all: the provider vouches for the rest.
fn is_address(text: &str) -> bool {
    let parts = text.split_once('@');
    text.len() <= 255
        && !text.contains(char::is_whitespace)
        && parts.is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(id: &str) -> Said {
        Said { id: id.into(), ..Said::default() }
    }

    #[test]
    fn an_id_that_cannot_be_kept_is_refused() {
        for id in ["", "a\0b", &"x".repeat(129)] {
            assert!(said(id).checked(Provider::Steam).is_err(), "{id:?}");
        }
        assert_eq!(said(&"x".repeat(128)).checked(Provider::Steam).unwrap().id.len(), 128);
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let profile = Said {
            former_id: Some("7".into()),
            email: Some("Ada@Example.com".into()),
            display_name: Some("n".repeat(256)),
            avatar_url: Some("u".repeat(512)),
            ..said("7")
        };
        let profile = profile.checked(Provider::Google).unwrap();
        assert_eq!(profile.former_id, None, "the same id is no former one");
        assert_eq!(profile.email.as_deref(), Some("ada@example.com"));
        assert_eq!(profile.display_name, None);
        assert_eq!(profile.avatar_url.map(|url| url.len()), Some(512));
        for wrong in ["", "nobody", "@example.com", "a b@example.com", "a@host"] {
            let profile = Said { email: Some(wrong.into()), ..said("7") };
            assert_eq!(profile.checked(Provider::Google).unwrap().email, None, "{wrong:?}");
        }
    }
}
