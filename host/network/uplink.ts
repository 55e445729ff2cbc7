// The way out of this host, read from its routing table: the interface of the default route, how large packets on it may
// be, and whether somebody else uses the addresses that we want.

import { readFile } from 'node:fs/promises'
import { run } from '@pandastack/kit/process/run.ts'
import { overlaps, type Cidr } from './address.ts'
import type { Plan } from './plan.ts'
import { rangeText } from './rules/translate.ts'

export interface Route {
  /** `*` for routes to nowhere, which is what ours are. */
  device: string
  range: Cidr
  metric: number
}

const mtuDefault = 1500
/** What IPv4 demands. */
const mtuMin = 576
const mtuMax = 65_535
const deadlineMs = 10_000

/** The kernel prints addresses here as they lie in memory. */
const numberOf = (hex: string): number => Buffer.from(hex, 'hex').readUInt32LE()

const bitsOf = (mask: number): number => mask.toString(2).replaceAll('0', '').length

/** From the text of /proc/net/route. */
export const parseRoutes = (text: string): Route[] =>
  text.split('\n').flatMap((line) => {
    const [device, destination = '', , , , , metric, mask = ''] = line
      .split('\t')
      .map((field) => field.trim())
    if (!device || !/^[0-9A-F]{8}$/.test(destination) || !/^[0-9A-F]{8}$/.test(mask)) return []
    return [
      {
        device,
        range: { base: numberOf(destination), bits: bitsOf(numberOf(mask)) },
        metric: Number(metric),
      },
    ]
  })

export const defaultDevice = (routes: readonly Route[]): string | undefined =>
  routes
    .filter(({ range, device }) => range.bits === 0 && device !== '*')
    .sort((a, b) => a.metric - b.metric)[0]?.device

/** Routes of others into our ranges. A wider one, such as a whole private network behind a tunnel, does no harm. */
export const collisions = (routes: readonly Route[], plan: Plan): string[] =>
  routes
    .filter(({ device }) => device !== '*' && plan.slotOfName(device) === undefined)
    .filter(({ range }) =>
      [plan.slotRange, plan.guestRange].some((ours) => range.bits >= ours.bits && overlaps(range, ours)),
    )
    .map(({ device, range }) => `${rangeText(range)} on ${device}`)

export const readRoutes = async (): Promise<Route[]> => {
  try {
    return parseRoutes(await readFile('/proc/net/route', 'utf8'))
  } catch {
    return []
  }
}

/** 1500 on a host without a default route. */
export const uplinkMtu = async (): Promise<number> => {
  const device = defaultDevice(await readRoutes())
  if (device === undefined) return mtuDefault
  const { stdout } = await run('ip', ['-o', 'link', 'show', 'dev', device], { deadlineMs })
  const mtu = Number(/ mtu (\d+) /.exec(stdout)?.[1] ?? mtuDefault)
  return Math.min(mtuMax, Math.max(mtuMin, mtu))
}
