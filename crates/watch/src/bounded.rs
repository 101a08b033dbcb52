//! Maps that do not grow without end: where one is full, the oldest quarter goes at once, so that room is
//! made seldom.

use std::collections::BTreeMap;

/// Makes room for one more. What has the smallest `age` goes first.
pub(crate) fn make_room<K: Ord + Copy, V>(map: &mut BTreeMap<K, V>, bound: usize, age: impl Fn(&V) -> i64) {
    if map.len() < bound {
        return;
    }
    let leaving = (map.len() - bound).saturating_add((bound / 4).max(1)).min(map.len());
    let mut ages: Vec<(i64, K)> = map.iter().map(|(key, value)| (age(value), *key)).collect();
    ages.select_nth_unstable(leaving - 1);
    for (_, key) in ages.into_iter().take(leaving) {
        map.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_quarter_goes_and_no_bound_is_passed() {
        let mut map = BTreeMap::new();
        for key in 0..1_000_i64 {
            make_room(&mut map, 8, |age: &i64| *age);
            map.insert(key, 1_000 - key);
            assert!(map.len() <= 8);
            assert!(map.contains_key(&key));
        }
        // Ages fall with the keys, so the keys that came first are the youngest.
        assert!(map.contains_key(&0));
    }

    #[test]
    fn a_bound_of_one_is_one() {
        let mut map = BTreeMap::from([(1, 1), (2, 2), (3, 3)]);
        make_room(&mut map, 1, |age: &i64| *age);
        assert!(map.is_empty());
    }
}
