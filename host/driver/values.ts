// What storage, network and images yield and drivers consume. Plain data: a value can be written to the ledger and read
// back after a restart. A driver gets everything it may touch in one Place and nothing else of the host.

/** A root file system, immutable, one file. Made by host/images. */
export interface Image {
  name: string
  /** Hex digest of everything that went into it; equal digests mean equal content. */
  digest: string
  /** Uncompressed EROFS. */
  erofsPath: string
  sizeBytes: number
  /** Environment that programs in this image expect (certificate bundle, PATH, LANG). */
  env: Record<string, string>
  user: string
  workdir: string
}

/** A network slot: one namespace, one address on the host side, the same address inside for every machine. Made by host/network. */
export interface Nic {
  slot: number
  netnsPath: string
  /** Name of the interface inside the namespace. */
  device: string
  mac: string
  guestAddress: string
  prefixLength: number
  /** Gateway and resolver, as the guest sees them. */
  gateway: string
  /** How this host reaches the guest; unique on the host. */
  hostAddress: string
  /** Where the guest agent listens, when not on its usual port (only where guests share the host's network). */
  guestPort?: number
}

/** Limits of one machine. */
export interface Limits {
  cpu: number
  memoryMb: number
  diskMb: number
  pids: number
}

/** Where one machine lives: made before the driver is called, taken away after it has killed the machine. */
export interface Place {
  machineId: string
  /** Absolute, owned by root, 0700, empty at first. The driver keeps its files here. */
  dir: string
  nic: Nic
  /** First of 65,536 host user and group ids that belong to this machine alone. */
  uidBase: number
  /** Files into which a launcher writes its process id to be in the machine's cgroup, one per hierarchy. */
  cgroupProcsFiles: string[]
}

/** A snapshot of memory, device state and disk on this host. The directory is immutable once published. */
export interface Snapshot {
  id: string
  dir: string
  driver: string
  /** The driver's own version; another version may refuse to restore. */
  driverVersion: string
  image: Image
  limits: Limits
}

/** A process as it can be told apart from a later one with the same number. */
export interface ProcessIdentity {
  pid: number
  /** Field 22 of /proc/PID/stat, in clock ticks since boot. */
  startTime: string
}

/** A machine as its driver knows it: enough to find it again after the agent was killed. */
export interface MachineHandle {
  machineId: string
  driver: string
  process: ProcessIdentity
  place: Place
  image: Image
  limits: Limits
}
