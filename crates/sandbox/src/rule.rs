//! Decisions that follow from a phone number's digits alone: the same in every run, on every machine, with every seed.

/// Picks a place in `weights` by the digits: place `n` for `weights[n]` of all numbers out of the sum of all weights. `what` keeps
/// decisions about one number apart.
pub(crate) fn pick(digits: &str, what: &str, weights: &[u32]) -> usize {
    let sum: u64 = weights.iter().copied().map(u64::from).sum();
    let mut left = hash(digits, what) % sum.max(1);
    for (place, weight) in weights.iter().enumerate() {
        match left.checked_sub(u64::from(*weight)) {
            Some(rest) => left = rest,
            None => return place,
        }
    }
    0
}

/// FNV-1a over both texts, then the finisher of SplitMix64, because FNV alone spreads short texts badly in its low bits.
pub(crate) fn hash(digits: &str, what: &str) -> u64 {
    let bytes = what.bytes().chain([0]).chain(digits.bytes());
    let fnv = bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(fnv)
}

/// The finisher of SplitMix64: every bit of the result depends on every bit of the argument.
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::pick;

    #[test]
    fn a_number_decides_the_same_in_every_release() {
        let picks: Vec<usize> = ["8613800138000", "447911123456", "14155550100"]
            .map(|digits| pick(digits, "validity", &[85, 10, 5]))
            .to_vec();
        assert_eq!(picks, [0, 0, 0], "validity");
        let picks: Vec<usize> = ["8613800138000", "447911123456", "14155550100"]
            .map(|digits| pick(digits, "x", &[1, 1, 1, 1, 1, 1, 1, 1]))
            .to_vec();
        assert_eq!(picks, [4, 6, 7], "eight even places");
    }

    #[test]
    fn the_weights_are_kept_to_within_a_tenth() {
        let mut counts = [0_u32; 4];
        for n in 0..20_000 {
            counts[pick(&format!("86138{n:08}"), "validity", &[85, 10, 5, 0])] += 1;
        }
        assert!((16_500..17_500).contains(&counts[0]), "{counts:?}");
        assert!((1_800..2_200).contains(&counts[1]), "{counts:?}");
        assert!((900..1_100).contains(&counts[2]), "{counts:?}");
        assert_eq!(counts[3], 0);
    }

    #[test]
    fn no_weights_pick_the_first_place() {
        assert_eq!(pick("1", "x", &[]), 0);
        assert_eq!(pick("1", "x", &[0, 0]), 0);
    }
}
