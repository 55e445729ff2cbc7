// What core counts.

import type { Metrics } from '@pandastack/kit/metrics/metrics.ts'

export const createMeasures = (metrics: Metrics) => ({
  creates: metrics.counter('pandastack_creates_total', 'Sandboxes asked for, by how that ended', ['outcome']),
  createSeconds: metrics.histogram(
    'pandastack_create_seconds',
    'Time of a successful create in the control plane',
    [0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  ),
  ended: metrics.counter('pandastack_sandboxes_ended_total', 'Sandboxes that ended, by why', ['reason']),
  captures: metrics.counter(
    'pandastack_captures_total',
    'Captures of running sandboxes, by why and how they ended',
    ['kind', 'outcome'],
  ),
  pauseSeconds: metrics.histogram(
    'pandastack_capture_pause_seconds',
    'For how long sandboxes stood still while they were captured',
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
  ),
  wakes: metrics.counter('pandastack_wakes_total', 'Sandboxes woken, by outcome', ['outcome']),
  strays: metrics.counter('pandastack_stray_machines_total', 'Machines found on a host without a sandbox'),
  hostUnreachable: metrics.counter('pandastack_host_unreachable_total', 'Calls that a host did not answer'),
})

export type Measures = ReturnType<typeof createMeasures>
