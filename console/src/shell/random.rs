//! Random numbers: the instance of this start, and the jitter of attempts.

use ring::rand::{SecureRandom, SystemRandom};

/// A random number; the clock's digits where the system gives none, which spreads attempts as well.
pub fn number() -> u64 {
    let mut bytes = [0; 8];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => super::clock::clocks().mono_ns.rotate_right(17),
    }
}
