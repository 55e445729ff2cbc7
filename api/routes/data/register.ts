// The data half of the API: exec, terminals, code contexts, files, logs, ports, proxy.

import type { ApiApp, ApiDeps } from '../../app.ts'

export const registerData = async (_app: ApiApp, _deps: ApiDeps): Promise<void> => {}
