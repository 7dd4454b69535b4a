//! Pressure and stolen time since the heartbeat before, from the texts of `/proc`. Parsing only.
//!
//! What a kernel does not say is 0; a total that runs back counts as 0 once and goes on from there.

use systole_common::wire::agent::Pressure;

/// Running totals of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// `/proc/pressure/cpu`, some and full, in microseconds.
    pub cpu_us: [Option<u64>; 2],
    /// `/proc/pressure/memory`, some and full, in microseconds.
    pub memory_us: [Option<u64>; 2],
    /// `/proc/pressure/io`, some and full, in microseconds.
    pub io_us: [Option<u64>; 2],
    /// Stolen time of all processors, in microseconds.
    pub steal_us: Option<u64>,
}

/// What grew since the heartbeat before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vitals {
    /// Stall times.
    pub pressure: Pressure,
    /// Time stolen by the hypervisor, in microseconds.
    pub steal_us: u32,
}

impl Totals {
    /// What grew from `before` to here.
    pub fn since(&self, before: &Self) -> Vitals {
        let [cpu_some_us, cpu_full_us] = grown(self.cpu_us, before.cpu_us);
        let [memory_some_us, memory_full_us] = grown(self.memory_us, before.memory_us);
        let [io_some_us, io_full_us] = grown(self.io_us, before.io_us);
        let [steal_us, _] = grown([self.steal_us, None], [before.steal_us, None]);
        let pressure = Pressure {
            cpu_some_us,
            cpu_full_us,
            memory_some_us,
            memory_full_us,
            io_some_us,
            io_full_us,
        };
        Vitals { pressure, steal_us }
    }
}

/// Some and full totals of a `/proc/pressure` file, in microseconds.
pub fn parse_pressure(text: &str) -> [Option<u64>; 2] {
    let total = |name: &str| {
        let line = text.lines().find(|line| line.split(' ').next() == Some(name))?;
        line.split(' ').find_map(|word| word.strip_prefix("total="))?.parse().ok()
    };
    [total("some"), total("full")]
}

/// Stolen time of all processors from `/proc/stat`, in microseconds.
pub fn parse_steal(text: &str, ticks_per_second: u64) -> Option<u64> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: u64 = line.split_ascii_whitespace().nth(7)?.parse().ok()?;
    ticks.checked_mul(1_000_000)?.checked_div(ticks_per_second)
}

fn grown(now: [Option<u64>; 2], before: [Option<u64>; 2]) -> [u32; 2] {
    let one = |now: Option<u64>, before: Option<u64>| match (now, before) {
        (Some(now), Some(before)) => u32::try_from(now.saturating_sub(before)).unwrap_or(u32::MAX),
        (None, _) | (_, None) => 0,
    };
    let ([some, full], [some_before, full_before]) = (now, before);
    [one(some, some_before), one(full, full_before)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CPU: &str = "some avg10=0.22 avg60=0.10 avg300=0.01 total=1500\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=40\n";
    const STAT: &str = "cpu  10 0 20 300 4 0 1 250 0 0\ncpu0 10 0 20 300 4 0 1 250 0 0\n";

    #[test]
    fn totals_are_read_from_the_kernels_texts() {
        assert_eq!(parse_pressure(CPU), [Some(1500), Some(40)]);
        assert_eq!(parse_pressure("some avg10=0.00 total=7\n"), [Some(7), None]);
        assert_eq!(parse_steal(STAT, 100), Some(2_500_000));
        assert_eq!(parse_steal("cpu  1 2 3\n", 100), None);
        assert_eq!(parse_steal(STAT, 0), None);
    }

    #[test]
    fn only_what_grew_since_the_heartbeat_before_is_said() {
        let before = Totals { cpu_us: [Some(1000), None], steal_us: Some(9), ..Totals::default() };
        let after = Totals {
            cpu_us: [Some(1500), Some(40)],
            io_us: [Some(5), Some(5)],
            steal_us: Some(4),
            ..Totals::default()
        };
        let vitals = after.since(&before);
        let expected = Pressure { cpu_some_us: 500, ..Pressure::default() };
        assert_eq!(vitals, Vitals { pressure: expected, steal_us: 0 });
        let far = Totals { steal_us: Some(u64::MAX), ..Totals::default() };
        assert_eq!(far.since(&before).steal_us, u32::MAX);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,300}", ticks: u64) {
            let _ = parse_pressure(&text);
            let _ = parse_steal(&text, ticks);
            let _ = parse_steal(&format!("cpu {text}"), ticks);
        }
    }
}
