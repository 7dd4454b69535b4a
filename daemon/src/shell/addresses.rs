//! Which addresses make trouble: failed and unproven attempts, and how often that is logged.
//!
//! Attempts that succeed cost an address nothing, so a site behind one address is never locked out by
//! its own size. It knows no sockets; the time is told.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use systole_common::time::Mono;

use crate::limits::{ADDRESS_BURDEN_MAX, ADDRESS_FORGIVEN_EVERY, ADDRESSES_MAX, REFUSAL_LOG_EVERY};

/// What is known of addresses that fail or have not proven themselves.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    all: BTreeMap<IpAddr, Burden>,
}

#[derive(Debug)]
struct Burden {
    unproven: u32,
    failed: u32,
    forgiven: Mono,
    logged: Option<Mono>,
    unlogged: u64,
}

impl Addresses {
    /// Whether `address` has too many failed and unproven attempts.
    pub(super) fn is_burdened(&mut self, address: IpAddr, now: Mono) -> bool {
        self.all.get_mut(&network(address)).is_some_and(|burden| {
            burden.forgive(now);
            burden.unproven.saturating_add(burden.failed) >= ADDRESS_BURDEN_MAX
        })
    }

    /// An attempt from an unproven address begins; [`Self::end`] must follow.
    pub(super) fn begin(&mut self, address: IpAddr, now: Mono) {
        let burden = self.burden(address, now);
        burden.unproven = burden.unproven.saturating_add(1);
    }

    /// The attempt from an unproven address has come to an end, good or bad.
    pub(super) fn end(&mut self, address: IpAddr) {
        if let Some(burden) = self.all.get_mut(&network(address)) {
            burden.unproven = burden.unproven.saturating_sub(1);
        }
    }

    /// An attempt failed.
    pub(super) fn fail(&mut self, address: IpAddr, now: Mono) {
        let burden = self.burden(address, now);
        burden.failed = burden.failed.saturating_add(1).min(2 * ADDRESS_BURDEN_MAX);
    }

    /// A refusal is to be logged. `Some` if now: how many were not logged before it.
    pub(super) fn log(&mut self, address: IpAddr, now: Mono) -> Option<u64> {
        let burden = self.burden(address, now);
        if burden.logged.is_some_and(|at| now.since(at) < REFUSAL_LOG_EVERY) {
            burden.unlogged += 1;
            return None;
        }
        burden.logged = Some(now);
        Some(std::mem::take(&mut burden.unlogged))
    }

    fn burden(&mut self, address: IpAddr, now: Mono) -> &mut Burden {
        let network = network(address);
        if self.all.len() >= ADDRESSES_MAX && !self.all.contains_key(&network) {
            self.make_room(now);
        }
        let fresh = Burden { unproven: 0, failed: 0, forgiven: now, logged: None, unlogged: 0 };
        let burden = self.all.entry(network).or_insert(fresh);
        burden.forgive(now);
        burden
    }

    /// Forgets those that are forgiven, or else the one that was quiet for the longest time.
    fn make_room(&mut self, now: Mono) {
        self.all.retain(|_, burden| {
            burden.forgive(now);
            let is_quiet = burden.logged.is_none_or(|at| now.since(at) > REFUSAL_LOG_EVERY);
            burden.unproven > 0 || burden.failed > 0 || !is_quiet
        });
        if self.all.len() >= ADDRESSES_MAX {
            let oldest = self.all.iter().min_by_key(|(_, burden)| (burden.unproven, burden.logged));
            if let Some(oldest) = oldest.map(|(address, _)| *address) {
                self.all.remove(&oldest);
            }
        }
    }
}

impl Burden {
    fn forgive(&mut self, now: Mono) {
        let every = ADDRESS_FORGIVEN_EVERY;
        let times = now.since(self.forgiven).as_nanos() / every.as_nanos().max(1);
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        self.failed = self.failed.saturating_sub(times);
        self.forgiven = self.forgiven.plus(every.saturating_mul(times));
    }
}

/// An IPv6 site has a whole /64 to itself; IPv4 in IPv6's clothes is IPv4.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono(seconds * 1_000_000_000)
    }

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn success_costs_nothing_and_failures_are_forgiven_in_time() {
        let mut addresses = Addresses::default();
        for _ in 0..1_000 {
            addresses.begin(address(1), at(0));
            addresses.end(address(1));
        }
        assert!(!addresses.is_burdened(address(1), at(0)));
        for _ in 0..ADDRESS_BURDEN_MAX {
            addresses.fail(address(1), at(0));
        }
        assert!(addresses.is_burdened(address(1), at(0)));
        assert!(!addresses.is_burdened(address(2), at(0)));
        assert!(!addresses.is_burdened(address(1), at(1)), "forgiven in time");
    }

    #[test]
    fn one_line_a_while_tells_how_many_it_stands_for() {
        let mut addresses = Addresses::default();
        assert_eq!(addresses.log(address(1), at(0)), Some(0));
        assert_eq!(addresses.log(address(1), at(1)), None);
        assert_eq!(addresses.log(address(1), at(2)), None);
        assert_eq!(addresses.log(address(2), at(2)), Some(0));
        assert_eq!(addresses.log(address(1), at(11)), Some(2));
        assert!(!addresses.is_burdened(address(1), at(11)));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_sites_are_networks() {
        let mut addresses = Addresses::default();
        for count in 0..u32::try_from(ADDRESSES_MAX).unwrap() * 2 {
            addresses.fail(IpAddr::from(count.to_be_bytes()), at(0));
        }
        assert!(addresses.all.len() <= ADDRESSES_MAX);
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let other: IpAddr = "2001:db8::ffff:2".parse().unwrap();
        assert_eq!(network(one), network(other));
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), address(1));
    }
}
