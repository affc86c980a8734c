//! Text that must not be seen: zeroized when dropped, redacted when printed.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A pre-shared key or password.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the text is what a shown configuration has in the place of a key (a row of `*`, or
    /// `<removed>`): no key at all.
    pub fn is_masked(&self) -> bool {
        let stars = !self.0.is_empty() && self.0.bytes().all(|byte| byte == b'*');
        stars || self.0.as_str() == "<removed>"
    }
}

impl PartialEq for Secret {
    /// Takes the same time wherever two texts of one length differ.
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(*)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn texts_are_compared_whole() {
        assert_eq!(secret("hunter2"), secret("hunter2"));
        assert_ne!(secret("hunter2"), secret("hunter3"));
        assert_ne!(secret("hunter2"), secret("hunter"));
    }

    #[test]
    fn stars_and_removed_are_no_keys() {
        for masked in ["*", "*****", "<removed>"] {
            assert!(secret(masked).is_masked(), "{masked}");
        }
        for key in ["", "*a", "removed", "**<removed>"] {
            assert!(!secret(key).is_masked(), "{key}");
        }
    }
}
