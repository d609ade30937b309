//! The table of connections to peers, in which each is found by its name, and an allocation's together.

use std::collections::{BTreeMap, BTreeSet};

use super::allocation::Slot;
use super::connect::Connection;
use crate::attribute::ConnectionId;

#[derive(Default)]
pub(super) struct Connections {
    named: BTreeMap<ConnectionId, Connection>,
    owned: BTreeSet<(Slot, ConnectionId)>,
}

impl Connections {
    pub(super) fn insert(&mut self, id: ConnectionId, connection: Connection) {
        self.owned.insert((connection.slot, id));
        self.named.insert(id, connection);
    }

    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        let connection = self.named.remove(&id)?;
        self.owned.remove(&(connection.slot, id));
        Some(connection)
    }

    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.named.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.named.get_mut(&id)
    }

    /// An allocation's connections, however many others there are.
    pub(super) fn of(&self, slot: Slot) -> impl Iterator<Item = (ConnectionId, &Connection)> {
        let own = self.owned.range((slot, ConnectionId(0))..=(slot, ConnectionId(u32::MAX)));
        own.filter_map(|(_, id)| self.named.get(id).map(|connection| (*id, connection)))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
