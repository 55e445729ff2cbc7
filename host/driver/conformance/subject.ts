// What the conformance and benchmark suites need to know of a driver under test. A workload is whatever the driver can
// run that counts in memory and keeps files; the suites see it through `talk` alone.

import type { Driver } from '../driver.ts'
import type { Image, Limits, MachineHandle, Place } from '../values.ts'

export interface Workload {
  /** Adds one to a number in the memory of a process and answers with it. Waits for the listener, then asks once. */
  count(): Promise<number>
  /** Paths are absolute, as the guest sees them. */
  write(path: string, text: string): Promise<void>
  /** Rejects when there is no such file. */
  read(path: string): Promise<string>
}

export interface Subject extends AsyncDisposable {
  driver: Driver
  /** A fresh driver object, as an agent makes one after it was killed. What the old one held in memory is lost. */
  restarted(): Promise<Driver>
  image: Image
  limits: Limits
  makePlace(): Promise<Place>
  removePlace(place: Place): Promise<void>
  /** An empty directory for one snapshot, on the file system that the driver wants. Gone with the subject. */
  makeDir(): Promise<string>
  talk(machine: MachineHandle): Workload
  /** Has the machine write to so much memory. Only for benchmarks. */
  dirty?(machine: MachineHandle, mib: number): Promise<void>
}
