//! Streams by number, in as little room as there are streams: most associations use a few, and most are idle.

use std::collections::BTreeMap;
use std::iter::zip;

/// From here on a tree: a peer that uses its streams from the highest down must not make us move all others each time.
const FEW: usize = 64;

/// Values by stream.
#[derive(Debug)]
pub(crate) enum Table<V> {
    /// Ids ascending, each with its value.
    Few {
        ids: Vec<u16>,
        values: Vec<V>,
    },
    Many(BTreeMap<u16, V>),
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self::Few { ids: Vec::new(), values: Vec::new() }
    }
}

impl<V> Table<V> {
    pub(crate) fn get(&self, id: u16) -> Option<&V> {
        match self {
            Self::Few { ids, values } => values.get(ids.binary_search(&id).ok()?),
            Self::Many(tree) => tree.get(&id),
        }
    }

    pub(crate) fn get_mut(&mut self, id: u16) -> Option<&mut V> {
        match self {
            Self::Few { ids, values } => values.get_mut(ids.binary_search(&id).ok()?),
            Self::Many(tree) => tree.get_mut(&id),
        }
    }

    /// The stream's value, made if it has none.
    pub(crate) fn entry(&mut self, id: u16) -> &mut V
    where
        V: Default,
    {
        if let Self::Few { ids, values } = self
            && ids.len() == FEW
            && ids.binary_search(&id).is_err()
        {
            *self = Self::Many(zip(std::mem::take(ids), std::mem::take(values)).collect());
        }
        match self {
            Self::Few { ids, values } => {
                let at = ids.binary_search(&id).unwrap_or_else(|at| {
                    ids.insert(at, id);
                    values.insert(at, V::default());
                    at
                });
                &mut values[at]
            }
            Self::Many(tree) => tree.entry(id).or_default(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, &V)> {
        let (few, many) = match self {
            Self::Few { ids, values } => (Some(zip(ids.iter().copied(), values)), None),
            Self::Many(tree) => (None, Some(tree.iter().map(|(&id, value)| (id, value)))),
        };
        few.into_iter().flatten().chain(many.into_iter().flatten())
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let (few, many) = match self {
            Self::Few { values, .. } => (Some(values), None),
            Self::Many(tree) => (None, Some(tree.values_mut())),
        };
        few.into_iter().flatten().chain(many.into_iter().flatten())
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Few { ids, .. } => ids.len(),
            Self::Many(tree) => tree.len(),
        }
    }

    /// Gives back the room that nothing stands in.
    pub(crate) fn rest(&mut self) {
        if let Self::Few { ids, values } = self {
            ids.shrink_to_fit();
            values.shrink_to_fit();
        }
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

    #[test]
    fn many_are_the_same_as_a_few() {
        for count in [FEW - 1, FEW, FEW + 1, 5 * FEW] {
            let mut table = Table::default();
            for id in (0..count).rev().chain(0..count) {
                *table.entry(u16::try_from(id).unwrap()) += id + 1;
            }
            table.values_mut().for_each(|value| *value *= 2);
            let expected: Vec<_> = (0..count).map(|id| (u16::try_from(id).unwrap(), 4 * (id + 1))).collect();
            assert_eq!(table.iter().map(|(id, &value)| (id, value)).collect::<Vec<_>>(), expected);
            assert_eq!((table.get(9).copied(), table.get_mut(10).copied()), (Some(40), Some(44)));
            assert_eq!((table.len(), table.get(60_000)), (count, None));
        }
    }
}
