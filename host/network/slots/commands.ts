// The `ip -batch` scripts that make, refresh and remove slots. Pure text. Addresses of IPv6 are never generated, inside
// or outside; the interface stays down until everything about it is set.

import type { Plan } from '../plan.ts'

/** On the host. A batch ends at the first line that fails. */
export const makeLines = (plan: Plan, slot: number, mtu: number): string => {
  const name = plan.nameOf(slot)
  return `netns add ${name}
link add ${name} mtu ${mtu} type veth peer name eth0 address ${plan.mac} mtu ${mtu} netns ${name}
link set ${name} addrgenmode none
addr add ${plan.gateway}/32 dev ${name}
link set ${name} up
route replace ${plan.addressOf(slot)}/32 dev ${name} src ${plan.gateway}
neigh replace ${plan.addressOf(slot)} lladdr ${plan.mac} dev ${name} nud permanent
neigh replace ${plan.guestAddress} lladdr ${plan.mac} dev ${name} nud permanent
`
}

/** Inside the namespace. The last line tells what interfaces there are. */
export const refreshLines = (plan: Plan): string => `link set lo up
link set eth0 addrgenmode none
link set eth0 address ${plan.mac}
link set eth0 up
addr flush dev eth0
addr add ${plan.guestAddress}/${plan.guestRange.bits} dev eth0
route replace default via ${plan.gateway}
link show
`

/** On the host; the kernel takes the interface away when the namespace's last user is gone. */
export const removeLines = (plan: Plan, slot: number): string => `netns del ${plan.nameOf(slot)}\n`

/** For interfaces that outlive their namespace's name, because something still runs in it. */
export const removeLinkLines = (plan: Plan, slot: number): string => `link del ${plan.nameOf(slot)}\n`

/** Names from `ip link show`. */
export const linkNames = (text: string): string[] =>
  [...text.matchAll(/^\d+: ([^:@\s]+)/gm)].map(([, name]) => name ?? '')

/** Sysctls of the host's end, by their path under /proc/sys/net. */
export const hostEndSysctls = (plan: Plan, slot: number): [path: string, value: string][] => {
  const ipv4 = `ipv4/conf/${plan.nameOf(slot)}`
  return [
    [`ipv6/conf/${plan.nameOf(slot)}/disable_ipv6`, '1'],
    // Should our tables vanish, packets with the guest's own address have no way back and are dropped: closed, not open.
    [`${ipv4}/rp_filter`, '1'],
    [`${ipv4}/forwarding`, '1'],
    [`${ipv4}/arp_ignore`, '1'],
    [`${ipv4}/accept_redirects`, '0'],
    [`${ipv4}/send_redirects`, '0'],
    [`${ipv4}/accept_source_route`, '0'],
  ]
}
