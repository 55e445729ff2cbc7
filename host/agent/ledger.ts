// What this host knows of its machines, on disk, so that the agent can be killed at any moment. One row per machine:
// what was asked for, what it is, and the handle by which its driver finds it again. A row is written before its state is
// told to anybody. SQLite in WAL mode: a killed process loses nothing; a power cut may lose the last rows, and then the
// machines are gone as well.

import { DatabaseSync } from 'node:sqlite'
import type { MachineReport, MachineSpec } from '@pandastack/contracts/wire/host/v1/machines.ts'
import type { MachineHandle } from '@pandastack/driver/values.ts'

export interface MachineRow {
  spec: MachineSpec
  report: MachineReport
  handle: MachineHandle | null
}

export interface Ledger extends Disposable {
  all(): MachineRow[]
  put(row: MachineRow): void
  forget(machineId: string): void
  /** A value of the host itself, made on first use: its id, the boot it last ran in. */
  setting(name: string, initial: () => string): string
  setSetting(name: string, value: string): void
}

export function openLedger(file: string): Ledger {
  const database = new DatabaseSync(file)
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA busy_timeout = 5000;
    CREATE TABLE IF NOT EXISTS machines (
      machine_id TEXT PRIMARY KEY,
      spec TEXT NOT NULL,
      report TEXT NOT NULL,
      handle TEXT
    ) STRICT;
    CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  `)
  const select = database.prepare('SELECT spec, report, handle FROM machines ORDER BY rowid')
  const upsert = database.prepare(
    `INSERT INTO machines (machine_id, spec, report, handle) VALUES (?, ?, ?, ?)
     ON CONFLICT (machine_id) DO UPDATE SET spec = excluded.spec, report = excluded.report, handle = excluded.handle`,
  )
  const remove = database.prepare('DELETE FROM machines WHERE machine_id = ?')
  const read = database.prepare('SELECT value FROM settings WHERE name = ?')
  const write = database.prepare('INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)')
  const setting = (name: string, initial: () => string): string => {
    const found = read.get(name)?.['value']
    if (typeof found === 'string') return found
    const value = initial()
    write.run(name, value)
    return value
  }
  return {
    all: () =>
      select.all().map((row) => ({
        spec: JSON.parse(String(row['spec'])) as MachineSpec,
        report: JSON.parse(String(row['report'])) as MachineReport,
        handle: row['handle'] === null ? null : (JSON.parse(String(row['handle'])) as MachineHandle),
      })),
    put: ({ spec, report, handle }) =>
      void upsert.run(
        spec.machineId,
        JSON.stringify(spec),
        JSON.stringify(report),
        handle ? JSON.stringify(handle) : null,
      ),
    forget: (machineId) => void remove.run(machineId),
    setting,
    setSetting: (name, value) => void write.run(name, value),
    [Symbol.dispose]: () => database.close(),
  }
}
