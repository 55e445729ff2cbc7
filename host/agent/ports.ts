// What the agent is given by its composition root. The real ones need root; a test builds it on fakes.

import type { Driver, Probe } from '@pandastack/driver/driver.ts'
import type { Image, Limits, Nic, ProcessIdentity } from '@pandastack/driver/values.ts'
import type { Sums } from './sums-port.ts'

export interface Leak {
  kind: 'process' | 'namespace' | 'link' | 'nft' | 'cgroup' | 'mount' | 'file' | 'machine' | 'snapshot'
  name: string
  detail: string
}

export interface Network {
  acquire(): Promise<Nic>
  /** Gives a slot its address and route again; a driver takes them away when it starts a machine. */
  refresh(nic: Nic): Promise<void>
  release(nic: Nic): Promise<void>
  /** After a restart: these slots are in use, everything else of ours may go. */
  adopt(nics: Nic[]): Promise<void>
  leaks(known: Nic[]): Promise<Leak[]>
  close(options: { keep: Nic[] }): Promise<void>
}

export interface Cgroups {
  create(id: string, limits: Limits): Promise<{ procsFiles: string[] }>
  oomKills(id: string): Promise<number>
  /** Ends every process in it. */
  kill(id: string): Promise<void>
  remove(id: string): Promise<void>
  list(): Promise<string[]>
  /** Takes away what is there for all groups. Only when none is left. */
  release(): Promise<void>
}

export interface Storage {
  /** An empty directory for one place, 0700. */
  createPlace(id: string): Promise<string>
  removePlace(id: string): Promise<void>
  listPlaces(): Promise<string[]>
  /** Directory that holds published template snapshots. */
  readonly templatesDir: string
  /** fsync everything under `from`, then rename it to `to` and fsync the parent. */
  publish(from: string, to: string): Promise<void>
  /** Directories of snapshots. Ids are UUIDs, checked before they become part of a path. */
  snapshots: {
    /** An empty work directory for this id; what an earlier try left is gone. */
    make(id: string): Promise<string>
    /** The work directory becomes the snapshot's. Durable: also after a power cut. */
    publish(id: string, options: { durable: boolean }): Promise<string>
    /** The work directory goes. */
    abandon(id: string): Promise<void>
    path(id: string): string
    list(): Promise<string[]>
    remove(id: string): Promise<void>
    /** Copies the files of a snapshot into the work directory of another, sharing blocks where the disk can. */
    clone(from: string, to: string): Promise<void>
    /** Takes away what was not finished. */
    sweep(): Promise<void>
  }
  /** `low`: nothing that writes much should be begun. */
  freeSpace(): Promise<{ freeBytes: number; low: boolean }>
}

export interface Images {
  find(name: string): Promise<Image | null>
}

export interface Relay {
  set(machineId: string, address: string): Promise<void>
  unset(machineId: string): Promise<void>
}

export interface ExitWatch {
  watch(key: string, process: ProcessIdentity, onExit: () => void): void
  unwatch(key: string): void
}

export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface AgentPorts {
  driver: Driver
  probe: Probe
  network: Network
  cgroups: Cgroups
  storage: Storage
  sums: Sums
  images: Images
  relay: Relay
  exits: ExitWatch
  log: Log
}
