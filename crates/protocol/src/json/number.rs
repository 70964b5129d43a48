//! Numbers written as text.

/// The integer that a text is, if it is a JSON number that is one: `5`, `5.0` and `1e3` are, `5.5`,
/// `+5`, `05` and ` 5` are not. Exact; `None` beyond what a 64-bit field could hold.
pub(super) fn integer(text: &str) -> Option<i128> {
    let number = split(text)?;
    // More than 64 bits ever have, so a longer one is out of range whatever its digits are.
    const MOST: i64 = 20;
    let fraction = number.fraction.trim_end_matches('0');
    let digits = format!("{}{fraction}", number.whole);
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    let shift = number.exponent?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let length = i64::try_from(digits.len()).ok()?.checked_add(shift)?;
    if length > MOST {
        return None;
    }
    let kept = if shift < 0 {
        // Only zeros may be shifted out.
        let cut = digits.len().checked_sub(usize::try_from(-shift).ok()?)?;
        let (kept, lost) = digits.split_at(cut);
        if lost.bytes().any(|b| b != b'0') {
            return None;
        }
        kept.to_owned()
    } else {
        digits.to_owned() + &"0".repeat(usize::try_from(shift).ok()?)
    };
    let value: i128 = if kept.is_empty() { 0 } else { kept.parse().ok()? };
    Some(if number.negative { -value } else { value })
}

/// The number that a text is: a JSON number, or one of the words for those that have none.
pub(super) fn double(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => {
            split(text)?;
            text.parse().ok().filter(|n: &f64| n.is_finite())
        }
    }
}

struct Number<'t> {
    negative: bool,
    whole: &'t str,
    fraction: &'t str,
    /// `None` when it is beyond all measure.
    exponent: Option<i64>,
}

/// Takes a JSON number apart.
fn split(text: &str) -> Option<Number<'_>> {
    let digits = |t: &str| t.bytes().take_while(u8::is_ascii_digit).count();
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, rest) = rest.split_at(digits(rest));
    if whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    if fraction.is_empty() && text.contains('.') {
        return None;
    }
    let exponent = match rest.strip_prefix(['e', 'E']) {
        None if rest.is_empty() => Some(0),
        None => return None,
        Some(rest) => {
            let bare = rest.strip_prefix(['+', '-']).unwrap_or(rest);
            if bare.is_empty() || digits(bare) != bare.len() {
                return None;
            }
            rest.parse().ok()
        }
    };
    Some(Number { negative, whole, fraction, exponent })
}
