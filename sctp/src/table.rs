//! Streams by number, in as little room as there are streams: most associations use a few, and most are idle.

use std::iter::zip;

/// Ids ascending, each with its value. A stream above all others is added at the end, as they mostly come; any other
/// moves those above it.
#[derive(Debug)]
pub(crate) struct Table<V> {
    ids: Vec<u16>,
    values: Vec<V>,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { ids: Vec::new(), values: Vec::new() }
    }
}

impl<V> Table<V> {
    fn find(&self, id: u16) -> Result<usize, usize> {
        match self.ids.last() {
            Some(&last) if last < id => Err(self.ids.len()),
            _ => self.ids.binary_search(&id),
        }
    }

    pub(crate) fn get(&self, id: u16) -> Option<&V> {
        self.values.get(self.find(id).ok()?)
    }

    pub(crate) fn get_mut(&mut self, id: u16) -> Option<&mut V> {
        let at = self.find(id).ok()?;
        self.values.get_mut(at)
    }

    /// The stream's value, made if it has none.
    pub(crate) fn entry(&mut self, id: u16) -> &mut V
    where
        V: Default,
    {
        let at = self.find(id).unwrap_or_else(|at| {
            self.ids.insert(at, id);
            self.values.insert(at, V::default());
            at
        });
        &mut self.values[at]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, &V)> {
        zip(self.ids.iter().copied(), &self.values)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.values.iter_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Gives back the room that nothing stands in.
    pub(crate) fn rest(&mut self) {
        self.ids.shrink_to_fit();
        self.values.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_whatever_order_they_came() {
        let mut table = Table::default();
        for id in [7, 3, 65_535, 0, 3, 9] {
            *table.entry(id) += u32::from(id) + 1;
        }
        let all: Vec<_> = table.iter().map(|(id, &value)| (id, value)).collect();
        assert_eq!(all, [(0, 1), (3, 8), (7, 8), (9, 10), (65_535, 65_536)]);
        assert_eq!((table.get(9), table.get(8), table.len()), (Some(&10), None, 5));
    }
}
