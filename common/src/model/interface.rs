//! What names of network interfaces tell: whose traffic an interface carries.
//!
//! Owns the rule by which the interfaces of a host add up without counting a byte twice. Knows names
//! only; a port under an unusual name counts as the host's own.

/// Names of the ends of containers and virtual machines, and of devices that only shape traffic.
const GUEST_PREFIXES: [&str; 12] =
    ["veth", "cali", "lxc", "lxd", "tap", "vnet", "vif", "fwpr", "fwln", "ifb", "dummy", "cilium"];

/// Names of bridges, bonds, VLANs and tunnels: what they carry passes through a port as well.
const LAYER_PREFIXES: [&str; 22] = [
    "bond",
    "bridge",
    "cni",
    "docker",
    "flannel",
    "geneve",
    "gre",
    "ip6tnl",
    "ipip",
    "kube-",
    "macvlan",
    "ovs-",
    "sit",
    "tailscale",
    "team",
    "tun",
    "virbr",
    "vlan",
    "vmbr",
    "vxlan",
    "wg",
    "zt",
];

/// Whether `name` is the end of a container or a virtual machine, or only shapes traffic.
pub fn is_guest(name: &str) -> bool {
    starts_with_one(name, &GUEST_PREFIXES)
}

/// Whether `name` is a bridge, a bond, a VLAN or a tunnel.
pub fn is_layer(name: &str) -> bool {
    let is_bridge = |rest: &str| rest.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    name.contains('.')
        || name.strip_prefix("br").is_some_and(is_bridge)
        || starts_with_one(name, &LAYER_PREFIXES)
}

/// Adds up values of interfaces by name.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Total {
    port: Option<f64>,
    layer: Option<f64>,
    guest: Option<f64>,
}

impl Total {
    /// Adds the value of one interface.
    pub fn add(&mut self, name: &str, value: f64) {
        let part = match (is_guest(name), is_layer(name)) {
            (true, _) => &mut self.guest,
            (false, true) => &mut self.layer,
            (false, false) => &mut self.port,
        };
        *part = Some(part.unwrap_or(0.0) + value);
    }

    /// The sum over the host's own ports. Where there is none, that over its layers; where there are
    /// only guests, that over those. `None` without any.
    pub fn value(&self) -> Option<f64> {
        self.port.or(self.layer).or(self.guest)
    }
}

fn starts_with_one(name: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_told_from_what_lies_over_them() {
        for port in ["eth0", "eno1", "enp3s0f1", "wlan0", "wan", "ib0", "broad", "ppp0", "ens18"] {
            assert!(!is_guest(port) && !is_layer(port), "{port}");
        }
        for layer in ["br0", "br-1f2e", "vmbr0", "docker0", "bond0", "eth0.100", "wg0", "tun0"] {
            assert!(is_layer(layer), "{layer}");
        }
        for guest in ["veth12ab", "tap3", "vnet0", "lxcbr0"] {
            assert!(is_guest(guest), "{guest}");
        }
    }

    #[test]
    fn a_byte_that_passes_several_interfaces_counts_once() {
        let total = |interfaces: &[(&str, f64)]| {
            let mut total = Total::default();
            for (name, value) in interfaces {
                total.add(name, *value);
            }
            total.value()
        };
        let busy = [("bond0", 7.0), ("docker0", 3.0), ("eth0", 5.0), ("eth1", 2.0), ("veth1", 3.0)];
        assert_eq!(total(&busy), Some(7.0));
        assert_eq!(total(&[("br0", 4.0), ("veth1", 9.0)]), Some(4.0));
        assert_eq!(total(&[("veth1", 9.0), ("veth2", 1.0)]), Some(10.0));
        assert_eq!(total(&[]), None);
    }
}
