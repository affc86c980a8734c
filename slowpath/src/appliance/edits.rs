//! Where edits of the configuration are on their way into force.

use std::collections::VecDeque;

use crate::apply::Planned;
use crate::control_socket::{ClientId, Request};
use crate::limits::{EDIT_QUIET_MS, EDIT_WAIT_MAX_MS};
use crate::time::Time;

/// What is being done with edits; one compilation at a time.
#[derive(Debug, Default)]
pub(super) enum Stage {
    /// Nothing.
    #[default]
    Idle,
    /// Another thread makes a plan.
    Planning,
    /// The tunnels become as the plan says, some of them in each turn.
    Reconciling(Box<Planned>),
    /// Another thread compiles the policy.
    Compiling,
}

/// Whether the configuration file is to take the place of the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reload {
    /// No.
    #[default]
    No,
    /// Yes, as soon as another thread can read it.
    Wanted,
    /// Another thread reads it.
    Reading,
    /// As before, and it was wanted again.
    ReadingWanted,
}

impl Reload {
    /// It is wanted from now on.
    pub(super) const fn want(&mut self) {
        *self = match self {
            Self::No | Self::Wanted => Self::Wanted,
            Self::Reading | Self::ReadingWanted => Self::ReadingWanted,
        };
    }

    /// What was read has come.
    pub(super) const fn done(&mut self) {
        *self = match self {
            Self::No | Self::Reading => Self::No,
            Self::Wanted | Self::ReadingWanted => Self::Wanted,
        };
    }
}

/// Edits on their way into force. Those that are made while others are compiled are gathered for
/// the next compilation.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// First and last edit that no compilation has begun with.
    waiting: Option<(Time, Time)>,
    /// Edits so far.
    made: u64,
    /// Of these, the ones that the compilation under way has.
    begun: u64,
    /// Of these, the ones in force.
    in_force: u64,
    pub(super) stage: Stage,
    pub(super) reload: Reload,
    /// Commands that wait for the edits before them, at most one per session.
    deferred: VecDeque<(u64, Request)>,
}

impl Edits {
    /// The configuration has changed.
    pub(super) fn note(&mut self, now: Time) {
        self.again(now);
        self.made += 1;
    }

    /// What was to come into force has to be tried again.
    pub(super) fn again(&mut self, now: Time) {
        let first = self.waiting.map_or(now, |(first, _)| first);
        self.waiting = Some((first, now));
    }

    /// Whether a compilation shall begin: no further edit has followed soon, or somebody waits.
    pub(super) fn is_due(&self, now: Time) -> bool {
        let idle = matches!(self.stage, Stage::Idle);
        let Some((first, last)) = self.waiting.filter(|_| idle) else {
            return false;
        };
        !self.deferred.is_empty()
            || now.since_ms(last) >= EDIT_QUIET_MS
            || now.since_ms(first) >= EDIT_WAIT_MAX_MS
    }

    /// A compilation begins with all edits so far.
    pub(super) fn begin(&mut self) {
        self.stage = Stage::Planning;
        self.begun = self.made;
        self.waiting = None;
    }

    /// What the compilation had is in force.
    pub(super) const fn come_into_force(&mut self) {
        self.in_force = self.begun;
    }

    /// Whether every edit is in force, and none is about to be read from the file.
    pub(super) fn are_in_force(&self) -> bool {
        self.in_force == self.made && self.reload == Reload::No
    }

    /// Keeps a command until the edits before it are in force, the one that is being read included.
    /// Those whose client is gone are forgotten: sessions bound the queue.
    pub(super) fn defer(&mut self, request: Request, mut is_there: impl FnMut(ClientId) -> bool) {
        self.deferred.retain(|(_, it)| is_there(it.client));
        let read = u64::from(self.reload != Reload::No);
        self.deferred.push_back((self.made + read, request));
    }

    /// A command that waits no longer.
    pub(super) fn next_deferred(&mut self) -> Option<Request> {
        if self.reload != Reload::No {
            return None;
        }
        // A file that was refused is no edit: nothing will come into force for it.
        let Self { made, in_force, .. } = *self;
        let next = self
            .deferred
            .pop_front_if(|(edit, _)| made.min(*edit) <= in_force);
        next.map(|(_, request)| request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control_socket::{Format, PeerCredentials};

    #[test]
    fn edits_are_gathered_and_compiled_one_after_the_other() {
        let mut edits = Edits::default();
        assert!(edits.are_in_force() && !edits.is_due(Time(0)));
        edits.note(Time(0));
        edits.note(Time(EDIT_QUIET_MS - 1));
        assert!(!edits.is_due(Time(EDIT_QUIET_MS)), "another one came");
        assert!(edits.is_due(Time(2 * EDIT_QUIET_MS)));
        assert!(edits.is_due(Time(EDIT_WAIT_MAX_MS)));
        edits.begin();
        edits.note(Time(1_000));
        for stage in [Stage::Planning, Stage::Compiling] {
            edits.stage = stage;
            assert!(!edits.is_due(Time(9_000)), "one at a time");
        }
        edits.stage = Stage::Idle;
        edits.come_into_force();
        assert!(edits.is_due(Time(9_000)) && !edits.are_in_force());
        edits.begin();
        edits.come_into_force();
        assert!(edits.are_in_force());
    }

    fn request(client: u64, command: &str) -> Request {
        Request {
            client: ClientId::numbered(client),
            peer: PeerCredentials {
                uid: 0,
                gid: 0,
                pid: 1,
            },
            command: command.to_owned().into(),
            format: Format::default(),
            interactive: false,
        }
    }

    #[test]
    fn commands_wait_in_order_for_the_edits_before_them_and_for_no_later_ones() {
        let mut edits = Edits::default();
        let command = |edits: &mut Edits| edits.next_deferred().map(|it| it.command.to_string());
        edits.note(Time(0));
        edits.defer(request(1, "first"), |_| true);
        assert!(edits.is_due(Time(0)), "somebody waits");
        assert_eq!(command(&mut edits), None);
        edits.begin();
        edits.note(Time(1));
        edits.defer(request(2, "leaves"), |_| true);
        edits.defer(request(3, "second"), |client| {
            client != ClientId::numbered(2)
        });
        edits.stage = Stage::Idle;
        edits.come_into_force();
        assert_eq!(command(&mut edits).as_deref(), Some("first"));
        assert_eq!(command(&mut edits), None, "its edit is not in force");
        edits.begin();
        edits.come_into_force();
        assert_eq!(command(&mut edits).as_deref(), Some("second"));
        assert_eq!(command(&mut edits), None);
    }

    #[test]
    fn a_file_that_is_read_is_an_edit_to_those_who_wait() {
        let mut edits = Edits::default();
        edits.reload.want();
        assert!(!edits.are_in_force() && edits.next_deferred().is_none());
        edits.reload = Reload::Reading;
        edits.reload.want();
        edits.reload.done();
        assert_eq!(edits.reload, Reload::Wanted, "it was asked for twice");
        edits.reload = Reload::Reading;
        edits.reload.done();
        assert!(edits.are_in_force(), "it was refused");
        edits.note(Time(0));
        assert!(!edits.are_in_force(), "it was taken");
    }
}
