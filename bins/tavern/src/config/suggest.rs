//! What somebody probably meant.

/// The candidate nearest to `wrong`, if one is near enough to be meant.
pub(crate) fn nearest<'a>(
    wrong: &str,
    candidates: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    // Also bounds the work: nobody means anything by a name of this length.
    if wrong.len() > 100 {
        return None;
    }
    let allowed = (wrong.chars().count() / 4).clamp(1, 4);
    let near = candidates
        .clone()
        .map(|candidate| (distance(wrong, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min();
    if let Some((_, candidate)) = near {
        return Some(candidate);
    }
    // The right name in the wrong section, when only one section has it.
    let last = |key: &'a str| key.rsplit('.').next().unwrap_or(key);
    let name = wrong.rsplit('.').next().unwrap_or(wrong);
    let mut same = candidates.filter(|candidate| last(candidate) == name);
    match (same.next(), same.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// How many letters to insert, delete, change or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut now = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            now[j] = (last[j] + 1).min(now[j - 1] + 1).min(last[j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                now[j] = now[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, now);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_meant() {
        let known = ["socket.port", "socket.address", "console.port", "logger.level", "name"];
        let guess = |wrong| nearest(wrong, known.into_iter());
        assert_eq!(guess("socket.prot"), Some("socket.port"));
        assert_eq!(guess("loger.level"), Some("logger.level"));
        assert_eq!(guess("level"), Some("logger.level"), "the section is missing");
        assert_eq!(guess("port"), None, "two sections have one");
        assert_eq!(guess("something.else"), None);
        assert_eq!(guess(&"x".repeat(1000)), None);
    }

    #[test]
    fn swapped_neighbours_are_one_mistake() {
        assert_eq!(distance("prot", "port"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
