//! Answers on their way to operators who may read slowly.

use crate::control_socket::{ClientId, ControlSocket, Outcome};
use crate::time::Time;

struct Pending {
    client: ClientId,
    text: String,
    sent: usize,
    outcome: Outcome,
}

/// Answers that are not all sent; at most one per session.
#[derive(Default)]
pub(super) struct Outputs {
    pending: Vec<Pending>,
}

impl Outputs {
    pub(super) fn push(&mut self, client: ClientId, text: String, outcome: Outcome) {
        self.pending.push(Pending {
            client,
            text,
            sent: 0,
            outcome,
        });
    }

    /// Sends as much as there is room for.
    pub(super) fn send(&mut self, socket: &mut ControlSocket, now: Time) {
        self.pending
            .retain_mut(|pending| !pending.advance(socket, now));
    }
}

impl Pending {
    /// Whether nothing is left to do.
    fn advance(&mut self, socket: &mut ControlSocket, now: Time) -> bool {
        let Ok(room) = socket.room_bytes(self.client) else {
            return true;
        };
        let rest = self.text.get(self.sent..).unwrap_or_default();
        let piece = &rest[..rest.floor_char_boundary(room)];
        if !piece.is_empty() && socket.reply(self.client, piece, now).is_err() {
            return true;
        }
        self.sent += piece.len();
        if self.sent < self.text.len() {
            return false;
        }
        // A client that is gone needs no end of its answer.
        let _gone = socket.finish(self.client, std::mem::take(&mut self.outcome), now);
        true
    }
}
