// What one slot may use of the network. Figures for ordinary work (package installs, crawlers, builds) with room to
// spare, and low enough that one guest cannot fill the host's tables or make the host's address infamous.

export interface Caps {
  connections: number
  newConnectionsPerSecond: number
  newConnectionsBurst: number
  /** Packets from the guest; large sends count once, as they leave the guest unsegmented. */
  packetsPerSecond: number
  packetsBurst: number
  /** Packets to the resolver, before it sees them. */
  dnsPacketsPerSecond: number
  /** Each way; undefined: as fast as the line is. */
  bandwidthBytesPerSecond?: number | undefined
}

export const defaultCaps: Caps = {
  connections: 2048,
  newConnectionsPerSecond: 200,
  newConnectionsBurst: 1000,
  packetsPerSecond: 100_000,
  packetsBurst: 20_000,
  dnsPacketsPerSecond: 300,
}

/** Throws RangeError on a figure that would not limit. */
export const checkCaps = (caps: Caps): Caps => {
  for (const [name, value] of Object.entries(caps)) {
    if (value === undefined) continue
    if (!Number.isInteger(value) || value < 1 || value > 2 ** 31) throw new RangeError(`${name}: ${value}`)
  }
  return caps
}
