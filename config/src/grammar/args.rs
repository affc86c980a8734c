//! What a line said, once it is recognised.

use std::net::Ipv4Addr;

use super::Row;
use super::kind::Value;
use super::line::Span;
use crate::edit::Refusal;
use crate::{MaskedNet, Secret};

/// A recognised piece of a line.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// The keyword, or the name of the argument or choice.
    pub(crate) name: &'static str,
    pub(crate) value: Value,
    /// The keyword in full, or the argument as it was written; empty for a secret.
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// A recognised line.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) row: &'static Row,
    /// Whether `no` stood before it.
    pub(crate) negated: bool,
    pub(crate) items: Vec<Item>,
    /// Place of the whole line.
    pub(crate) span: Span,
}

/// Names of the items by which a row reads a net: `any`, `host ADDRESS`, `ADDRESS MASK`.
#[derive(Debug)]
pub(crate) struct NetItems {
    pub(crate) any: &'static str,
    pub(crate) host: &'static str,
    pub(crate) address: &'static str,
    pub(crate) mask: &'static str,
}

impl Args {
    fn find(&self, name: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.name == name)
    }

    /// Whether the line has the keyword, argument or choice `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The place of `name`, or of the whole line.
    pub(crate) fn span_of(&self, name: &str) -> Span {
        self.find(name).map_or(self.span, |item| item.span)
    }

    /// The number or choice `name`, if it is there.
    pub(crate) fn find_number(&self, name: &str) -> Option<u32> {
        match self.find(name)?.value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The number or choice `name`.
    pub(crate) fn number(&self, name: &str) -> Result<u32, Refusal> {
        self.find_number(name).ok_or(Refusal::Incomplete)
    }

    /// The number or choice `name`, whose kind bounds it to 16 bits.
    pub(crate) fn short(&self, name: &str) -> Result<u16, Refusal> {
        u16::try_from(self.number(name)?).map_err(|_| Refusal::Incomplete)
    }

    /// The address `name`, if it is there.
    pub(crate) fn find_address(&self, name: &str) -> Option<Ipv4Addr> {
        match self.find(name)?.value {
            Value::Address(address) => Some(address),
            _ => None,
        }
    }

    /// The address `name`.
    pub(crate) fn address(&self, name: &str) -> Result<Ipv4Addr, Refusal> {
        self.find_address(name).ok_or(Refusal::Incomplete)
    }

    /// The text of `name`, if it is there.
    pub(crate) fn find_text(&self, name: &str) -> Option<&str> {
        match &self.find(name)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of `name`.
    pub(crate) fn text(&self, name: &str) -> Result<&str, Refusal> {
        self.find_text(name).ok_or(Refusal::Incomplete)
    }

    /// The secret `name`.
    pub(crate) fn secret(&self, name: &str) -> Result<&Secret, Refusal> {
        match self.find(name).map(|item| &item.value) {
            Some(Value::Secret(secret)) => Ok(secret),
            _ => Err(Refusal::Incomplete),
        }
    }

    /// Every secret of the line, in order.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let secret = |item: &Item| match &item.value {
            Value::Secret(secret) => Some(secret.clone()),
            _ => None,
        };
        self.items.iter().filter_map(secret).collect()
    }

    /// Refuses a keyword that stands twice.
    pub(crate) fn each_once(&self) -> Result<(), Refusal> {
        let keywords = || self.items.iter().filter(|i| matches!(i.value, Value::Flag));
        for (index, item) in keywords().enumerate() {
            if keywords().take(index).any(|other| other.name == item.name) {
                let message = format!("`{}` stands twice.", item.name);
                return Err(Refusal::at(item.span, "repeated-keyword", message));
            }
        }
        Ok(())
    }

    /// Every item called `name`, in order.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Item> {
        self.items.iter().filter(move |item| item.name == name)
    }

    /// The net that stands in `items`. Refuses, as an ASA does, an address with bits outside of
    /// its mask.
    pub(crate) fn net(&self, items: &NetItems) -> Result<MaskedNet, Refusal> {
        if self.has(items.any) {
            return Ok(MaskedNet::ANY);
        }
        if let Some(host) = self.find_address(items.host) {
            return Ok(MaskedNet::host(host));
        }
        let (address, mask) = (self.address(items.address)?, self.address(items.mask)?);
        let net = MaskedNet::new(address, mask);
        if net.address != address {
            let span = self.span_of(items.address).to(self.span_of(items.mask));
            let message = format!("IP address,mask <{address},{mask}> doesn't pair.");
            let refusal = Refusal::at(span, "address-mask-pair", message);
            return Err(refusal.helped(format!("Write `{net}`.")));
        }
        Ok(net)
    }

    /// The line in full words, without `no`, secrets as `*`.
    pub(crate) fn canonical(&self) -> String {
        let words: Vec<&str> = self.items.iter().map(Item::shown).collect();
        words.join(" ")
    }

    /// The keywords with which the line begins.
    pub(crate) fn leading_keywords(&self) -> String {
        let keywords = self.items.iter().map_while(|item| match item.value {
            Value::Flag => Some(item.name),
            _ => None,
        });
        keywords.collect::<Vec<_>>().join(" ")
    }
}

impl Item {
    fn shown(&self) -> &str {
        match self.value {
            Value::Secret(_) => "*",
            _ => &self.text,
        }
    }
}
