//! Long lists in answers of bounded length.

use serde::Serialize;
use serde_json::{Value, json};

/// Bytes of the items of a page: room is left for the command's name and the numbers.
const ITEMS_MAX_BYTES: usize = super::ANSWER_MAX_BYTES - 1024;

/// A page: items from a cursor on, as many as fit.
#[derive(Clone, Debug, Default)]
pub struct Page {
    items: Vec<Value>,
    len_bytes: usize,
}

impl Page {
    /// Adds an item; `false` when there is no room for it.
    pub fn push(&mut self, item: &impl Serialize) -> bool {
        let Ok(item) = serde_json::to_value(item) else {
            return true;
        };
        let len_bytes = item.to_string().len() + 1;
        if self.len_bytes + len_bytes > ITEMS_MAX_BYTES {
            return false;
        }
        self.len_bytes += len_bytes;
        self.items.push(item);
        true
    }

    /// The page as a value; `next` is left out behind the last one.
    pub fn value(self, next: Option<u64>) -> Value {
        let mut value = json!({ "count": self.items.len(), "items": self.items });
        if let (Some(next), Some(object)) = (next, value.as_object_mut()) {
            object.insert("next".to_owned(), json!(next));
        }
        value
    }

    /// The page of a whole list. An item that fits no page is left out.
    pub fn of<T: Serialize>(items: impl IntoIterator<Item = T>, cursor: u64) -> Value {
        let mut page = Self::default();
        let first = usize::try_from(cursor).unwrap_or(usize::MAX);
        for (at, item) in items.into_iter().enumerate().skip(first) {
            if !page.push(&item) && !page.items.is_empty() {
                return page.value(Some(at as u64));
            }
        }
        page.value(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pages_hold_every_item_once_and_fit(
            items in prop::collection::vec("[a-z\"]{0,3000}", 0..60),
        ) {
            let mut cursor = Some(0);
            let mut seen = Vec::new();
            while let Some(at) = cursor {
                let page = Page::of(&items, at);
                prop_assert!(page.to_string().len() < super::super::ANSWER_MAX_BYTES);
                let some = page["items"].as_array().cloned().unwrap_or_default();
                seen.extend(some.iter().filter_map(|it| it.as_str().map(str::to_owned)));
                cursor = page.get("next").and_then(Value::as_u64);
            }
            prop_assert_eq!(seen, items);
        }
    }

    #[test]
    fn an_item_that_fits_nowhere_stops_nothing() {
        let items = ["x".repeat(20_000), "y".to_owned()];
        let page = Page::of(&items, 0);
        assert_eq!(page["count"], 1);
        assert!(page.get("next").is_none());
        assert_eq!(Page::of(&items, u64::MAX)["count"], 0);
    }
}
