// Where a guest may go. Everything is refused that is not plainly public: the host's own addresses as the kernel knows
// them at that moment (`fib`), private and reserved ranges, other slots, mail. Refusals answer at once, so that programs
// fail instead of hanging. Pure text.
//
// Two looks at a packet: before any destination translation of others (a published port of some container engine must
// not be a way around), and in `forward`, where the true destination is known.

import { closedIpv4 } from '../ranges.ts'
import type { Plan } from '../plan.ts'
import type { Caps } from './caps.ts'
import { rangeText } from './translate.ts'

export interface PolicyOptions {
  /** Where the resolver listens, at the gateway's address. */
  resolverPort: number
  /** Ranges that the operator closes besides, or opens although they are private. */
  closed: readonly string[]
  open: readonly string[]
}

/** Half-open and idle flows go soon; an established one keeps for as long as RFC 5382 asks. */
const timeouts = `
  ct timeout tcp_flows {
    protocol tcp
    l3proto ip
    policy = { syn_sent : 20, syn_recv : 20, established : 7440, fin_wait : 30, close_wait : 60, last_ack : 20, time_wait : 30 }
  }
  ct timeout udp_flows {
    protocol udp
    l3proto ip
    policy = { unreplied : 20, replied : 90 }
  }
  ct timeout dns_flows {
    protocol udp
    l3proto ip
    policy = { unreplied : 6, replied : 3 }
  }`

const ranges = (name: string, elements: readonly string[]): string => `
  set ${name} {
    type ipv4_addr
    flags interval
    auto-merge
    ${elements.length > 0 ? `elements = { ${elements.join(', ')} }` : ''}
  }`

const sets = (plan: Plan, options: PolicyOptions): string => `
  ${ranges('closed', [...closedIpv4, ...options.closed])}
  ${ranges('open', options.open)}
  set flows {
    type ipv4_addr
    size ${plan.slotsMax}
    flags dynamic
  }
  set fresh {
    type ipv4_addr
    size ${plan.slotsMax}
    flags dynamic,timeout
    timeout 1m
  }
  set questions {
    type ipv4_addr
    size ${plan.slotsMax}
    flags dynamic,timeout
    timeout 1m
  }
  set braked {
    type inet_proto
  }`

/** Names are in the order of the checks. */
export const counterNames = [
  'forged',
  'flooded',
  'slowed',
  'host',
  'private',
  'neighbour',
  'mail',
  'stale',
  'protocol',
  'braked',
  'rate',
  'flows',
  'dns',
  'inbound',
] as const

const refusing = `
  chain refuse {
    meta l4proto tcp reject with tcp reset
    reject with icmp admin-prohibited
  }`

const early = ({ prefix, gateway }: Plan, { resolverPort }: PolicyOptions): string => `
  chain early {
    type filter hook prerouting priority dstnat - 10; policy accept;
    iifname "${prefix}-*" goto before_translation
  }
  chain before_translation {
    ct state { invalid, untracked } drop
    ct state { established, related } accept
    meta l4proto { tcp, udp } th dport 53 accept
    fib daddr type != unicast counter name "host" goto refuse
  }
  chain ask_our_resolver {
    type nat hook prerouting priority dstnat - 10; policy accept;
    iifname "${prefix}-*" meta l4proto { tcp, udp } th dport 53 dnat ip to ${gateway}:${resolverPort}
  }`

const forward = ({ prefix }: Plan, caps: Caps): string => `
  chain forward {
    type filter hook forward priority filter - 10; policy accept;
    iifname "${prefix}-*" goto leaving
    oifname "${prefix}-*" goto entering
  }
  chain leaving {
    oifname "${prefix}-*" counter name "neighbour" goto refuse
    ct state { invalid, untracked } drop
    ct state established accept
    ct state related meta l4proto icmp accept
    ip daddr @closed ip daddr != @open counter name "private" goto refuse
    tcp flags != syn / fin,syn,rst,ack counter name "stale" reject with tcp reset
    tcp dport { 25, 465, 587 } counter name "mail" goto refuse
    meta l4proto != { tcp, udp, icmp } counter name "protocol" goto refuse
    meta l4proto @braked counter name "braked" drop
    update @fresh { ip saddr limit rate over ${caps.newConnectionsPerSecond}/second burst ${caps.newConnectionsBurst} packets } counter name "rate" drop
    add @flows { ip saddr ct count over ${caps.connections} } counter name "flows" goto refuse
    ct timeout set meta l4proto map { tcp : "tcp_flows", udp : "udp_flows" }
  }
  chain entering {
    ct state established accept
    ct state related meta l4proto icmp accept
    counter name "inbound" drop
  }`

/** Only root on this host speaks to guests: the relay and the resolver do, other users have no business there. */
const local = ({ prefix, gateway }: Plan, caps: Caps, { resolverPort }: PolicyOptions): string => `
  chain input {
    type filter hook input priority filter - 10; policy accept;
    iifname "${prefix}-*" goto to_host
    iifname != "lo" ip daddr ${gateway} drop
  }
  chain to_host {
    ct state { invalid, untracked } drop
    ip daddr ${gateway} udp dport ${resolverPort} goto to_resolver
    ct state established accept
    ct state related meta l4proto icmp accept
    ip daddr ${gateway} tcp dport ${resolverPort} goto to_resolver
    counter name "host" goto refuse
  }
  chain to_resolver {
    update @questions { ip saddr limit rate over ${caps.dnsPacketsPerSecond}/second burst ${caps.dnsPacketsPerSecond * 2} packets } counter name "dns" drop
    ct state new ct timeout set meta l4proto map { tcp : "tcp_flows", udp : "dns_flows" }
    accept
  }
  chain output {
    type filter hook output priority filter - 10; policy accept;
    oifname "${prefix}-*" goto host_to_slot
  }
  chain host_to_slot {
    ct state { established, related } accept
    meta skuid != 0 drop
    ct timeout set meta l4proto map { tcp : "tcp_flows", udp : "udp_flows" }
    accept
  }`

const masquerade = ({ prefix, slotRange }: Plan): string => `
  chain masquerade_slots {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${rangeText(slotRange)} oifname != "${prefix}-*" oifname != "lo" masquerade
  }`

export const policy = (plan: Plan, caps: Caps, options: PolicyOptions): string =>
  [
    counterNames.map((name) => `  counter ${name} {\n  }`).join('\n'),
    timeouts,
    sets(plan, options),
    refusing,
    early(plan, options),
    forward(plan, caps),
    local(plan, caps, options),
    masquerade(plan),
  ].join('\n')
