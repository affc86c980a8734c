//! Effects of `crypto isakmp policy` and its settings.

use crate::edit::{Edit, Refusal, room};
use crate::grammar::args::Args;
use crate::legacy;
use crate::limits;
use crate::mode::Mode;
use crate::{Encryption, Hash, Isakmp, IsakmpAuthentication, IsakmpPolicy};

pub(super) fn open(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    let priority = args.short("priority")?;
    let isakmp = &mut edit.config.isakmp;
    if args.negated {
        take(isakmp, priority);
        return Ok(());
    }
    if origin(isakmp, priority, args)? == Origin::New {
        put(isakmp, None, IsakmpPolicy::new(priority));
    }
    *edit.mode = Mode::IsakmpPolicy(priority);
    Ok(())
}

pub(super) fn one_line(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    set(edit, args, args.short("priority")?)
}

pub(super) fn in_block(edit: &mut Edit<'_>, args: &Args) -> Result<(), Refusal> {
    match *edit.mode {
        Mode::IsakmpPolicy(priority) => set(edit, args, priority),
        _ => Err(Refusal::Incomplete),
    }
}

#[derive(PartialEq)]
enum Origin {
    Known,
    New,
}

/// Whether the policy exists; refuses where there is no room for one more.
fn origin(isakmp: &Isakmp, priority: u16, args: &Args) -> Result<Origin, Refusal> {
    let unusable = isakmp.unusable_policies.iter().map(|(_, policy)| policy);
    if isakmp
        .policies
        .iter()
        .chain(unusable)
        .any(|policy| policy.priority == priority)
    {
        return Ok(Origin::Known);
    }
    let count = isakmp.policies.len() + isakmp.unusable_policies.len();
    room(count, limits::ISAKMP_POLICIES, args.span, "ISAKMP policies")?;
    Ok(Origin::New)
}

/// Takes the policy out of whichever list it stands in.
fn take(
    isakmp: &mut Isakmp,
    priority: u16,
) -> Option<(Option<IsakmpAuthentication>, IsakmpPolicy)> {
    let usable = isakmp
        .policies
        .iter()
        .position(|policy| policy.priority == priority);
    if let Some(at) = usable {
        return Some((None, isakmp.policies.remove(at)));
    }
    let mut unusable = isakmp.unusable_policies.iter();
    let at = unusable.position(|(_, policy)| policy.priority == priority)?;
    let (authentication, policy) = isakmp.unusable_policies.remove(at);
    Some((Some(authentication), policy))
}

/// Puts the policy into the list where it belongs, by priority.
fn put(isakmp: &mut Isakmp, authentication: Option<IsakmpAuthentication>, policy: IsakmpPolicy) {
    let priority = policy.priority;
    match authentication {
        None => {
            let at = isakmp
                .policies
                .partition_point(|other| other.priority < priority);
            isakmp.policies.insert(at, policy);
        }
        Some(authentication) => {
            let list = &mut isakmp.unusable_policies;
            let at = list.partition_point(|(_, other)| other.priority < priority);
            list.insert(at, (authentication, policy));
        }
    }
}

fn set(edit: &mut Edit<'_>, args: &Args, priority: u16) -> Result<(), Refusal> {
    origin(&edit.config.isakmp, priority, args)?;
    let taken = take(&mut edit.config.isakmp, priority);
    let (mut authentication, mut policy) =
        taken.unwrap_or_else(|| (None, IsakmpPolicy::new(priority)));
    let default = IsakmpPolicy::new(priority);
    if args.has("authentication") {
        authentication = match args.find_number("way").filter(|_| !args.negated) {
            Some(1) => Some(IsakmpAuthentication::RsaSig),
            Some(2) => Some(IsakmpAuthentication::Crack),
            _ => None,
        };
    } else if args.has("encryption") {
        let cipher = args.find_number("cipher").filter(|_| !args.negated);
        policy.encryption = cipher.map_or(default.encryption, encryption);
    } else if args.has("hash") {
        let function = args.find_number("function").filter(|_| !args.negated);
        policy.hash = function.map_or(default.hash, hash);
    } else if args.has("group") {
        let number = args.find_number("number").filter(|_| !args.negated);
        let number = number.and_then(|number| u8::try_from(number).ok());
        policy.group = number.unwrap_or(default.group);
    } else {
        let seconds = args.find_number("seconds").filter(|_| !args.negated);
        policy.lifetime_s = seconds.unwrap_or(default.lifetime_s);
    }
    put(&mut edit.config.isakmp, authentication, policy.clone());
    warn(edit, args, authentication, &policy);
    Ok(())
}

fn warn(
    edit: &mut Edit<'_>,
    args: &Args,
    authentication: Option<IsakmpAuthentication>,
    policy: &IsakmpPolicy,
) {
    if args.has("authentication") && authentication.is_some() {
        let message = format!("Policy {} cannot be used.", policy.priority);
        let help = "Only `authentication pre-share` is there.";
        edit.warn(args.span_of("way"), "unusable-policy", message, help);
    } else if args.has("encryption") {
        legacy::cipher(edit, args.span_of("cipher"), policy.encryption);
    } else if args.has("hash") {
        legacy::hash(edit, args.span_of("function"), policy.hash);
    } else if args.has("group") {
        legacy::group(edit, args.span_of("number"), policy.group);
    }
}

fn encryption(value: u32) -> Encryption {
    match value {
        0 => Encryption::Des,
        1 => Encryption::TripleDes,
        2 => Encryption::Aes128,
        3 => Encryption::Aes192,
        _ => Encryption::Aes256,
    }
}

fn hash(value: u32) -> Hash {
    match value {
        0 => Hash::Md5,
        1 => Hash::Sha1,
        2 => Hash::Sha256,
        3 => Hash::Sha384,
        _ => Hash::Sha512,
    }
}
