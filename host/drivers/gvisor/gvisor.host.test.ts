// The conformance suite on the real engine: root, runsc, network slots, control groups.

import { test } from 'vitest'
import { describeDriver } from '@pandastack/driver/conformance/describe-driver.ts'
import { testGvisor, whyNoGvisor } from '@pandastack/testing/gvisor.ts'

const reason = await whyNoGvisor()
if (reason !== null) {
  console.log(`SKIP the gVisor driver: ${reason}`)
  test.skip(`the gVisor driver: ${reason}`)
} else describeDriver('gvisor', testGvisor)
