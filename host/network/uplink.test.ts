import { describe, expect, test } from 'vitest'
import { createPlan } from './plan.ts'
import { collisions, defaultDevice, parseRoutes } from './uplink.ts'

const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'
const line = (device: string, destination: string, mask: string, metric = 0): string =>
  `${device}\t${destination}\t00000000\t0003\t0\t0\t${metric}\t${mask}\t0\t0\t0\n`
const plan = createPlan({ prefix: 'ps' })

describe('routes of the host', () => {
  test('the cheapest default route leads out', () => {
    const routes = parseRoutes(
      head + line('wlan0', '00000000', '00000000', 600) + line('eth0', '00000000', '00000000', 100),
    )
    expect(defaultDevice(routes)).toBe('eth0')
  })

  test('without a default route nothing leads out', () => {
    expect(defaultDevice(parseRoutes(head + line('eth0', '000200C0', '00FFFFFF')))).toBeUndefined()
  })

  test('a route of somebody else into our ranges is a collision', () => {
    const routes = parseRoutes(
      head + line('br0', '0000C90A', '0000FFFF') + line('tun0', '0200C80A', 'FFFFFFFF'),
    )
    expect(collisions(routes, plan)).toEqual(['10.201.0.0/16 on br0', '10.200.0.2/32 on tun0'])
  })

  test('our own routes, unreachable ones, wider ones and those of other ranges are none', () => {
    const routes = parseRoutes(
      head +
        line('ps-7', '0700C90A', 'FFFFFFFF') +
        line('*', '0000C90A', '0000FFFF') +
        line('tun0', '0000000A', '000000FF') +
        line('eth0', '0000CA0A', '0000FFFF'),
    )
    expect(routes).toHaveLength(4)
    expect(collisions(routes, plan)).toEqual([])
  })

  test('lines that are no routes are passed over', () => {
    expect(parseRoutes(`${head}junk\n\teth0\n`)).toEqual([])
  })
})
